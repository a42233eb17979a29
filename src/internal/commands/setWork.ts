/**
 * Carrying out the plan of a set, within one round: creations, replacements and changes of the set first, ends last. A
 * child that was changed meanwhile is planned anew, some times; each step names the record that was seen, so that none
 * that was changed meanwhile is replaced or ended.
 *
 * @internal
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { ChildId } from "../../ChildSpec.js"
import type { OutcomeUnknown, RegistryUnavailable } from "../../PogoError.js"
import { giveBackFirst } from "../loops/changeFeed.js"
import type { Node } from "../node/node.js"
import { answeredWhenActive, outcome, unavailable } from "../node/registryRequest.js"
import { type SeenChild, type SetGoal, type SetPlan, type SetStep, stepFor } from "../plan/setPlan.js"
import type { PlannedChild, ReconcilePlan } from "../reconcileErrors.js"
import { batchesOf } from "../registry/batches.js"
import type { Args, DelResult, Ok, PutMode, PutResult, SetRound, Value } from "../registry/commands.js"
import { bodyTextOf, type KnownSpec, readSpec } from "../replica/replica.js"

/** A round, and the data set that it was begun in. */
export interface HeldRound extends SetRound {
  readonly era: string
}

/** Signal that the round is not the youngest any more. */
export class RoundOver extends Data.TaggedError("RoundOver") {}

/** How often a child is planned anew because another call changed it in between. */
const races = 5

/** Batches that are on their way at a time. */
const inFlight = 4

type Change = Extract<SetStep, { readonly body: string }>
type End = Extract<SetStep, { readonly does: "terminate" }>
type SetWorkFailure = RoundOver | RegistryUnavailable | OutcomeUnknown

const isChange = (step: SetStep): step is Change => "body" in step
const isEnd = (step: SetStep): step is End => step.does === "terminate"

const modes: { readonly [D in Change["does"]]: PutMode } = { create: "ensure", replace: "replace", retag: "retag" }

/** What a node knows of a registered child. */
export const seenOf = (id: string, spec: KnownSpec): SeenChild => ({
  id,
  generation: spec.generation,
  stamp: spec.stamp,
  set: spec.set,
  body: bodyTextOf(spec),
  failed: spec.failed
})

/** What becomes of a child. */
interface ChildFate {
  readonly list: Exclude<keyof ReconcilePlan, "refused">
  readonly why: string
}

/** A plan as users see it. */
export const planOf = (fates: Iterable<readonly [id: string, fate: ChildFate]>): ReconcilePlan => {
  const plan: { [P in ChildFate["list"]]: Array<PlannedChild> } = {
    create: [],
    replace: [],
    keep: [],
    terminate: [],
    foreign: [],
    contended: []
  }
  for (const [id, { list, why }] of fates) plan[list].push({ id: id as ChildId, why })
  return plan
}

/** The work of one round. */
export class SetWork {
  private readonly done = new Map<string, ChildFate>()

  constructor(
    private readonly node: Node,
    private readonly goal: SetGoal,
    private readonly round: HeldRound,
    private readonly newOp: () => string
  ) {}

  /** Carries a plan out, and tells what became of each child. */
  carryOut({ steps }: SetPlan): Effect.Effect<ReconcilePlan, SetWorkFailure> {
    return Effect.gen(this, function*() {
      for (const { does, id, why } of steps) {
        if (does === "keep" || does === "foreign") this.note(id, does, why)
      }
      yield* this.repeat(steps.filter(isChange), (some) => this.change(some))
      yield* this.repeat(steps.filter(isEnd), (some) => this.end(some))
      return planOf(this.done)
    })
  }

  /** Notes what has become of a child: nothing more is to be sent for it. */
  private note(id: string, list: ChildFate["list"], why: string): undefined {
    this.done.set(id, { list, why })
    return undefined
  }

  /** Sends steps until none of them was in a race; those that are after some times are told as contended. */
  private repeat<S extends SetStep>(
    steps: ReadonlyArray<S>,
    send: (steps: ReadonlyArray<S>) => Effect.Effect<ReadonlyArray<S>, SetWorkFailure>
  ): Effect.Effect<void, SetWorkFailure> {
    return Effect.gen(this, function*() {
      let left = steps
      for (let i = 0; i <= races && left.length > 0; i++) left = yield* send(left)
      for (const { id } of left) this.note(id, "contended", "other calls changed it each time")
    })
  }

  /** Sends changes; tells those that are to be sent anew. */
  private change(steps: ReadonlyArray<Change>): Effect.Effect<ReadonlyArray<Change>, SetWorkFailure> {
    const batches = (["create", "replace", "retag"] as const).flatMap((does) =>
      batchesOf(
        steps.filter((step) => step.does === does),
        ({ body, id }) => Math.max(body.length, this.node.view.specSize(id))
      )
    )
    return this.each(batches, (batch) => {
      const items = batch.map((step) => ({ generation: 0, stamp: 0, ...step, op: this.newOp() }))
        .map(({ body, generation, id, op, stamp }) => ({ id, op, generation, body, stamp }))
      const args = { mode: modes[batch[0]!.does], items, round: this.round }
      return Effect.flatMap(this.send("put", args), ({ high, value }) =>
        Effect.map(
          Effect.forEach(batch, (step, i) => this.changed(step, value.results[i]!, high)),
          (again) => again.filter((step) => step !== undefined)
        ))
    })
  }

