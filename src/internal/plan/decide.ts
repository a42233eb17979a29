/**
 * The plan: which children a node is to look at, and what it does about each, given what it knows. Nothing here changes
 * the world; the loop `reconcile` does what `decide` says.
 *
 * @internal
 */
import type { StopReason } from "../../PogoEvent.js"
import { type Entry, trialOf, waitingTrial } from "../replica/replica.js"

/** A child that a node runs, as the plan needs it. */
export interface RunningChild {
  /** Token of the claim that it runs under. */
  readonly claim: number
  readonly spec: { readonly generation: number }
  /** Time until which it is not moved to where it belongs. Elapsed milliseconds. */
  readonly stayUntil: number
  /** True if it is ending, or its end is being reported: there is nothing more to decide. */
  readonly ending: boolean
}

/** The condition of a node. */
export interface Condition {
  readonly sid: string
  /** Elapsed milliseconds. */
  readonly now: number
  /** True while the lease holds and the view is complete. */
  readonly active: boolean
  readonly cordoned: boolean
  readonly draining: boolean
  /** True while the registry grants no claims. */
  readonly quarantined: boolean
  /** True while running children may go to other nodes: further ones than are on their way. */
  readonly movesOpen: boolean
  readonly hasKind: (kind: string) => boolean
  readonly isLive: (sid: string) => boolean
  /** The session where a child belongs that the node runs. */
  readonly homeOf: (entry: Entry) => string | undefined
  /** The session that is to claim a child which nobody holds: its home, or one that is coming back and will be. */
  readonly heirOf: (entry: Entry) => string | undefined
  /** How many more children the node takes. */
  readonly room: number
  /** The session that removes what dead nodes left on ended children. */
  readonly keeper: string | undefined
}

/** The reasons for which the plan stops a child. */
export type PlannedStop = Exclude<StopReason, "claimLost" | "fenced" | "shutdown">

/** An action that a node takes about a child. */
export type Action =
  | { readonly _tag: "Nothing" }
  /** Claim it. */
  | { readonly _tag: "Claim"; readonly generation: number }
  /** Try it, by rounds: its owner died soon after it had claimed it. */
  | { readonly _tag: "Try"; readonly generation: number }
  /** Remove a claim that a dead node left on an ended child. */
  | { readonly _tag: "Purge" }
  /** Stop it and give the claim back. `moves`: another node takes it over, so it takes a slot of the moves. */
  | { readonly _tag: "Stop"; readonly reason: PlannedStop; readonly moves: boolean }
  /** Stop it at once: the claim is another's. */
  | { readonly _tag: "Revoke" }
  /** Give back a claim that nothing stands behind. */
  | { readonly _tag: "Release"; readonly token: number }
  /** Look at it again when moves are open: it is to move. */
  | { readonly _tag: "Later" }
  /** Look at it again when its stay is over: it is to move then. */
  | { readonly _tag: "Stay" }

const nothing: Action = { _tag: "Nothing" }
const stop = (reason: PlannedStop, moves: boolean) => ({ _tag: "Stop", reason, moves } as const)
const later: Action = { _tag: "Later" }

/** Why a running child is to end wherever else it may belong, and whatever the condition of its node; if it is. */
export const endOf = (
  { claim, spec }: Entry,
  running: RunningChild
): Extract<Action, { readonly _tag: "Stop" }> | undefined => {
  if (running.ending || claim?.token !== running.claim) return undefined
  if (spec === undefined) return stop("terminated", false)
  return spec.generation === running.spec.generation ? undefined : stop("replaced", false)
}

const forRunning = (entry: Entry | undefined, running: RunningChild, node: Condition): Action => {
  if (running.ending) return nothing
  if (entry?.claim?.token !== running.claim) return { _tag: "Revoke" }
  const { spec } = entry
  const end = endOf(entry, running)
  if (end !== undefined || spec === undefined) return end ?? nothing
  const leaves = node.draining ? "drained" : node.hasKind(spec.kind) ? undefined : "kindClosed"
  if (leaves !== undefined) {
    // Each is away for a shorter time if few go at once. One that nobody takes is away anyway, and in nobody's way.
    if (node.heirOf(entry) === undefined) return stop(leaves, false)
    return node.movesOpen ? stop(leaves, true) : later
  }
  // A child on trial stays until that is over: to move would begin it anew.
  if (node.cordoned || trialOf(entry)?.token === running.claim) return nothing
  const home = node.homeOf(entry)
  if (home === undefined || home === node.sid) return nothing
  if (running.stayUntil > node.now) return { _tag: "Stay" }
  return node.movesOpen ? stop("moved", true) : later
}

const forAbsent = (entry: Entry, node: Condition): Action => {
  const { claim, spec } = entry
  if (claim !== undefined && claim.sid === node.sid) return { _tag: "Release", token: claim.token }
  const held = claim !== undefined && node.isLive(claim.sid)
  if (spec === undefined || spec.failed) {
    return claim !== undefined && !held && node.keeper === node.sid ? { _tag: "Purge" } : nothing
  }
  if (held || node.quarantined || node.cordoned || node.draining || !node.hasKind(spec.kind)) return nothing
  if (node.heirOf(entry) !== node.sid) return nothing
  return { _tag: waitingTrial(entry) === undefined ? "Claim" : "Try", generation: spec.generation }
}

/** Decides what a node does about a child, which it runs or not. */
export const decide = (entry: Entry | undefined, running: RunningChild | undefined, node: Condition): Action => {
  if (!node.active) return nothing
  if (running !== undefined) return forRunning(entry, running, node)
  return entry === undefined ? nothing : forAbsent(entry, node)
}

/** True if a grant may still be used: the world may have changed since the claim was sent. */
export const mayStart = (entry: Entry | undefined, generation: number, node: Condition): boolean => {
  const spec = entry?.spec
  return node.active && !node.cordoned && !node.draining && spec !== undefined && !spec.failed &&
    spec.generation === generation && node.hasKind(spec.kind)
}
