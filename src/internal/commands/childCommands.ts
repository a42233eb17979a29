/**
 * Commands about children, as callers of `Pogo` give them: start, replace, restart, terminate. Commands that come at
 * the same time go to the registry in one batch; each waits for this node to join and for a quarantine to end; the
 * replica learns every answer at once.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import type { ChildStatus } from "../../ChildInfo.js"
import * as ChildSpec from "../../ChildSpec.js"
import {
  ChildNotFound,
  ChildSpecConflict,
  type InvalidChildId,
  type InvalidChildSpec,
  OutcomeUnknown,
  type RegistryUnavailable
} from "../../PogoError.js"
import { encodeSpec } from "../kind/specCodec.js"
import { readList } from "../kind/specList.js"
import { asMember, isSameContent } from "../kind/specSets.js"
import { giveBackFirst } from "../loops/changeFeed.js"
import { statusById } from "../node/childStatus.js"
import type { Node } from "../node/node.js"
import { outcome, requestWhenActive, shutDown, unavailable } from "../node/registryRequest.js"
import type { AskedBy } from "../registry/asked.js"
import { batchesOf } from "../registry/batches.js"
import {
  type Args,
  type DelResult,
  maxBatch,
  type Ok,
  type PutItem,
  type PutResult,
  type Value
} from "../registry/commands.js"
import { parseSpec, parseTomb } from "../registry/state.js"
import { bodyTextOf, readSpec } from "../replica/replica.js"
import { longestTurn } from "../runtime/environment.js"
import { writableAsJson } from "../runtime/plainJson.js"
import { logInfo, logWarning } from "../runtime/userCode.js"
import { Batcher } from "./batcher.js"
import { askedBy, askerOf, type CommandOptions } from "./commandOptions.js"

/**
 * What `startChild` did. `AlreadyStarted`: the same content was registered; its status may be `Failed`.
 *
 * @since 0.1.0
 * @category models
 */
export type StartResult =
  | { readonly _tag: "Created"; readonly id: ChildSpec.ChildId; readonly generation: bigint }
  | {
    readonly _tag: "AlreadyStarted"
    readonly id: ChildSpec.ChildId
    readonly generation: bigint
    readonly status: ChildStatus
  }

/**
 * What `terminateChild` did.
 *
 * @since 0.1.0
 * @category models
 */
export type TerminateResult = { readonly _tag: "Terminated" | "Absent"; readonly id: ChildSpec.ChildId }

/**
 * What `upsertChild` did. `Unchanged`: the same content was registered, and its run goes on.
 *
 * @since 0.1.0
 * @category models
 */
export interface UpsertResult {
  readonly _tag: "Created" | "Replaced" | "Unchanged"
  readonly id: ChildSpec.ChildId
  readonly generation: bigint
}

/** How a start is sent: one that nobody is named for leaves no entry in the history. */
const startedBy = (asked: AskedBy | undefined): Pick<PutCall, "mode" | "asked"> =>
  asked === undefined ? { mode: "ensure" } : { mode: "start", asked }

/** Why a command waits. `left`: milliseconds until the quarantine ends. */
const quarantineDetail = (left: number): string =>
  `the registry's data is new, and may not know yet what exists; ${Math.ceil(left / 1000)} s to go`

/** Logs once per session that commands wait, however many of them do. */
const logWaiting = (node: Node, left: number): void => {
  const { session } = node
  if (session === undefined || session.loggedWaiting) return
  session.loggedWaiting = true
  node.fork(logInfo(`calls that start children wait: ${quarantineDetail(left)}`))
}

/**
 * Repeats an attempt for as long as an answer is `QUARANTINE`: the registry's data is new, and may not know yet what
 * exists. The attempt must be safe to repeat.
 */
