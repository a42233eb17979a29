/**
 * What `Pogo`'s callers ask for: each a batched command, whose answer the view learns at once.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ChildSpec from "../../ChildSpec.js"
import type * as Pogo from "../../Pogo.js"
import {
  ChildNotFound,
  ChildSpecConflict,
  type InvalidChildSpec,
  OutcomeUnknown,
  type RegistryUnavailable
} from "../../PogoError.js"
import { encodeBody } from "../kind/specCodec.js"
import { giveBackFirst } from "../loops/snapshot.js"
import { activeSession } from "../node/activeSession.js"
import type { Node } from "../node/node.js"
import { request, shutDown, unavailable } from "../node/registryRequest.js"
import type { Args, DelResult, Ok, PutResult, Value } from "../registry/commands.js"
import { maxBatch } from "../registry/commands.js"
import { parseSpec, parseTomb } from "../registry/state.js"
import { describe } from "../runtime/describe.js"
import { Batcher } from "./batcher.js"
import { pastQuarantine } from "./quarantine.js"
import { statusById } from "./status.js"

type PutItem = Args<"put">["items"][number]
type DelItem = Args<"del">["items"][number]

/** A result, and the counter value as of which it holds. */
interface Dated<A> {
  readonly result: A
  readonly at: number
}

/** How often a call is made anew because another call came between. */
const races = 5

/** @internal */
export class Calls {
  private readonly ensures: Batcher<PutItem, Dated<PutResult>, RegistryUnavailable>
  private readonly dels: Batcher<DelItem, Dated<DelResult>, RegistryUnavailable>
  private ops = 0

  constructor(private readonly node: Node, private readonly name: string) {
    const closed = (sent: boolean) => (node.phase === "closed" ? shutDown("call", sent) : undefined)
    this.ensures = new Batcher(node.fork, (items) => this.put("ensure", items), node.ambient.breathe, closed)
    this.dels = new Batcher(
      node.fork,
      (items) => Effect.map(this.send("del", { items }), (reply) => dated(reply.value.results, reply.high)),
      node.ambient.breathe,
      closed
    )
  }

  /** A name for a call, so that its repetition is recognised. */
  private op(): string {
    return `${this.name}.${++this.ops}`
  }

  private put(
    mode: Args<"put">["mode"],
    items: ReadonlyArray<PutItem>
  ): Effect.Effect<ReadonlyArray<Dated<PutResult>>, RegistryUnavailable> {
    return Effect.map(this.send("put", { mode, items }), (reply) => dated(reply.value.results, reply.high))
  }

  /** Sends as soon as this node has a session; not later than one command timeout from now. */
  private send<K extends "put" | "del">(name: K, args: Args<K>): Effect.Effect<Ok<Value<K>>, RegistryUnavailable> {
    const { node } = this
    const before = node.ambient.now() + node.timing.commandTimeout
    const attempt: Effect.Effect<Ok<Value<K>>, RegistryUnavailable> = Effect.flatMap(
      activeSession(node, name, before),
      (session) =>
        giveBackFirst(node, session, args.items).pipe(
          Effect.mapError(({ detail, reason }) => unavailable(name, reason, detail, false)),
          Effect.zipRight(request(node, session, name, args)),
          Effect.flatMap((reply) =>
            reply._tag === "OK"
              ? Effect.succeed(reply)
              : Effect.fail(unavailable(name, "Refused", `the registry answered ${reply._tag}`, false))
          )
        )
    )
    const isWorthwhile = (error: RegistryUnavailable) =>
      !error.sent && (error.reason === "Joining" || error.reason === "Timeout") && node.ambient.now() < before &&
      node.phase !== "closed"
    return Effect.catchIf(attempt, isWorthwhile, () => Effect.zipRight(Effect.yieldNow(), this.send(name, args)))
  }

