/** Values of the whole page that components follow. */
import { useEffect, useState } from "preact/hooks"

/** A value, and those who want to know when there is another one. */
export interface Watched<A> {
  readonly get: () => A
  readonly set: (value: A) => void
  /** A hook: the present value; the component is drawn again with each other one. */
  readonly use: () => A
}

/**
 * A value that components follow.
 *
 * @param initial what it is at first
 */
export const watched = <A>(initial: A): Watched<A> => {
  let value = initial
  const watchers = new Set<(value: A) => void>()
  return {
    get: () => value,
    set: (next) => {
      if (next === value) return
      value = next
      for (const tell of watchers) tell(next)
    },
    use: () => {
      const [seen, see] = useState(() => value)
      useEffect(() => {
        // A function would be called by `useState`; none of the values is one.
        const tell = (next: A) => see(() => next)
        tell(value)
        watchers.add(tell)
        return () => {
          watchers.delete(tell)
        }
      }, [])
      return seen
    }
  }
}