const pastQuarantine = <A extends ReadonlyArray<{ readonly result: { readonly _tag: string } }>>(
  node: Node,
  operation: string,
  attempt: Effect.Effect<A, RegistryUnavailable>
): Effect.Effect<A, RegistryUnavailable> =>
  Effect.suspend(() => {
    const { ambient, timing } = node
    const before = ambient.now() + timing.ttl + timing.heartbeat
    const left = () => Math.max(0, (node.session?.quarantineUntil ?? 0) - ambient.now())
    const once = Effect.flatMap(attempt, (answers) =>
      answers.every(({ result }) => result._tag !== "QUARANTINE")
        ? Effect.succeed(answers)
        : Effect.fail(unavailable(operation, "Quarantine", quarantineDetail(left()), false)))
    return Effect.retry(once, {
      schedule: Schedule.modifyDelay(node.retries, (_, pause) => Duration.max(pause, left())),
      while: ({ reason }) => {
        const mayWait = reason === "Quarantine" && ambient.now() + left() <= before
        if (mayWait) logWaiting(node, left())
        return mayWait
      }
    })
  })

type DelItem = Args<"del">["items"][number]

/** A registration on its way to the registry. */
interface PutCall {
  readonly mode: Args<"put">["mode"]
  readonly item: PutItem
  readonly asked?: AskedBy | undefined
}

/** An end on its way to the registry. */
interface DelCall {
  readonly item: DelItem
  readonly asked: AskedBy | undefined
}

/** An answer about one item, and the registry's counter value as of which it holds. */
interface Dated<A> {
  readonly result: A
  readonly at: number
}

/** How often a command is sent anew because another one changed the child in between. */
const races = 5

/** The commands of one node. `name` is random: it keeps its operation ids apart from those of other nodes. */
export class ChildCommands {
  private readonly puts: Batcher<PutCall, Dated<PutResult>, RegistryUnavailable>
  private readonly dels: Batcher<DelCall, Dated<DelResult>, RegistryUnavailable>
  private ops = 0

  constructor(private readonly node: Node, private readonly name: string) {
    const closed = (sent: boolean) => (node.phase === "closed" ? shutDown("call", sent) : undefined)
    this.puts = new Batcher(
      node.fork,
      (calls) => this.put(calls[0]!.mode, calls.map(({ item }) => item), calls[0]!.asked),
      node.ambient.yieldTurn,
      closed,
      ({ item }) => this.sizeOf(item),
      ({ asked, mode }) => `${mode} ${askerOf(asked)}`
    )
    this.dels = new Batcher(
      node.fork,
      (calls) => this.del(calls.map(({ item }) => item), calls[0]!.asked),
      node.ambient.yieldTurn,
      closed,
      ({ item }) => node.view.specSize(item.id),
      ({ asked }) => askerOf(asked)
    )
  }

  /** About how many bytes a registration carries, or is answered with where another spec stands there. */
  private readonly sizeOf = ({ body, id }: PutItem): number => Math.max(body.length, this.node.view.specSize(id))

  /** A new operation id, by which the registry recognises a repetition. */
  private newOp(): string {
    return `${this.name}.${++this.ops}`
  }

  private put(
    mode: Args<"put">["mode"],
    items: ReadonlyArray<PutItem>,
    asked?: AskedBy
  ): Effect.Effect<ReadonlyArray<Dated<PutResult>>, RegistryUnavailable> {
    return Effect.map(this.send("put", { mode, items, asked }), (reply) => dated(reply.value.results, reply.high))
  }

  private del(
    items: ReadonlyArray<DelItem>,
    asked?: AskedBy
  ): Effect.Effect<ReadonlyArray<Dated<DelResult>>, RegistryUnavailable> {
    return Effect.map(this.send("del", { items, asked }), (reply) => dated(reply.value.results, reply.high))
  }

  /** Registers with the next batch of its kind; safe to repeat. */
  private submit(call: PutCall): Effect.Effect<readonly [Dated<PutResult>], RegistryUnavailable> {
    return Effect.map(this.puts.submit(call), (answer) => [answer] as const)
  }

  /** Sends a batch as soon as this node is active, after what it remembers of these children. */
  private send<K extends "put" | "del">(name: K, args: Args<K>): Effect.Effect<Ok<Value<K>>, RegistryUnavailable> {
    const { node } = this
    return requestWhenActive(node, name, args, (session, left) => giveBackFirst(node, session, args.items, left))
  }