  /** Sends ends; tells those that are to be sent anew. */
  private end(steps: ReadonlyArray<End>): Effect.Effect<ReadonlyArray<End>, SetWorkFailure> {
    return this.each(batchesOf(steps, ({ id }) => this.node.view.specSize(id)), (batch) => {
      const items = batch.map(({ generation, id, stamp }) => ({ id, op: this.newOp(), generation, stamp }))
      return Effect.flatMap(
        this.send("del", { items, round: this.round, prune: this.goal.ofCode }),
        ({ high, value }) =>
          Effect.map(
            Effect.forEach(batch, (step, i) => this.ended(step, value.results[i]!, high)),
            (again) => again.filter((step) => step !== undefined)
          )
      )
    })
  }

  private each<S>(
    batches: ReadonlyArray<ReadonlyArray<S>>,
    send: (batch: ReadonlyArray<S>) => Effect.Effect<ReadonlyArray<S>, SetWorkFailure>
  ): Effect.Effect<ReadonlyArray<S>, SetWorkFailure> {
    const one = (batch: ReadonlyArray<S>) => Effect.zipLeft(send(batch), this.node.ambient.yieldTurn)
    return Effect.map(Effect.forEach(batches, one, { concurrency: inFlight }), (lists) => lists.flat())
  }

  /** Sends a batch of the round, after what this node remembers of these children. */
  private send<K extends "put" | "del">(name: K, args: Args<K>): Effect.Effect<Ok<Value<K>>, SetWorkFailure> {
    const { node } = this
    const sent = answeredWhenActive(node, name, args, (session, left) => giveBackFirst(node, session, args.items, left))
    return Effect.flatMap(
      outcome("reconcile", args.items[0]!, sent),
      (reply): Effect.Effect<Ok<Value<K>>, SetWorkFailure> => {
        if (reply._tag === "OK") return Effect.succeed(reply)
        return Effect.fail(
          reply._tag === "SUPERSEDED"
            ? new RoundOver()
            : unavailable("reconcile", "Refused", `the registry answered ${reply._tag}`, false)
        )
      }
    )
  }

  /** Takes over the answer about one change; tells the step that is to be sent in its place, if any is. */
  private changed(
    step: Change,
    result: PutResult,
    at: number
  ): Effect.Effect<Change | undefined, RegistryUnavailable> {
    const { does, id, why } = step
    const settled = (list: ChildFate["list"], reason = why) => Effect.sync(() => this.note(id, list, reason))
    if ("spec" in result) this.node.view.learnSpec(id, result.spec, at)
    switch (result._tag) {
      case "CREATED":
        return settled(does === "retag" ? "keep" : does)
      case "SAME":
        return settled("keep", "another call has made it so meanwhile")
      case "TERMINATED":
      case "DONE":
        return settled("create", `${why}; it has been ended since`)
      case "ABSENT":
        return Effect.sync(() => this.anew(id, undefined))
      case "CONFLICT": {
        const spec = readSpec(id, result.spec)
        return spec === undefined ? settled("contended", foreign) : Effect.sync(() => this.anew(id, seenOf(id, spec)))
      }
      case "MALFORMED":
        return settled("contended", foreign)
      case "QUARANTINE":
        return Effect.fail(unavailable("reconcile", "Quarantine", "the registry's data was replaced", false))
    }
  }

  /** Plans a listed child anew. */
  private anew(id: string, seen: SeenChild | undefined): Change | undefined {
    const step = stepFor(this.goal, id, seen)
    if (step === undefined || isChange(step)) return step
    return this.note(id, step.does, step.why)
  }

  /** Takes over the answer about one end; tells the step that is to be sent in its place, if any is. */
  private ended(step: End, result: DelResult, at: number): Effect.Effect<End | undefined, RegistryUnavailable> {
    const { id, why } = step
    const settled = (list: ChildFate["list"], reason = why) => Effect.sync(() => this.note(id, list, reason))
    switch (result._tag) {
      case "GONE":
        this.node.view.learnTomb(id, result.tomb, at)
        return settled("terminate")
      case "ABSENT":
        return settled("terminate", `${why}; it had ended already`)
      case "NEWER": {
        this.node.view.learnSpec(id, result.spec, at)
        const spec = readSpec(id, result.spec)
        if (spec === undefined) return settled("contended", foreign)
        // What was started after the plan is not in it.
        if (spec.generation !== step.generation) {
          return settled("keep", "it was replaced or started anew meanwhile, and lives until the next reconcile")
        }
        const next = stepFor(this.goal, id, seenOf(id, spec))
        if (next !== undefined && isEnd(next)) return Effect.succeed(next)
        return settled(
          "foreign",
          `${spec.set === undefined ? "the unnamed set" : `set "${spec.set}"`} took it meanwhile`
        )
      }
      case "MALFORMED":
        return settled("contended", foreign)
      case "QUARANTINE":
        return Effect.fail(unavailable("reconcile", "Quarantine", "the registry's data was replaced", false))
    }
  }
}

/** Why a child whose record is not ours is left alone. */
const foreign = "the record stored for it is not ours, or is damaged; it is left alone"
