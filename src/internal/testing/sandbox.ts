/**
 * Keeps real time out of virtual worlds.
 *
 * @internal
 */
import * as GlobalValue from "effect/GlobalValue"

/** Effect's own idle fibers keep the process alive by a timer of this length, which never goes off. */
const idle = 2 ** 31 - 1

type Globals = Pick<typeof globalThis, "setTimeout" | "setInterval" | "setImmediate">

/** The fibers that have no parent, as Effect keeps them; those of a killed process would stay there for ever. */
const roots = (): Set<unknown> =>
  GlobalValue.globalValue(Symbol.for("effect/FiberScope/Global"), () => ({ roots: new Set<unknown>() })).roots ??
    new Set<unknown>()

/**
 * Runs something synchronous. Timers of Effect's idle fibers are not made; every other use of real time is told to
 * `real`, since what waits for it waits for ever. Fibers that are left over are let go.
 */
export const sandboxed = <A>(run: () => A, real: (what: keyof Globals) => void): A => {
  const { setImmediate, setInterval, setTimeout } = globalThis
  const before = new Set(roots())
  const watched = <K extends keyof Globals>(name: K, original: Globals[K]): Globals[K] =>
    ((...args: ReadonlyArray<unknown>) => {
      if (name === "setInterval" && args[1] === idle) return undefined
      real(name)
      return (original as (...args: ReadonlyArray<unknown>) => unknown)(...args)
    }) as unknown as Globals[K]
  globalThis.setTimeout = watched("setTimeout", setTimeout)
  globalThis.setInterval = watched("setInterval", setInterval)
  globalThis.setImmediate = watched("setImmediate", setImmediate)
  try {
    return run()
  } finally {
    Object.assign(globalThis, { setImmediate, setInterval, setTimeout })
    for (const fiber of roots()) if (!before.has(fiber)) roots().delete(fiber)
  }
}
