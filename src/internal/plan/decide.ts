/**
 * The plan: what a node does about one child, given what it knows. Pure; everything that changes the world is done
 * elsewhere, by somebody who asks this first.
 *
 * @internal
 */
import type { Entry } from "../replica/entry.js"

/** What a node runs, as far as the plan cares. */
export interface Running {
  /** Token of the claim that it runs under. */
  readonly claim: number
  readonly spec: { readonly generation: number }
  /** It is ending, or its end is being told: nothing more to decide. */
  readonly ending: boolean
}

/** The node's own condition. */
export interface Condition {
  readonly sid: string
  /** The lease holds, and the view is complete. */
  readonly active: boolean
  readonly cordoned: boolean
  readonly draining: boolean
  /** No claims are granted yet. */
  readonly quarantined: boolean
  /** Running children may move now. */
  readonly movesOpen: boolean
  readonly hasKind: (kind: string) => boolean
  readonly isLive: (sid: string) => boolean
  /** Session where the child belongs. */
  readonly homeOf: (entry: Entry) => string | undefined
  /** Session that looks after what nobody can run. */
  readonly keeper: string | undefined
}

/** Why a running child is stopped. */
export type StopReason = "terminated" | "replaced" | "moved" | "drained" | "kindClosed" | "claimLost"

/** What to do. */
export type Action =
  | { readonly _tag: "Nothing" }
  /** Ask for the right to run it. */
  | { readonly _tag: "Claim"; readonly generation: number }
  /** Have a claim removed that a dead node left on an ended child. */
  | { readonly _tag: "Purge" }
  /** Stop it and give the claim back. */
  | { readonly _tag: "Stop"; readonly reason: StopReason }
  /** Stop it at once: the claim is another's. */
  | { readonly _tag: "Revoke" }
  /** Give back a claim that nothing stands behind. */
  | { readonly _tag: "Release"; readonly token: number }
  /** Move it, when moves are open. */
  | { readonly _tag: "Later" }

const nothing: Action = { _tag: "Nothing" }
const stop = (reason: StopReason): Action => ({ _tag: "Stop", reason })

const forRunning = (entry: Entry | undefined, running: Running, node: Condition): Action => {
  if (running.ending) return nothing
  if (entry?.claim?.token !== running.claim) return { _tag: "Revoke" }
  const { spec } = entry
  if (spec === undefined) return stop("terminated")
  if (spec.generation !== running.spec.generation) return stop("replaced")
  if (node.draining) return stop("drained")
  if (!node.hasKind(spec.kind)) return stop("kindClosed")
  if (node.cordoned) return nothing
  const home = node.homeOf(entry)
  if (home === undefined || home === node.sid) return nothing
  return node.movesOpen ? stop("moved") : { _tag: "Later" }
}

const forAbsent = (entry: Entry, node: Condition): Action => {
  const { claim, spec } = entry
  if (claim !== undefined && claim.sid === node.sid) return { _tag: "Release", token: claim.token }
  const held = claim !== undefined && node.isLive(claim.sid)
  if (spec === undefined || spec.failed) {
    return claim !== undefined && !held && node.keeper === node.sid ? { _tag: "Purge" } : nothing
  }
  if (held || node.quarantined || node.cordoned || node.draining || !node.hasKind(spec.kind)) return nothing
  return node.homeOf(entry) === node.sid ? { _tag: "Claim", generation: spec.generation } : nothing
}

/** What to do about a child that this node runs (`running`), or not. */
export const decide = (entry: Entry | undefined, running: Running | undefined, node: Condition): Action => {
  if (!node.active) return nothing
  if (running !== undefined) return forRunning(entry, running, node)
  return entry === undefined ? nothing : forAbsent(entry, node)
}

/** Whether a grant that has just come may be used: the world may have changed since the claim was sent. */
export const mayStart = (entry: Entry | undefined, generation: number, node: Condition): boolean => {
  const spec = entry?.spec
  return node.active && !node.cordoned && !node.draining && spec !== undefined && !spec.failed &&
    spec.generation === generation && node.hasKind(spec.kind)
}
