/**
 * Waiting for a condition on mutable state, woken by whoever changes it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/** Where listeners wait. A `Set` is one. */
export interface Listeners {
  readonly add: (listener: () => void) => unknown
  readonly delete: (listener: () => void) => unknown
}

/**
 * Completes with the first value that `get` gives, now or when a listener is called. Interruptible even in a finalizer,
 * where a bound on it would otherwise be none.
 */
export const until = <A>(listeners: Listeners, get: () => A | undefined): Effect.Effect<A> =>
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

/**
 * A condition that holds once no item meets another: it looks at each until that is done with, and never again, so that
 * asking it after each of very many ends costs no more than the ends themselves.
 */
export const noneLeft = <A>(items: ReadonlyArray<A>, isLeft: (item: A) => boolean): () => true | undefined => {
  let done = 0
  return () => {
    while (done < items.length && !isLeft(items[done]!)) done++
    return done === items.length ? true : undefined
  }
}
