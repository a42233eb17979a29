/**
 * Calling a script.
 *
 * @internal
 */
import type { Script } from "./scripts.js"

/** What is needed of a client to call scripts. */
export interface Caller {
  readonly evalsha: (sha: string, numberOfKeys: number, ...args: Array<string>) => Promise<unknown>
  readonly eval: (lua: string, numberOfKeys: number, ...args: Array<string>) => Promise<unknown>
}

const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT")

/**
 * Calls a script by its digest. A server that does not know it (it has restarted, or its scripts were flushed) has
 * executed nothing, and gets the text.
 */
export const callScript = (
  caller: Caller,
  script: Script,
  keys: ReadonlyArray<string>,
  args: ReadonlyArray<string>
): Promise<unknown> =>
  caller.evalsha(script.sha, script.numberOfKeys, ...keys, ...args).catch((error: unknown) =>
    isNoScript(error) ? caller.eval(script.lua, script.numberOfKeys, ...keys, ...args) : Promise.reject(error)
  )
