/**
 * Where children belong: the best of the eligible members.
 *
 * @internal
 */
import type { Labels } from "../../ChildSpec.js"
import type { Entry, KnownSpec } from "./entry.js"
import type { Member } from "./member.js"

/** The score of a child on a node; see `Placement`. */
export type Score = (
  child: { readonly id: string; readonly kind: string; readonly hash: number },
  node: Member
) => number

/** How a refusal names the code that refused. */
export const codeOf = (code: { readonly version: number; readonly digest: string }): string =>
  `${code.version}.${code.digest}`

const matches = (member: Member, labels: Labels): number => {
  let count = 0
  for (const [name, value] of Object.entries(labels)) {
    if (Object.hasOwn(member.labels, name) && member.labels[name] === value) count++
  }
  return count
}

const whyClosed = ({ cordoned, draining, joining }: Member): string =>
  draining ? "it is draining" : cordoned ? "it is cordoned" : joining ? "it is joining" : "its name is taken"

/** Why a member cannot take a child; `undefined` when it can. */
export const obstacle = (spec: KnownSpec, member: Member): string | undefined => {
  const code = Object.hasOwn(member.kinds, spec.kind) ? member.kinds[spec.kind] : undefined
  if (code === undefined) return "it does not have the kind"
  if (!member.open) return whyClosed(member)
  if (code.version < spec.version) return `it has version ${code.version} of the kind, the child needs ${spec.version}`
  if (spec.refused.length > 0 && spec.refused.includes(codeOf(code))) return "its code could not decode the payload"
  if (spec.requires !== undefined && matches(member, spec.requires) < Object.keys(spec.requires).length) {
    return `it lacks the labels ${JSON.stringify(spec.requires)}`
  }
  return undefined
}

interface Rank {
  readonly member: Member
  readonly preferred: number
  readonly score: number
}

const rank = (entry: Entry, spec: KnownSpec, member: Member, score: Score): Rank => ({
  member,
  preferred: spec.prefers === undefined ? 0 : matches(member, spec.prefers),
  score: score({ id: entry.id, kind: spec.kind, hash: entry.hash }, member)
})

/** Strict order: labels preferred, then score, then session. */
const isBetter = (a: Rank, b: Rank): boolean =>
  a.preferred !== b.preferred
    ? a.preferred > b.preferred
    : a.score !== b.score
    ? a.score > b.score
    : a.member.sid < b.member.sid

/** The best of the members, or of those and the one that is best so far. */
export const best = (
  entry: Entry,
  spec: KnownSpec,
  members: ReadonlyArray<Member>,
  score: Score,
  sofar?: Member
): Member | undefined => {
  let top = sofar === undefined ? undefined : rank(entry, spec, sofar, score)
  for (const member of members) {
    if (obstacle(spec, member) !== undefined) continue
    const candidate = rank(entry, spec, member, score)
    if (top === undefined || isBetter(candidate, top)) top = candidate
  }
  return top?.member
}

/** All members that can take the child, best first. */
export const ranking = (
  entry: Entry,
  spec: KnownSpec,
  members: ReadonlyArray<Member>,
  score: Score
): ReadonlyArray<Member> =>
  members
    .filter((member) => obstacle(spec, member) === undefined)
    .map((member) => rank(entry, spec, member, score))
    .sort((a, b) => (isBetter(a, b) ? -1 : 1))
    .map(({ member }) => member)