  /** `Pogo.startChild`. */
  readonly start = (spec: ChildSpec.Any, options?: CommandOptions): Effect.Effect<
    StartResult,
    InvalidChildSpec | ChildSpecConflict | RegistryUnavailable | OutcomeUnknown
  > =>
    Effect.gen(this, function*() {
      const { body, id } = yield* encodeSpec(spec)
      const item: PutItem = { id, op: this.newOp(), generation: 0, body }
      const put = this.submit({ ...startedBy(askedBy(this.node, options)), item })
      const [answer] = yield* outcome("startChild", item, pastQuarantine(this.node, "startChild", put))
      return yield* this.started(item, answer)
    })

  /** What the answer about one spec means to its caller. */
  private started(
    item: PutItem,
    { at, result }: Dated<PutResult>
  ): Effect.Effect<StartResult, ChildSpecConflict | RegistryUnavailable> {
    const { body } = item
    const id = item.id as ChildSpec.ChildId
    switch (result._tag) {
      case "CREATED":
        this.node.view.learnSpec(id, result.spec, at)
        return Effect.succeed(writableAsJson({ _tag: "Created", id, generation: generationOf(result.spec) }))
      case "SAME":
        this.node.view.learnSpec(id, result.spec, at)
        return Effect.succeed(writableAsJson({
          _tag: "AlreadyStarted",
          id,
          generation: generationOf(result.spec),
          status: statusById(this.node, id) ?? { _tag: "Pending", reason: "it was registered a moment ago" }
        }))
      case "CONFLICT":
        // A member of a set has the same content, and another body.
        return isSameContent(parseSpec(result.spec)?.body ?? "", body)
          ? this.started(item, { at, result: { _tag: "SAME", spec: result.spec } })
          : Effect.fail(conflict(id, result.spec, body))
      case "TERMINATED":
      case "DONE":
        // This very call had registered it; it has been ended since.
        return Effect.succeed(
          writableAsJson({ _tag: "Created", id, generation: BigInt(parseTomb(result.tomb)?.generation ?? 0) })
        )
      default:
        return Effect.fail(foreign("startChild", id))
    }
  }

  /** `Pogo.startChildren`: batch by batch. Nothing is written unless all specs are valid. */
  readonly startAll = (specs: Iterable<ChildSpec.Any>, options?: CommandOptions): Effect.Effect<
    ReadonlyArray<Either.Either<StartResult, ChildSpecConflict>>,
    InvalidChildSpec | RegistryUnavailable | OutcomeUnknown
  > =>
    Effect.gen(this, function*() {
      const items: Array<PutItem> = []
      let began = this.node.ambient.now()
      for (const spec of yield* readList("startChildren", specs)) {
        items.push({ ...yield* encodeSpec(spec), op: this.newOp(), generation: 0 })
        if (items.length % maxBatch !== 0 && this.node.ambient.now() - began < longestTurn) continue
        yield* this.node.ambient.yieldTurn
        began = this.node.ambient.now()
      }
      const results: Array<Either.Either<StartResult, ChildSpecConflict>> = []
      const asked = askedBy(this.node, options)
      for (const batch of batchesOf(items, this.sizeOf)) {
        results.push(...yield* this.startBatch(batch, asked, results.length, items.length))
        yield* this.node.ambient.yieldTurn
      }
      yield* tellConflicts(results)
      return results
    })

  /**
   * One batch of many. Earlier batches stand, so the failure of a later one is an `OutcomeUnknown` that counts them.
   */
  private startBatch(batch: ReadonlyArray<PutItem>, asked: AskedBy | undefined, from: number, all: number) {
    const first = batch[0]!
    const put = pastQuarantine(this.node, "startChildren", this.put(startedBy(asked).mode, batch, asked))
    return outcome("startChildren", first, put).pipe(
      Effect.mapError((error) =>
        from === 0 || error._tag === "OutcomeUnknown" ? error : new OutcomeUnknown({
          operation: "startChildren",
          id: first.id,
          op: first.op,
          detail: `${from} of ${all} are registered; ${error.detail}`
        })
      ),
      Effect.flatMap((answers) => Effect.forEach(batch, (item, i) => this.startedOrConflict(item, answers[i]!)))
    )
  }