  /** Registers one spec, and waits out a quarantine. */
  readonly start = (spec: ChildSpec.Any): Effect.Effect<
    Pogo.StartResult,
    InvalidChildSpec | ChildSpecConflict | RegistryUnavailable | OutcomeUnknown
  > =>
    Effect.gen(this, function*() {
      const encoded = yield* ChildSpec.encode(spec)
      const body = yield* encodeBody(encoded)
      const item: PutItem = { id: encoded.id, op: this.op(), generation: 0, body }
      const put = Effect.map(this.ensures.submit(item), (answer) => [answer] as const)
      const [answer] = yield* outcome("startChild", item, pastQuarantine(this.node, "startChild", put))
      return yield* this.started(item, answer)
    })

  private started(
    { body, id }: PutItem,
    { at, result }: Dated<PutResult>
  ): Effect.Effect<Pogo.StartResult, ChildSpecConflict | RegistryUnavailable> {
    switch (result._tag) {
      case "CREATED":
        this.node.view.learnSpec(id, result.spec, at)
        return Effect.succeed({ _tag: "Created", id, generation: generationOf(result.spec) })
      case "SAME":
        this.node.view.learnSpec(id, result.spec, at)
        return Effect.succeed({
          _tag: "AlreadyStarted",
          id,
          generation: generationOf(result.spec),
          status: statusById(this.node, id) ?? { _tag: "Pending", reason: "it was registered a moment ago" }
        })
      case "CONFLICT":
        return Effect.fail(conflict(id, result.spec, body))
      case "TERMINATED":
      case "DONE":
        // This very call had registered it; it has been ended since.
        return Effect.succeed({ _tag: "Created", id, generation: BigInt(parseTomb(result.tomb)?.generation ?? 0) })
      default:
        return Effect.fail(foreign("startChild", id))
    }
  }

  /** Registers many specs, batch by batch; nothing is written unless all of them are valid. */
  readonly startAll = (specs: Iterable<ChildSpec.Any>): Effect.Effect<
    ReadonlyArray<Either.Either<Pogo.StartResult, ChildSpecConflict>>,
    InvalidChildSpec | RegistryUnavailable | OutcomeUnknown
  > =>
    Effect.gen(this, function*() {
      const items: Array<PutItem> = []
      for (const spec of specs) {
        const encoded = yield* ChildSpec.encode(spec)
        items.push({ id: encoded.id, op: this.op(), generation: 0, body: yield* encodeBody(encoded) })
        if (items.length % maxBatch === 0) yield* this.node.ambient.breathe
      }
      const results: Array<Either.Either<Pogo.StartResult, ChildSpecConflict>> = []
      for (let i = 0; i < items.length; i += maxBatch) {
        results.push(...yield* this.startBatch(items, i))
        yield* this.node.ambient.breathe
      }
      return results
    })

  /** One batch of many: what stands before it stands, so the failure of a later one says that it is not known how far. */
  private startBatch(items: ReadonlyArray<PutItem>, from: number) {
    const batch = items.slice(from, from + maxBatch)
    const first = batch[0]!
    const put = pastQuarantine(this.node, "startChildren", this.put("ensure", batch))
    return outcome("startChildren", first, put).pipe(
      Effect.mapError((error) =>
        from === 0 || error._tag === "OutcomeUnknown" ? error : new OutcomeUnknown({
          operation: "startChildren",
          id: first.id,
          op: first.op,
          detail: `${from} of ${items.length} are registered; ${error.detail}`
        })
      ),
      Effect.flatMap((answers) => Effect.forEach(batch, (item, i) => this.startedOrConflict(item, answers[i]!)))
    )
  }

  private startedOrConflict(
    item: PutItem,
    answer: Dated<PutResult>
  ): Effect.Effect<Either.Either<Pogo.StartResult, ChildSpecConflict>, RegistryUnavailable> {
    return this.started(item, answer).pipe(
      Effect.map((result): Either.Either<Pogo.StartResult, ChildSpecConflict> => Either.right(result)),
      Effect.catchTag("ChildSpecConflict", (error) => Effect.succeed(Either.left(error)))
    )
  }

