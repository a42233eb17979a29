/**
 * Preloaded into the workers of vitest. A worker that its main process does not answer for a minute fails the whole run
 * (`Timeout calling "onTaskUpdate"`), which happens on a busy machine, and no option of vitest 3 allows more: here it is
 * an hour.
 */
const minute = 60_000

const { setTimeout: original } = globalThis

/** Whether the caller of `setTimeout` is vitest's channel to its main process. */
const fromChannel = () => /[\\/]vitest[\\/]dist[\\/]chunks[\\/]index\./.test(new Error().stack?.split("\n")[3] ?? "")

/** @param {() => void} callback @param {number} [millis] @param {ReadonlyArray<unknown>} rest */
const patient = (callback, millis, ...rest) =>
  Reflect.apply(original, globalThis, [callback, millis === minute && fromChannel() ? 60 * minute : millis, ...rest])

globalThis.setTimeout = Object.defineProperties(
  /** @type {any} */ (patient),
  Object.getOwnPropertyDescriptors(original)
)