  private startedOrConflict(
    item: PutItem,
    answer: Dated<PutResult>
  ): Effect.Effect<Either.Either<StartResult, ChildSpecConflict>, RegistryUnavailable> {
    return this.started(item, answer).pipe(
      Effect.map((result): Either.Either<StartResult, ChildSpecConflict> => Either.right(result)),
      Effect.catchTag("ChildSpecConflict", (error) => Effect.succeed(Either.left(error)))
    )
  }

  /** `Pogo.terminateChild`: ends the child in whatever generation it is when the command is given. */
  readonly terminate = (
    text: string,
    options?: CommandOptions
  ): Effect.Effect<TerminateResult, InvalidChildId | RegistryUnavailable | OutcomeUnknown> =>
    Effect.gen(this, function*() {
      const id = yield* ChildSpec.parseId(text)
      const op = this.newOp()
      const asked = askedBy(this.node, options)
      let generation = this.node.view.entries.get(id)?.spec?.generation ?? 0
      for (let i = 0; i < races; i++) {
        const item = { id, op, generation }
        const del = Effect.map(this.dels.submit({ item, asked }), (answer) => [answer] as const)
        const [answer] = yield* outcome("terminateChild", item, pastQuarantine(this.node, "terminateChild", del))
        const { at, result } = answer
        if (result._tag === "ABSENT") return { _tag: "Absent", id }
        if (result._tag === "GONE") {
          this.node.view.learnTomb(id, result.tomb, at)
          return { _tag: "Terminated", id }
        }
        if (result._tag !== "NEWER") return yield* Effect.fail(foreign("terminateChild", id))
        this.node.view.learnSpec(id, result.spec, at)
        generation = Number(generationOf(result.spec))
      }
      return yield* Effect.fail(unavailable("terminateChild", "Refused", contended, false))
    })

  /** Replaces the present generation by a new one, with new content (`replace`) or the same (`bump`). */
  private supersede(
    operation: string,
    mode: "replace" | "bump",
    id: ChildSpec.ChildId,
    content: string,
    asked: AskedBy | undefined
  ): Effect.Effect<bigint, InvalidChildSpec | ChildNotFound | RegistryUnavailable | OutcomeUnknown> {
    return Effect.gen(this, function*() {
      const op = this.newOp()
      let known = this.node.view.entries.get(id)?.spec
      let generation = known?.generation ?? 0
      for (let i = 0; i < races; i++) {
        // It stays in its set.
        const body = yield* asMember(id, content, known?.set)
        const item = { id, op, generation, body }
        const put = pastQuarantine(this.node, operation, this.submit({ mode, item, asked }))
        const [answer] = yield* outcome(operation, item, put)
        const { at, result } = answer
        if (result._tag === "ABSENT") return yield* Effect.fail(new ChildNotFound({ id }))
        if (result._tag !== "CREATED" && result._tag !== "CONFLICT") return yield* Effect.fail(foreign(operation, id))
        this.node.view.learnSpec(id, result.spec, at)
        if (result._tag === "CREATED") return generationOf(result.spec)
        known = readSpec(id, result.spec)
        generation = Number(generationOf(result.spec))
      }
      return yield* Effect.fail(unavailable(operation, "Refused", contended, false))
    })
  }

  /** `Pogo.replaceChild`. */
  readonly replace = (spec: ChildSpec.Any, options?: CommandOptions) =>
    Effect.gen(this, function*() {
      const { body, id } = yield* encodeSpec(spec)
      const generation = yield* this.supersede("replaceChild", "replace", id, body, askedBy(this.node, options))
      return writableAsJson({ _tag: "Replaced" as const, id, generation })
    })

