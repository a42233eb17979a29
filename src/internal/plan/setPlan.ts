/**
 * What reconciling a set does to each child: a pure function of the list and of what is registered.
 *
 * @internal
 */
import { isSameContent } from "../kind/specSets.js"

/** A registered child of the kind, as it was seen. */
export interface SeenChild {
  readonly id: string
  readonly generation: number
  readonly stamp: number
  /** The set that it is a member of; none for the unnamed one. */
  readonly set: string | undefined
  /** The stored body. */
  readonly body: string
  readonly failed: boolean
}

/** What is done to one child. */
export type SetStep =
  | { readonly does: "create"; readonly id: string; readonly body: string; readonly why: string }
  | {
    /** `retag` stores another set, and nothing else. */
    readonly does: "replace" | "retag"
    readonly id: string
    readonly body: string
    readonly generation: number
    readonly stamp: number
    readonly why: string
  }
  | {
    readonly does: "terminate"
    readonly id: string
    readonly generation: number
    readonly stamp: number
    readonly why: string
  }
  | { readonly does: "keep" | "foreign"; readonly id: string; readonly why: string }

/** The list of a set, and what may be done for it. */
export interface SetGoal {
  /** `undefined` for the kind's unnamed set. */
  readonly set: string | undefined
  /** Bodies by id, each with the set in it. */
  readonly listed: ReadonlyMap<string, string>
  /** Whether members that are not listed are ended. */
  readonly prune: boolean
  /** Whether it is a list of code (`Pogo.exactly`): every node adds what is missing by itself, apart from this plan. */
  readonly ofCode: boolean
}

const nameOf = (set: string | undefined): string => (set === undefined ? "the unnamed set" : `set "${set}"`)

/** What is done to a child that is listed. */
const forListed = (set: string | undefined, id: string, body: string, seen: SeenChild | undefined): SetStep => {
  if (seen === undefined) return { does: "create", id, body, why: "it is not registered" }
  const { generation, stamp } = seen
  if (seen.set !== set && seen.set !== undefined) {
    return { does: "foreign", id, why: `it is a member of ${nameOf(seen.set)}, and is not touched` }
  }
  const adopted = seen.set === set ? "" : `; taken over from ${nameOf(undefined)}`
  if (!isSameContent(seen.body, body)) {
    return { does: "replace", id, body, generation, stamp, why: `its content differs${adopted}` }
  }
  const failed = seen.failed ? "; it is Failed, and restartChild brings it back" : ""
  const why = `same content${adopted}${failed}`
  return adopted === "" ? { does: "keep", id, why } : { does: "retag", id, body, generation, stamp, why }
}

/** What is done to one child; `undefined` where it is none of the set's business. `seen`: none if it is not registered. */
export const stepFor = (
  { listed, ofCode, prune, set }: SetGoal,
  id: string,
  seen: SeenChild | undefined
): SetStep | undefined => {
  const body = listed.get(id)
  if (body !== undefined) return seen === undefined && ofCode ? undefined : forListed(set, id, body, seen)
  if (seen === undefined || seen.set !== set) return undefined
  const { generation, stamp } = seen
  return prune
    ? { does: "terminate", id, generation, stamp, why: "it is not listed" }
    : { does: "keep", id, why: "it is not listed, and prune is false" }
}

/** What is done to all children, and how many the set has. */
export interface SetPlan {
  readonly steps: ReadonlyArray<SetStep>
  readonly members: number
}

/** Plans a whole set: those that are registered in their order, then those that are not in that of the list. */
export const planSet = (goal: SetGoal, seen: Iterable<SeenChild>): SetPlan => {
  const steps: Array<SetStep> = []
  const registered = new Set<string>()
  let members = 0
  for (const child of seen) {
    registered.add(child.id)
    if (child.set === goal.set) members++
    const step = stepFor(goal, child.id, child)
    if (step !== undefined) steps.push(step)
  }
  for (const id of goal.listed.keys()) {
    const step = registered.has(id) ? undefined : stepFor(goal, id, undefined)
    if (step !== undefined) steps.push(step)
  }
  return { steps, members }
}

/** How many children may be ended: a number, or a share of the set's members. */
export type EndLimit = number | `${number}%`

/** Least number of members from which a reconcile ends no more than half of them unless told otherwise. */
const guardedFrom = 11

/** How many members may be ended: of any share above 0 at least one. `undefined` for a limit that is none. */
export const limitOf = (limit: EndLimit | undefined, members: number): number | undefined => {
  if (limit === undefined) return members < guardedFrom ? Infinity : Math.floor(members / 2)
  if (typeof limit === "number") {
    return limit === Infinity || (Number.isInteger(limit) && limit >= 0)
      ? limit
      : undefined
  }
  const share = typeof limit === "string" ? Number(/^(\d+(?:\.\d+)?)%$/.exec(limit)?.[1]) : NaN
  if (!(share <= 100)) return undefined
  return share === 0 ? 0 : Math.max(1, Math.floor(members * share / 100))
}
