/**
 * Preloaded into the workers of vitest.
 *
 * A worker whose main process is gone, killed or out of time, ends as well, and with it the processes that it started.
 *
 * A worker that its main process does not answer for a minute fails the whole run (`Timeout calling "onTaskUpdate"`),
 * which happens on a busy machine, and no option of vitest 3 allows more: here it is an hour.
 */
const minute = 60_000

// Taken now: later vitest puts another in its place, for tests that exit.
const exit = process.exit.bind(process)
process.once("disconnect", () => exit(1))

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