  /** `Pogo.upsertChild`. */
  readonly upsert = (spec: ChildSpec.Any, options?: CommandOptions): Effect.Effect<
    UpsertResult,
    InvalidChildSpec | RegistryUnavailable | OutcomeUnknown
  > =>
    Effect.gen(this, function*() {
      const operation = "upsertChild"
      const { body: content, id } = yield* encodeSpec(spec)
      const asked = askedBy(this.node, options)
      let item: PutItem = { id, op: this.newOp(), generation: 0, body: content }
      for (let i = 0; i < 2 * races; i++) {
        const mode = item.generation === 0 ? startedBy(asked).mode : "replace"
        const put = pastQuarantine(this.node, operation, this.submit({ mode, item, asked }))
        const [answer] = yield* outcome(operation, item, put)
        const { at, result } = answer
        if ("spec" in result) this.node.view.learnSpec(id, result.spec, at)
        if (result._tag === "CREATED" || result._tag === "SAME") {
          const done = mode === "replace" ? "Replaced" : result._tag === "SAME" ? "Unchanged" : "Created"
          return writableAsJson({ _tag: done, id, generation: generationOf(result.spec) })
        }
        if (result._tag === "TERMINATED" || result._tag === "DONE") {
          // This very call had registered it; it has been ended since.
          return writableAsJson({ _tag: "Created", id, generation: BigInt(parseTomb(result.tomb)?.generation ?? 0) })
        }
        if (result._tag === "CONFLICT") {
          const known = readSpec(id, result.spec)
          if (known === undefined) return yield* Effect.fail(foreign(operation, id))
          if (isSameContent(bodyTextOf(known), content)) {
            return writableAsJson({ _tag: "Unchanged", id, generation: BigInt(known.generation) })
          }
          // It stays in its set.
          const body = yield* asMember(id, content, known.set)
          item = { id, op: this.newOp(), generation: known.generation, body }
        } else if (result._tag === "ABSENT") item = { id, op: this.newOp(), generation: 0, body: content }
        else return yield* Effect.fail(foreign(operation, id))
      }
      return yield* Effect.fail(unavailable(operation, "Refused", contended, false))
    })

  /** `Pogo.restartChild`. */
  readonly restart = (text: string, options?: CommandOptions) =>
    Effect.gen(this, function*() {
      const id = yield* ChildSpec.parseId(text)
      const generation = yield* Effect.catchTag(
        this.supersede("restartChild", "bump", id, "{}", askedBy(this.node, options)),
        "InvalidChildSpec",
        () => Effect.fail(foreign("restartChild", id))
      )
      return writableAsJson({ _tag: "Restarted" as const, id, generation })
    })

  /** Registers specs of initial children. */
  readonly ensureInitial = (items: ReadonlyArray<{ readonly id: ChildSpec.ChildId; readonly body: string }>) =>
    this.put("ensureInitial", items.map(({ body, id }) => ({ id, body, op: this.newOp(), generation: 0 })))

  /** Replaces one generation only: does nothing when another one is registered by then. */
  readonly replaceExactly = (id: string, generation: number, body: string) =>
    this.put("replace", [{ id, op: this.newOp(), generation, body }])
}

/** Why a command gave up. */
const contended = "other calls changed the child each time; try again"

/** Logs the conflicts among many results, which a caller may not look at: the children go on with other content. */
const tellConflicts = (results: ReadonlyArray<Either.Either<StartResult, ChildSpecConflict>>): Effect.Effect<void> =>
  Effect.suspend(() => {
    const ids = results.flatMap((result) => (Either.isLeft(result) ? [result.left.id] : []))
    const names = ids.slice(0, 5).join(", ")
    return ids.length === 0 ? Effect.void : logWarning(
      `${ids.length} of ${results.length} children are registered with other content, which stays: ` +
        `${names}${ids.length > 5 ? ", .." : ""}; replaceChild, upsertChild or reconcile changes it`
    )
  })

const dated = <A>(results: ReadonlyArray<A>, at: number): ReadonlyArray<Dated<A>> =>
  results.map((result) => ({ result, at }))

const generationOf = (raw: string): bigint => BigInt(parseSpec(raw)?.generation ?? 0)

const conflict = (id: ChildSpec.ChildId, raw: string, requested: string): ChildSpecConflict =>
  new ChildSpecConflict({ id, generation: generationOf(raw), existing: parseSpec(raw)?.body ?? raw, requested })

/** The error of a command whose record in the registry is not ours. */
const foreign = (operation: string, id: string): RegistryUnavailable =>
  unavailable(
    operation,
    "ForeignData",
    `the record stored for "${id}" is not ours, or is damaged; it is left alone`,
    false
  )
