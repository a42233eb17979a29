/**
 * What a node of a test runs on: its own scheduler, so that it can be frozen, and can die without a word.
 *
 * @internal
 */
import type * as Runtime from "effect/Runtime"

/** @internal */
export interface Host {
  /** Whatever is run by this runtime, and forked from there, runs here. */
  readonly runtime: Runtime.Runtime<never>
  readonly dead: boolean
  readonly frozen: boolean
  /** Has it deal with an event from outside. */
  readonly post: (task: () => void) => void
  /** Nothing runs here until it is thawed; its clock goes on. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Nothing runs here any more: no finalizer either. */
  readonly kill: () => void
}
