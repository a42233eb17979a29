/**
 * Accessors of `Pogo` about sets of children: making them those of a list.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Any, ChildId } from "../ChildSpec.js"
import type {
  InvalidChildSpec,
  InvalidConfig,
  KindConflict,
  OutcomeUnknown,
  RegistryUnavailable
} from "../PogoError.js"
import type { ListState } from "../PogoNode.js"
import type { UpsertResult } from "./commands/childCommands.js"
import type { ChildCommand, CommandOptions } from "./commands/commandOptions.js"
import type { ReconcileError, ReconcileOptions } from "./commands/setCommands.js"
import { Internals } from "./internals.js"
import { Current } from "./kind/current.js"
import { makeRegistration } from "./kind/registration.js"
import { type KindShape, makeDraft } from "./kind/specCodec.js"
import { checkSet } from "./kind/specSets.js"
import { type ReconcilePlan, ReconcileSuperseded } from "./reconcileErrors.js"
import { digestText } from "./runtime/hash.js"
import { logInfo, printError } from "./runtime/userCode.js"
import { type AnyTag, Pogo } from "./supervisorTag.js"

/**
 * Registers a child, or puts other content in its place: `Created`, `Replaced`, or `Unchanged` where the same content is
 * registered, whose run goes on. The child stays in its set. `options` say who asks for it, and why, for the history.
 *
 * @since 0.1.0
 * @category accessors
 */
export const upsertChild: ChildCommand<
  Any,
  UpsertResult,
  InvalidChildSpec | RegistryUnavailable | OutcomeUnknown,
  Pogo
> = (spec: Any, options?: CommandOptions) => Effect.flatMap(Pogo, (pogo) => pogo.upsertChild(spec, options))

/**
 * Makes the children of a kind those of a list, from any node or client: what is missing is started, what has other
 * content is replaced as `replaceChild` does, what is not listed is terminated, and what is the same is left alone.
 *
 * It concerns the kind's children that are in no named set, or those of one `set`; moving a child into a set restarts
 * nothing. Of two that are made at the same time for one set the later to begin goes before the other, which fails with
 * `ReconcileSuperseded`. An empty list, or one that would end more than `maxTerminate`, fails with `ReconcileRefused`,
 * which holds the plan. To repeat it is safe, and does what is left.
 *
 * @example
 * ```ts
 * import { Child, Pogo } from "effect-pogo"
 * import { Effect, Schema } from "effect"
 *
 * const Tenant = Child.make("Tenant", { payload: { region: Schema.String } })
 *
 * const sync = (rows: ReadonlyArray<{ readonly id: string; readonly region: string }>) =>
 *   Effect.gen(function*() {
 *     const specs = rows.map(({ id, region }) => Tenant.spec(id, { region }))
 *     const plan = yield* Pogo.reconcile(Tenant, specs, { maxTerminate: "10%" })
 *     yield* Effect.log(`${plan.create.length} started, ${plan.terminate.length} ended`)
 *   })
 * sync satisfies (rows: never) => Effect.Effect<void, unknown, Pogo.Pogo>
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const reconcile = (
  kind: { readonly kind: string },
  specs: Iterable<Any>,
  options?: ReconcileOptions
): Effect.Effect<ReconcilePlan, ReconcileError, Pogo> =>
  Effect.flatMap(Pogo, (pogo) => pogo.reconcile(kind, specs, options))

/**
 * The lists of code that are whole sets (`exactly`): which live nodes have which, whether they agree, and of this node's
 * own what is still to be replaced and ended, and for whom that waits. Costs no call to the registry.
 *
 * @since 0.1.0
 * @category accessors
 */
export const lists: Effect.Effect<ReadonlyArray<ListState>, never, Pogo> = Effect.flatMap(Pogo, (pogo) => pogo.lists)

/**
 * Options of `Pogo.reconcileEvery`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReconcileEveryOptions<I = Pogo> extends Omit<ReconcileOptions, "dryRun"> {
  /** The supervisor, where it is not `Pogo`. */
  readonly supervisor?: AnyTag<I> | undefined
}

/** Most bytes of a kind's name. */
const maxKindBytes = 128

const reconcilerKind = (kind: string, set: string | undefined): string => {
  const name = `Reconcile(${set === undefined ? kind : `${kind} ${set}`})`
  return Buffer.byteLength(name) <= maxKindBytes && !name.includes("/") ? name : `Reconcile(${digestText(name)})`
}

