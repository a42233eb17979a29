/**
 * Why a child is overdue, as its owner says it. The text travels in the child's status, to nodes of other versions as well:
 * what is read from it must go on to be readable.
 *
 * @internal
 */
import * as Exit from "effect/Exit"
import { describeExit, type LocalChild } from "./localChild.js"

/** Why a child is overdue, in words. `grace`: milliseconds that it had. */
export const overdueText = ({ run, stopReason }: LocalChild, grace: number): string => {
  if (stopReason !== undefined) return `told to end (${stopReason}), and not ended within ${grace} ms (shutdown)`
  const end = run?.crashCause === undefined ? run?.exit : Exit.failCause(run.crashCause)
  const what = run?.exit === undefined
    ? "its run was interrupted, and has not ended"
    : "its run has ended, and its finalizers have not"
  return `${what} within ${grace} ms (shutdown)${end === undefined ? "" : `: ${describeExit(end)}`}`
}

/** What an overdue child was told, and how long it may take, where its owner said so. Milliseconds. */
export const overdueStop = (text: string): { readonly why: string; readonly allowed: number } | undefined => {
  const [, why, allowed] = /^told to end \((\w+)\), and not ended within (\d+) ms \(shutdown\)/.exec(text) ?? []
  return why === undefined ? undefined : { why, allowed: Number(allowed) }
}
