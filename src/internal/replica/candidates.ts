/**
 * Which member is the best for a child: who may take it, and in which order.
 *
 * @internal
 */
import type { Labels } from "../../ChildSpec.js"
import { numberBy } from "../runtime/userCode.js"
import { hasMark } from "./heldBackMark.js"
import type { ScopeMember } from "./nodeRecord.js"

/** A child's spec, as placement needs it. */
export interface PlacedSpec {
  readonly kind: string
  readonly version: number
  readonly refused: ReadonlyArray<string>
  readonly requires: Labels | undefined
  readonly prefers: Labels | undefined
}

/** A child, as placement needs it, with the memory of where it belongs. */
export interface Placed {
  readonly id: string
  readonly hash: number
  readonly spec: PlacedSpec | undefined
  /** Session where the child belongs, as of `homeEpoch`. */
  home: string | undefined
  /** Epoch of the membership for which `home` was found. */
  homeEpoch: number
}

/** The score of a child on a node; see `Placement`. */
export type Score = (
  child: { readonly id: string; readonly kind: string; readonly hash: number },
  node: ScopeMember
) => number

/** The name under which a spec remembers code that refused it. */
export const codeOf = (code: { readonly version: number; readonly digest: string }): string =>
  `${code.version}.${code.digest}`

/** The number of labels that a member has as they are asked for. */
const countMatches = (member: ScopeMember, labels: Labels): number => {
  let count = 0
  for (const [name, value] of Object.entries(labels)) {
    if (Object.hasOwn(member.labels, name) && member.labels[name] === value) count++
  }
  return count
}

/** How an obstacle begins that lists labels: what follows is the same for all members that have none of them. */
export const lacks = "it lacks "

/** The labels that are asked for and that a member does not have, in words. */
const lackOf = (member: ScopeMember, labels: Labels): string =>
  Object.entries(labels).flatMap(([name, value]) =>
    Object.hasOwn(member.labels, name) && member.labels[name] === value ? [] : [`${name}=${value}`]
  ).join(", ")

const whyClosed = ({ cordoned, draining, joining }: ScopeMember): string =>
  draining ? "it is draining" : cordoned ? "it is cordoned" : joining ? "it is joining" : "its name is taken"

/** The reason why a member cannot take a child, in words; `undefined` when it can. */
export const obstacle = (spec: PlacedSpec, member: ScopeMember): string | undefined => {
  const code = Object.hasOwn(member.kinds, spec.kind) ? member.kinds[spec.kind] : undefined
  if (code === undefined) return "it does not have the kind"
  if (!member.open) return whyClosed(member)
  if (code.version < spec.version) return `it has version ${code.version} of the kind, the child needs ${spec.version}`
  if (spec.refused.length > 0 && spec.refused.includes(codeOf(code))) {
    return "its code could not decode the payload or the state"
  }
  const lacking = spec.requires === undefined ? "" : lackOf(member, spec.requires)
  return lacking === "" ? undefined : `${lacks}${lacking}`
}

/** Whether a child went back from a member's revision to an earlier one: a preference, no exclusion. */
const isMarked = ({ refused }: PlacedSpec, { mark }: ScopeMember): boolean => hasMark(refused, mark)

/** What a rollout makes of a member: the revision that is the newest for a child comes before all others. */
const standings = { newest: 0, other: 1, heldBack: 2 } as const

interface Rank {
  readonly member: ScopeMember
  /** 0: it has room. 1: it has its share. 2: it is full. */
  readonly crowded: number
  readonly standing: number
  readonly preferred: number
  readonly score: number
}

/** A member's score for a child; a text where the placement has none to give. */
const scoreOf = (child: Placed, spec: PlacedSpec, member: ScopeMember, score: Score): number | string => {
  const result = numberBy(score, { id: child.id, kind: spec.kind, hash: child.hash }, member)
  return typeof result === "number" ? result : `its score by the placement ${result}`
}

/**
 * The reason why a member cannot take a child, in words; `undefined` when it can. A score is a user's code: where it
 * throws, or is no number, the child is not for this member, and nobody else notices.
 */
export const whyNot = (child: Placed, spec: PlacedSpec, member: ScopeMember, score: Score): string | undefined => {
  const reason = obstacle(spec, member)
  if (reason !== undefined) return reason
  const result = scoreOf(child, spec, member, score)
  return typeof result === "string" ? result : undefined
}

/** Is told why a child has no score on a member. */
export type OnUnscored = (member: ScopeMember, why: string) => void

