/**
 * Waiting for a condition on mutable state, woken by whoever changes it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/**
 * Completes with the first value that `get` gives, now or when a listener is called. Interruptible even in a finalizer,
 * where a bound on it would otherwise be none.
 */
export const until = <A>(listeners: Set<() => void>, get: () => A | undefined): Effect.Effect<A> =>
  Effect.interruptible(Effect.async((resume) => {
    const look = () => {
      const value = get()
      if (value === undefined) return
      listeners.delete(look)
      resume(Effect.succeed(value))
    }
    listeners.add(look)
    look()
    return Effect.sync(() => listeners.delete(look))
  }))