/**
 * Id of the child by which `reconcileEvery` keeps a set: its row tells where that is done, and why it failed last.
 *
 * @since 0.1.0
 * @category accessors
 */
export const reconcilerId = (
  kind: { readonly kind: string },
  options: Pick<ReconcileOptions, "set"> = {}
): ChildId => `${reconcilerKind(kind.kind, options.set)}/main`

const counted = ({ contended, create, foreign, keep, replace, terminate }: ReconcilePlan): string =>
  `${create.length} started, ${replace.length} replaced, ${terminate.length} ended, ${keep.length} kept, ` +
  `${foreign.length} of other sets, ${contended.length} contended`

const hasChanged = ({ contended, create, replace, terminate }: ReconcilePlan): boolean =>
  create.length + replace.length + terminate.length + contended.length > 0

/**
 * Keeps a set equal to a list, from one node at a time: a layer that runs `reconcile` by a schedule, each time with the
 * list that the effect reads anew. Provide it on every node; a child of the scope does it on one of them, and on another
 * when that one is gone. A copy that was frozen changes nothing when it wakes: it names its fencing token.
 *
 * Where the list cannot be read, or the reconcile fails, that child ends with the error and is restarted: its row, under
 * `reconcilerId`, is `Restarting` with the cause. What was changed is logged, and told by the event `Reconciled`. A
 * schedule that ends begins anew. Terminate the child to stop all of it.
 *
 * @example
 * ```ts
 * import { Child, Pogo } from "effect-pogo"
 * import { Effect, Layer, Schedule, Schema } from "effect"
 *
 * const Tenant = Child.make("Tenant", { payload: { region: Schema.String } })
 * const TenantLive = Tenant.toLayer(() => Effect.never)
 *
 * declare const tenants: Effect.Effect<ReadonlyArray<{ readonly id: string; readonly region: string }>>
 *
 * const TenantsLive = Pogo.reconcileEvery(
 *   Tenant,
 *   Effect.map(tenants, (rows) => rows.map(({ id, region }) => Tenant.spec(id, { region }))),
 *   Schedule.spaced("30 seconds"),
 *   { maxTerminate: "10%" }
 * )
 * const MainLive = Layer.mergeAll(TenantLive, TenantsLive).pipe(Layer.provideMerge(Pogo.layerMemory()))
 * MainLive satisfies Layer.Layer<Pogo.Pogo, unknown>
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const reconcileEvery = <E, R, I = Pogo>(
  kind: { readonly kind: string },
  list: Effect.Effect<Iterable<Any>, E, R>,
  schedule: Schedule.Schedule<unknown>,
  options: ReconcileEveryOptions<I> = {}
): Layer.Layer<
  never,
  KindConflict | InvalidConfig | InvalidChildSpec,
  NoInfer<I> | Exclude<R, Scope.Scope | Current>
> =>
  Layer.fresh(Layer.scopedDiscard(Effect.gen(function*() {
    const { supervisor, ...limits } = options
    const pogo = yield* (supervisor ?? Pogo) as AnyTag<I>
    const { keepListed, register, sets } = pogo[Internals]
    const set = yield* checkSet(kind.kind, options.set)
    const shape: KindShape = {
      kind: reconcilerKind(kind.kind, set),
      version: 1,
      type: "worker",
      payload: Schema.Struct({}) as unknown as KindShape["payload"]
    }
    const once = Effect.gen(function*() {
      const self = yield* Current
      const specs = yield* list
      yield* self.check
      const plan = yield* sets.reconcile(kind, specs, limits, Number(self.token))
      if (hasChanged(plan)) {
        yield* logInfo(`reconciled ${kind.kind}${set === undefined ? "" : `, set "${set}"`}: ${counted(plan)}`)
      }
    }).pipe(Effect.catchIf(
      (error): error is ReconcileSuperseded => error instanceof ReconcileSuperseded,
      (error) => logInfo(printError(error))
    ))
    const names = { scope: pogo.scope, node: pogo.name }
    yield* register(yield* makeRegistration(shape, () => Effect.repeat(once, schedule), {}, names))
    yield* Effect.forkScoped(keepListed(makeDraft(shape, "main", {}, {})))
  }))) as never