  /** Ends a child, of whatever generation it is when the call is made. */
  readonly terminate = (
    id: string
  ): Effect.Effect<Pogo.TerminateResult, RegistryUnavailable | OutcomeUnknown> =>
    Effect.gen(this, function*() {
      if (typeof id !== "string") {
        return yield* Effect.die(new TypeError(`terminateChild takes an id, not ${describe(id)}`))
      }
      const op = this.op()
      let generation = this.node.view.entries.get(id)?.spec?.generation ?? 0
      for (let i = 0; i < races; i++) {
        const item = { id, op, generation }
        const del = Effect.map(this.dels.submit(item), (answer) => [answer] as const)
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

  /** Puts a new generation in the place of the one that is there. */
  private supersede(
    operation: string,
    mode: "replace" | "bump",
    id: string,
    body: string
  ): Effect.Effect<bigint, ChildNotFound | RegistryUnavailable | OutcomeUnknown> {
    return Effect.gen(this, function*() {
      const op = this.op()
      let generation = this.node.view.entries.get(id)?.spec?.generation ?? 0
      for (let i = 0; i < races; i++) {
        const item = { id, op, generation, body }
        const put = pastQuarantine(this.node, operation, this.put(mode, [item]))
        const [answer] = yield* outcome(operation, item, put)
        const { at, result } = answer!
        if (result._tag === "ABSENT") return yield* Effect.fail(new ChildNotFound({ id }))
        if (result._tag !== "CREATED" && result._tag !== "CONFLICT") return yield* Effect.fail(foreign(operation, id))
        this.node.view.learnSpec(id, result.spec, at)
        if (result._tag === "CREATED") return generationOf(result.spec)
        generation = Number(generationOf(result.spec))
      }
      return yield* Effect.fail(unavailable(operation, "Refused", contended, false))
    })
  }

  readonly replace = (spec: ChildSpec.Any) =>
    Effect.gen(this, function*() {
      const encoded = yield* ChildSpec.encode(spec)
      const body = yield* encodeBody(encoded)
      const generation = yield* this.supersede("replaceChild", "replace", encoded.id, body)
      return { _tag: "Replaced" as const, id: encoded.id, generation }
    })

  readonly restart = (id: string) =>
    Effect.map(this.supersede("restartChild", "bump", id, ""), (generation) => ({
      _tag: "Restarted" as const,
      id,
      generation
    }))

  /** Registers initial specs; see `initial.ts`. */
  readonly ensureInitial = (items: ReadonlyArray<{ readonly id: string; readonly body: string }>) =>
    this.put("ensureInitial", items.map(({ body, id }) => ({ id, body, op: this.op(), generation: 0 })))

  /** Replaces one generation only, whatever came meanwhile. */
  readonly replaceExactly = (id: string, generation: number, body: string) =>
    this.put("replace", [{ id, op: this.op(), generation, body }])
}

const contended = "other calls changed the child each time; try again"

const dated = <A>(results: ReadonlyArray<A>, at: number): ReadonlyArray<Dated<A>> =>
  results.map((result) => ({ result, at }))

const generationOf = (raw: string): bigint => BigInt(parseSpec(raw)?.generation ?? 0)

const conflict = (id: string, raw: string, requested: string): ChildSpecConflict =>
  new ChildSpecConflict({ id, generation: generationOf(raw), existing: parseSpec(raw)?.body ?? raw, requested })

const foreign = (operation: string, id: string): RegistryUnavailable =>
  unavailable(
    operation,
    "ForeignData",
    `the record stored for "${id}" is not ours, or is damaged; it is left alone`,
    false
  )

/** A change that was sent and not answered may have been made. */
const outcome = <A>(
  operation: string,
  { id, op }: { readonly id: string; readonly op: string },
  effect: Effect.Effect<A, RegistryUnavailable>
): Effect.Effect<A, RegistryUnavailable | OutcomeUnknown> =>
  Effect.mapError(effect, (error) =>
    error.sent
      ? new OutcomeUnknown({ operation, id, op, detail: error.detail })
      : unavailable(operation, error.reason, error.detail, false))
