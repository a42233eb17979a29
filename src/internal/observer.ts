/**
 * What tests see of the children that really run, whatever the supervisor believes.
 *
 * @internal
 */
import * as Context from "effect/Context"
import type { LocalChild } from "./supervisor/child.js"

/** @internal */
export interface Watching {
  /** A run is forked. */
  readonly began: (child: LocalChild) => void
  /** A run has ended, its finalizers included. */
  readonly ended: (child: LocalChild) => void
}

const nobody: Watching = { began: () => {}, ended: () => {} }

/** @internal */
export class Observer extends Context.Reference<Observer>()("effect-pogo/internal/Observer", {
  defaultValue: (): Watching => nobody
}) {}