/** The newest revision among some members, and whether its rollout is known to stall. */
export interface NewestRevision {
  readonly revision: string
  /** Counter value since when a name has it. */
  readonly fresh: number
  readonly settled: boolean
}

/**
 * The newest revision: the one that a member's name took on last. `undefined` where nobody tells of one, or all have the
 * same.
 */
export const newestOf = (
  members: Iterable<Pick<ScopeMember, "fresh" | "revision" | "settled">>
): NewestRevision | undefined => {
  let newest: NewestRevision | undefined
  let settled = 0
  for (const { fresh, revision, settled: known } of members) {
    settled = Math.max(settled, known)
    if (fresh > (newest?.fresh ?? 0)) newest = { revision, fresh, settled: false }
  }
  return newest === undefined ? undefined : { ...newest, settled: settled >= newest.fresh }
}

/** The newest revision for a child, while its rollout goes on: among the members that can take it. */
export const newestFor = (spec: PlacedSpec, members: ReadonlyArray<ScopeMember>): string | undefined => {
  if (members.every(({ fresh }) => fresh === 0)) return undefined
  const newest = newestOf(members.filter((member) => member.fresh > 0 && obstacle(spec, member) === undefined))
  return newest?.settled === false ? newest.revision : undefined
}

const rank = (
  child: Placed,
  spec: PlacedSpec,
  member: ScopeMember,
  score: Score,
  newest: string | undefined,
  onUnscored?: OnUnscored
): Rank | undefined => {
  const result = scoreOf(child, spec, member, score)
  if (typeof result === "string") {
    onUnscored?.(member, result)
    return undefined
  }
  return {
    member,
    crowded: member.full ? 2 : member.enough ? 1 : 0,
    standing: isMarked(spec, member)
      ? standings.heldBack
      : newest === undefined || member.revision === newest
      ? standings.newest
      : standings.other,
    preferred: spec.prefers === undefined ? 0 : countMatches(member, spec.prefers),
    score: result
  }
}

/** The strict order of ranks: room, then what a rollout asks for, then preferred labels, then score, then session. */
const isBetter = (a: Rank, b: Rank): boolean =>
  a.crowded !== b.crowded
    ? a.crowded < b.crowded
    : a.standing !== b.standing
    ? a.standing < b.standing
    : a.preferred !== b.preferred
    ? a.preferred > b.preferred
    : a.score !== b.score
    ? a.score > b.score
    : a.member.sid < b.member.sid

/** The best of the members for a child, or of those and the best so far. */
export const best = (
  child: Placed,
  spec: PlacedSpec,
  members: ReadonlyArray<ScopeMember>,
  score: Score,
  sofar?: ScopeMember,
  onUnscored?: OnUnscored
): ScopeMember | undefined => {
  const newest = newestFor(spec, sofar === undefined ? members : [...members, sofar])
  let top = sofar === undefined ? undefined : rank(child, spec, sofar, score, newest, onUnscored)
  for (const member of members) {
    if (obstacle(spec, member) !== undefined) continue
    const candidate = rank(child, spec, member, score, newest, onUnscored)
    if (candidate !== undefined && (top === undefined || isBetter(candidate, top))) top = candidate
  }
  return top?.member
}

/** The members that can take a child, best first. */
export const ranking = (
  child: Placed,
  spec: PlacedSpec,
  members: ReadonlyArray<ScopeMember>,
  score: Score
): ReadonlyArray<ScopeMember> => {
  const newest = newestFor(spec, members)
  return members
    .filter((member) => obstacle(spec, member) === undefined)
    .flatMap((member) => rank(child, spec, member, score, newest) ?? [])
    .sort((a, b) => (isBetter(a, b) ? -1 : 1))
    .map(({ member }) => member)
}

/**
 * Whether a child that a member cannot run may go back: the member's revision is the newest for it, was not marked in it
 * before, and a member of another one has room for it. So a child goes back once from each revision, and never from an
 * older one to a newer one.
 */
export const mayReturn = (
  child: Placed,
  spec: PlacedSpec,
  from: ScopeMember,
  members: ReadonlyArray<ScopeMember>,
  score: Score
): boolean => {
  if (from.mark === "" || isMarked(spec, from)) return false
  const able = members.filter((member) => obstacle(spec, member) === undefined)
  return newestOf([...able, from])?.revision === from.revision &&
    able.some((member) =>
      member.revision !== from.revision && !member.full && !isMarked(spec, member) &&
      typeof scoreOf(child, spec, member, score) === "number"
    )
}
