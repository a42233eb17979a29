/**
 * Reconciling a set of children with a list: `Pogo.reconcile`.
 *
 * A round is begun first: of two callers the later goes before the earlier, also in mid-work. Then everything that was
 * written before the round is read, the plan is made, creations and replacements are sent, and ends come last.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as MetricLabel from "effect/MetricLabel"
import type { Any } from "../../ChildSpec.js"
import type { InvalidChildSpec, OutcomeUnknown, RegistryUnavailable } from "../../PogoError.js"
import * as PogoEvent from "../../PogoEvent.js"
import * as PogoMetrics from "../../PogoMetrics.js"
import { fault } from "../kind/canonicalJson.js"
import { checkKind, encodeSpec, invalid } from "../kind/specCodec.js"
import { listOnce, readList } from "../kind/specList.js"
import { checkSet } from "../kind/specSets.js"
import type { Node } from "../node/node.js"
import type { OwnList } from "../node/ownList.js"
import { outcome, requestWhenActive, shutDown, unavailable } from "../node/registryRequest.js"
import { type EndLimit, limitOf, planSet, type SeenChild, type SetGoal, type SetPlan } from "../plan/setPlan.js"
import { type ReconcilePlan, ReconcileRefused, ReconcileSuperseded } from "../reconcileErrors.js"
import { longestTurn } from "../runtime/environment.js"
import { describe, unknownOption } from "../runtime/userInput.js"
import { type HeldRound, planOf, seenOf, SetWork } from "./setWork.js"

/**
 * Options of `Pogo.reconcile`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReconcileOptions {
  /**
   * The named set of the kind that the list is for: 1 to 128 bytes. Default: the unnamed one, of which all children of
   * the kind are that no reconcile has taken into a named set.
   */
  readonly set?: string | undefined
  /** Tells the plan and changes nothing; no limit refuses it. Default false. */
  readonly dryRun?: boolean | undefined
  /** Whether members of the set that are not listed are terminated. Default true. */
  readonly prune?: boolean | undefined
  /**
   * How many members may be terminated, as a whole number or as a share of the set (`"10%"`; at least one). More are refused with
   * `ReconcileRefused`. Default: half, where the set has more than ten.
   */
  readonly maxTerminate?: EndLimit | undefined
  /**
   * Whether an empty list may end all members, unless `maxTerminate` is given and says fewer. Default false: it is
   * refused, whatever `maxTerminate` says.
   */
  readonly allowEmpty?: boolean | undefined
}

/**
 * What `Pogo.reconcile` can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReconcileError =
  | InvalidChildSpec
  | ReconcileRefused
  | ReconcileSuperseded
  | RegistryUnavailable
  | OutcomeUnknown

/** One call, checked. */
interface ReconcileCall {
  readonly kind: string
  readonly goal: SetGoal
  readonly options: ReconcileOptions
  /** Token of the child that makes it; 0 for none. */
  readonly fence: number
}

/** How often a round is begun anew because the registry's data set is another. */
const eras = 5

/** What stands for the kind in what is told of a set over all kinds. */
export const anyKind = "*"

/** Plans by what a node knows: for one kind, or for all. */
export const planOfView = ({ view }: Node, goal: SetGoal, kind?: string): SetPlan => {
  const seen: Array<SeenChild> = []
  for (const { id, spec } of view.entries.values()) {
    if (spec !== undefined && (kind === undefined || spec.kind === kind)) seen.push(seenOf(id, spec))
  }
  return planSet(goal, seen)
}

/** A plan as users see it. */
export const shown = ({ steps }: SetPlan): ReconcilePlan =>
  planOf(steps.map(({ does, id, why }) => [id, { list: does === "retag" ? "keep" : does, why }]))

/** Why a plan ends too much, if it does. */
const refusalOf = ({ goal, kind, options }: ReconcileCall, plan: SetPlan): ReconcileRefused | undefined => {
  const { members, steps } = plan
  const ends = steps.filter(({ does }) => does === "terminate").length
  const isMeant = goal.listed.size === 0 && options.allowEmpty === true
  const limit = isMeant && options.maxTerminate === undefined ? members : limitOf(options.maxTerminate, members) ?? 0
  const isEmpty = goal.listed.size === 0 && !isMeant
  if (ends === 0 || (!isEmpty && ends <= limit)) return undefined
  const reason = isEmpty ? "EmptyList" : "TooManyEnds"
  return new ReconcileRefused({ kind, set: goal.set, reason, limit, members, plan: shown(plan) })
}

const guard = (asked: ReconcileCall, plan: SetPlan): Effect.Effect<void, ReconcileRefused> =>
  Effect.suspend(() => {
    const refusal = refusalOf(asked, plan)
    return refusal === undefined ? Effect.void : Effect.fail(refusal)
  })

const dryRunOf = (asked: ReconcileCall, plan: SetPlan): ReconcilePlan => {
  const refusal = refusalOf(asked, plan)
  return refusal === undefined ? shown(plan) : { ...shown(plan), refused: refusal.reason }
}

