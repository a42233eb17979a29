/**
 * The tag under which a supervisor is found, and what is found there.
 *
 * @internal
 */
import * as Context from "effect/Context"
import type { PogoMethods } from "./commands/service.js"
import type { Internals } from "./internals.js"

/**
 * The service.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service extends PogoMethods {
  /** @internal */
  readonly [Internals]: Internals
}

/**
 * The tag of the supervisor.
 *
 * @since 0.1.0
 * @category tags
 */
export class Pogo extends Context.Tag("effect-pogo/Pogo")<Pogo, Service>() {}

/**
 * A tag for a further supervisor in one process, such as one of another scope. Give it to `layer`, and to the `toLayer`
 * of the kinds that run under it.
 *
 * @example
 * ```ts
 * import { Child, Pogo } from "effect-pogo"
 * import { Effect, Layer } from "effect"
 *
 * class Billing extends Pogo.Tag("Billing")<Billing>() {}
 *
 * const InvoicerLive = Child.make("Invoicer", { payload: {} }).toLayer(() => Effect.never, { supervisor: Billing })
 *
 * const BillingLive = Layer.provideMerge(InvoicerLive, Pogo.layer({ scope: "billing", supervisor: Billing }))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag = <const Id extends string>(id: Id) => <Self>() =>
  Context.Tag(`effect-pogo/Pogo/${id}`)<Self, Service>()

/**
 * Any tag of a supervisor.
 *
 * @since 0.1.0
 * @category models
 */
export type AnyTag<I> = Context.Tag<I, Service>