/** Options by their names: a misspelt `dryRun` would otherwise act. */
const known: ReadonlySet<string> = new Set<keyof ReconcileOptions>([
  "allowEmpty",
  "dryRun",
  "maxTerminate",
  "prune",
  "set"
])

/** What is wrong with the options beside the name of the set. */
const faultOf = (options: ReconcileOptions) => {
  const unknown = unknownOption(options, known)
  if (unknown !== undefined) {
    return fault("options", unknown, "is no option of a reconcile", `there are ${[...known].join(", ")}`)
  }
  return limitOf(options.maxTerminate, 0) === undefined
    ? fault("maxTerminate", options.maxTerminate, "is no limit", "give a whole number, or a share such as \"10%\"")
    : undefined
}

/** The reconciles of one node. `id` is random: it keeps its operation ids apart from those of others. */
export class SetCommands {
  private ops = 0
  /** The youngest round of its list's set that this node has read of. */
  private seenRound = 0

  constructor(private readonly node: Node, private readonly id: string) {}

  private readonly newOp = (): string => `${this.id}.s${++this.ops}`

  /** `Pogo.reconcile`. */
  readonly reconcile = (
    { kind }: { readonly kind: string },
    specs: Iterable<Any>,
    options: ReconcileOptions = {},
    fence = 0
  ): Effect.Effect<ReconcilePlan, ReconcileError> =>
    Effect.gen(this, function*() {
      const wrong = checkKind(kind)
      if (wrong !== undefined) return yield* Effect.fail(invalid(describe(kind), wrong))
      const set = yield* checkSet(kind, options.set)
      const misfit = faultOf(options)
      if (misfit !== undefined) return yield* Effect.fail(invalid(kind, misfit))
      const listed = yield* this.encode(kind, set, specs)
      const asked = { kind, goal: { set, listed, prune: options.prune ?? true, ofCode: false }, options, fence }
      return options.dryRun === true
        ? dryRunOf(asked, yield* Effect.zipRight(this.readUpTo(0), this.plan(asked)))
        : yield* this.counted(asked, Effect.tap(this.run(asked, eras), (plan) => this.tell(asked, plan)))
    })

  /** Counts one call by how it ends. */
  private counted<A>(
    { kind }: ReconcileCall,
    made: Effect.Effect<A, ReconcileError>
  ): Effect.Effect<A, ReconcileError> {
    const count = (outcome: string) =>
      Effect.sync(() => {
        const { name: node, scope } = this.node.config
        const labels = Object.entries({ scope, node, kind, outcome }).map(([name, value]) =>
          MetricLabel.make(name, value)
        )
        PogoMetrics.reconciles.unsafeUpdate(1, labels)
      })
    return Effect.tapBoth(made, {
      onFailure: ({ _tag }) => count(_tag),
      onSuccess: (plan) => (plan === undefined ? Effect.void : count("Success"))
    })
  }

  private tell({ goal, kind }: ReconcileCall, plan: ReconcilePlan): Effect.Effect<void> {
    return Effect.sync(() =>
      this.node.emit(() =>
        PogoEvent.Reconciled({
          kind,
          set: goal.set,
          node: this.node.config.name,
          created: plan.create.length,
          replaced: plan.replace.length,
          terminated: plan.terminate.length,
          kept: plan.keep.length,
          foreign: plan.foreign.length,
          contended: plan.contended.length
        })
      )
    )
  }

  /** The bodies of the list, by id. */
  private encode(
    kind: string,
    set: string | undefined,
    specs: Iterable<Any>
  ): Effect.Effect<ReadonlyMap<string, string>, InvalidChildSpec> {
    const { ambient } = this.node
    return Effect.gen(function*() {
      const listed = new Map<string, string>()
      let began = ambient.now()
      for (const spec of yield* readList(kind, specs)) {
        const { body, id } = yield* encodeSpec(spec, set)
        if (!id.startsWith(`${kind}/`)) {
          const remedy = `list children of ${describe(kind)} only, and reconcile each kind by itself`
          return yield* Effect.fail(invalid(id, fault("kind", id, "is of another kind than the set", remedy)))
        }
        yield* listOnce(listed, id, body)
        if (ambient.now() - began < longestTurn) continue
        yield* ambient.yieldTurn
        began = ambient.now()
      }
      return listed
    })
  }

  /** Begins a round, and reads all that was written before it. */
  private begin({ fence, goal, kind }: ReconcileCall): Effect.Effect<HeldRound, ReconcileError> {
    return Effect.gen(this, function*() {
      const key = `${kind}/${goal.set ?? ""}`
      for (let i = 0; i < eras; i++) {
        const op = this.newOp()
        const begun = requestWhenActive(this.node, "begin", { key, op, fence })
        const { log, value } = yield* outcome("reconcile", { id: key, op }, begun)
        const era = this.node.session?.era ?? ""
        if (value.result._tag !== "BEGUN") {
          const other = value.result._tag === "FENCED" ? value.result.fence : value.result.round
          const detail = `it was asked for with token ${fence}, and one with token ${other} has begun since`
          return yield* Effect.fail(new ReconcileSuperseded({ kind, set: goal.set, detail }))
        }
        if (value.quarantine === 0) {
          yield* this.readUpTo(log)
          return { key, round: value.result.round, era }
        }
        // The registry may not know yet what exists. What is given back until then is written before the next round.
        yield* Effect.sleep(value.quarantine)
      }
      const detail = "the registry's data was replaced each time"
      return yield* Effect.fail(unavailable("reconcile", "Quarantine", detail, false))
    })
  }

  /** Reads the log up to a position, and waits until this node has given back what it knew of an earlier data set. */
  private readUpTo(log: number): Effect.Effect<void, RegistryUnavailable> {
    const { node } = this
    const isRead = () => node.session !== undefined && node.session.merge === undefined && node.session.cursor >= log
    const reading = Effect.async<void>((resume) => {
      const forget = node.afterReading(() => resume(Effect.void))
      return Effect.sync(forget)
    })
    const pause = Effect.sleep(node.timing.heartbeat / 4)
    const closed = () => node.phase === "closed"
    const until: Effect.Effect<void, RegistryUnavailable> = Effect.suspend(() => {
      if (closed()) return Effect.fail(shutDown("reconcile", false))
      return isRead() ? Effect.void : Effect.zipRight(pause, until)
    })
    const duration = node.timing.ttl
    const onTimeout = () =>
      unavailable("reconcile", "Timeout", `this node did not learn what is registered within ${duration} ms`, false)
    return Effect.suspend(() => closed() ? Effect.void : reading).pipe(
      Effect.zipRight(until),
      Effect.timeoutFail({ duration, onTimeout })
    )
  }

  /** Plans by what this node knows. */
  private plan({ goal, kind }: ReconcileCall): Effect.Effect<SetPlan> {
    return Effect.sync(() => planOfView(this.node, goal, kind))
  }

  /**
   * Makes the set of this node's list equal to it, save for what is missing: all nodes add that by themselves. Ends and
   * replaces nothing unless `isAgreed` holds when all was read that was written before the round; `undefined` then, and
   * where another session with such a list, or another round, has begun meanwhile.
   */
  readonly keep = (
    { what: { allowEmpty, listed, set } }: OwnList,
    isAgreed: () => boolean
  ): Effect.Effect<ReconcilePlan | undefined, ReconcileError> =>
    Effect.suspend(() => {
      const goal = { set, listed, prune: true, ofCode: true }
      const asked = { kind: anyKind, goal, options: { allowEmpty, maxTerminate: Infinity }, fence: 0 }
      return this.counted(asked, this.keepAgreed(asked, isAgreed))
    })

  private keepAgreed(
    asked: ReconcileCall,
    isAgreed: () => boolean
  ): Effect.Effect<ReconcilePlan | undefined, ReconcileError> {
    return Effect.gen(this, function*() {
      const { goal } = asked
      const set = goal.set!
      // What is refused anyway needs no round.
      yield* guard(asked, planOfView(this.node, goal))
      const round = yield* this.beginSeen(set, isAgreed)
      if (round === undefined || !isAgreed()) return undefined
      const plan = planOfView(this.node, goal)
      yield* guard(asked, plan)
      const work = new SetWork(this.node, goal, round, this.newOp)
      const done = yield* Effect.catchTag(work.carryOut(plan), "RoundOver", () => Effect.succeed(undefined))
      if (done !== undefined) yield* this.tell(asked, done)
      return done
    })
  }

  /** Begins a round that goes before those only that this node has read of, and reads all that was written before it. */
  private beginSeen(key: string, isAgreed: () => boolean): Effect.Effect<HeldRound | undefined, ReconcileError> {
    return Effect.gen(this, function*() {
      for (let i = 0; i < eras; i++) {
        const { session } = this.node
        if (session === undefined || !isAgreed()) return undefined
        const op = this.newOp()
        const seen = { sid: session.sid, round: this.seenRound }
        const begun = requestWhenActive(this.node, "begin", { key, op, fence: 0, seen })
        const { log, value: { quarantine, result } } = yield* outcome("reconcile", { id: key, op }, begun)
        if (result._tag !== "FENCED") this.seenRound = result.round
        yield* quarantine > 0 ? Effect.sleep(quarantine) : this.readUpTo(log)
        if (result._tag === "BEGUN" && quarantine === 0) return { key, round: result.round, era: session.era }
      }
      return undefined
    })
  }

  /** Carries one call out. `left`: how often it may begin anew. */
  private run(asked: ReconcileCall, left: number): Effect.Effect<ReconcilePlan, ReconcileError> {
    const { goal, kind } = asked
    return Effect.gen(this, function*() {
      const round = yield* this.begin(asked)
      const plan = yield* this.plan(asked)
      yield* guard(asked, plan)
      const work = new SetWork(this.node, goal, round, this.newOp)
      return yield* Effect.catchTag(work.carryOut(plan), "RoundOver", () => {
        // A new data set refuses the round, too.
        if (this.node.session?.era !== round.era && left > 0) return this.run(asked, left - 1)
        const detail = "another reconcile of this set began after this one"
        return Effect.fail(new ReconcileSuperseded({ kind, set: goal.set, detail }))
      })
    })
  }
}
