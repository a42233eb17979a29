/**
 * The members of a scope, and which of them each child belongs to.
 *
 * @internal
 */
import type { Labels } from "../../ChildSpec.js"
import type { KindVersion } from "../../PogoNode.js"
import type { NodeItem } from "../registry/commands.js"
import { parseNode } from "../registry/state.js"
import { hashText } from "../runtime/hash.js"
import type { ProcessId } from "../runtime/processTable.js"
import { numberBy } from "../runtime/userCode.js"

/** The record that a node publishes of itself. Fields that a newer version added are ignored. */
export interface NodeRecord {
  readonly name: string
  readonly weight: number
  readonly labels: Labels
  readonly kinds: { readonly [kind: string]: KindVersion }
  readonly cordoned: boolean
  readonly draining: boolean
  /**
   * True until the node has confirmed that it knows of its session. A node whose requests arrive, and which hears no
   * answers, would otherwise be given children that it can never start.
   */
  readonly joining: boolean
  /** True while the node joins after a lapse of its lease: it will be open again as soon as it has read everything. */
  readonly returning: boolean
  /** True if the node has as many children as it takes. It keeps them; others go elsewhere while there is room. */
  readonly full: boolean
  /** True if the node renewed its lease after a younger session of its own name had opened: there really are two. */
  readonly duplicateName: boolean
  /** The node's process, for the nodes of its machine; `undefined` where processes cannot be told apart. */
  readonly process: ProcessId | undefined
  /** Address at which others reach the node; empty if they cannot. */
  readonly address: string
  /** Parts of the protocol that the node's code knows, beyond the first. */
  readonly knows: ReadonlyArray<string>
  /** Stamp of the newest directive that the node acts on; 0 for none. */
  readonly obeys: number
  /**
   * For how long the node's process has been in the scope, as a power of two of proof times, rounded down; -1 for less,
   * and while no child waits for such a node.
   */
  readonly lived: number
  /** True if the node's name holds the id of its process, so that a restart has another name. */
  readonly namedByPid: boolean
  /** The digests of the lists that the node keeps as whole sets (`Pogo.exactly`), by their names. */
  readonly lists: { readonly [name: string]: string }
}

/** Parts of the protocol that this code knows, beyond the first. */
export const knowledge: ReadonlyArray<string> = ["directives", "placement", "trials"]

/** A live session. */
export interface ScopeMember extends NodeRecord {
  readonly sid: string
  /** Stamp of the session: younger sessions have higher ones. */
  readonly opened: number
  /** Version of the node's record. */
  readonly version: number
  /** The text that placement hashes: the name, or the session where two live nodes share a name. */
  readonly key: string
  readonly hash: number
  /** True if the node takes children at all. */
  readonly open: boolean
}

/** The name in a session. */
export const nameOf = (sid: string): string => sid.slice(0, Math.max(0, sid.lastIndexOf("#")))

/** The record of a session that publishes none that can be read: it lives, and takes no children that we know of. */
const unreadable: NodeRecord = {
  name: "",
  weight: 0,
  labels: {},
  kinds: {},
  cordoned: true,
  draining: false,
  joining: false,
  returning: false,
  full: false,
  duplicateName: false,
  process: undefined,
  address: "",
  knows: [],
  obeys: 0,
  lived: -1,
  namedByPid: false,
  lists: {}
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const readKinds = (value: unknown): { readonly [kind: string]: KindVersion } => {
  const kinds: Record<string, KindVersion> = Object.create(null)
  if (!isRecord(value)) return kinds
  for (const [kind, code] of Object.entries(value)) {
    if (isRecord(code) && Number.isSafeInteger(code["version"]) && typeof code["digest"] === "string") {
      kinds[kind] = { version: code["version"] as number, digest: code["digest"] }
    }
  }
  return kinds
}

const readTexts = (value: unknown): { readonly [name: string]: string } => {
  const texts: Record<string, string> = Object.create(null)
  if (!isRecord(value)) return texts
  for (const [name, text] of Object.entries(value)) if (typeof text === "string") texts[name] = text
  return texts
}

/** A node record as it is published. On the wire a duplicate name is called `twin`; `returning` and `full` are there if
 * they are true, `lists` if there are any.
 */
export const encodeNodeRecord = (record: NodeRecord): string => {
  const { address, duplicateName: twin, full, knows, lists, lived, namedByPid, obeys, process, returning, ...fields } =
    record
  return JSON.stringify({
    ...fields,
    twin,
    process,
    address,
    knows,
    obeys,
    namedByPid,
    ...(returning ? { returning } : {}),
    ...(full ? { full } : {}),
    ...(lived < 0 ? {} : { lived }),
    ...(Object.keys(lists).length === 0 ? {} : { lists })
  })
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Reads the identity of a node's process; `undefined` in a form that this version does not write. */
export const readProcess = (value: unknown): ProcessId | undefined => {
  if (!isRecord(value)) return undefined
  const { host, pid, proof, start } = value as { readonly [field: string]: unknown }
  if (typeof host !== "string" || !isWhole(pid) || pid === 0 || !isWhole(start)) return undefined
  return typeof proof === "string" ? { host, pid, start, proof } : { host, pid, start }
}

const readRecord = (json: string): NodeRecord => {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return unreadable
  }
  if (!isRecord(value) || typeof value["name"] !== "string") return unreadable
  const weight = value["weight"]
  return {
    name: value["name"],
    weight: typeof weight === "number" && weight > 0 && Number.isFinite(weight) ? weight : 1,
    labels: readTexts(value["labels"]),
    kinds: readKinds(value["kinds"]),
    cordoned: value["cordoned"] === true,
    draining: value["draining"] === true,
    joining: value["joining"] === true,
    returning: value["returning"] === true,
    full: value["full"] === true,
    duplicateName: value["twin"] === true,
    process: readProcess(value["process"]),
    address: typeof value["address"] === "string" ? value["address"] : "",
    knows: Array.isArray(value["knows"]) ? value["knows"].filter((part) => typeof part === "string") : [],
    obeys: Number.isSafeInteger(value["obeys"]) ? value["obeys"] as number : 0,
    lived: isWhole(value["lived"]) ? value["lived"] : -1,
    namedByPid: value["namedByPid"] === true,
    lists: readTexts(value["lists"])
  }
}

/**
 * The members of stored node records, in the order of their sessions. The youngest session of a name has the right to
 * it: a node that was killed and started again has its children back as soon as its old session ends, and nothing is
 * placed on the old one meanwhile. An older session counts only if it proved to live (`duplicateName`); then it is
 * placed by its session.
 */
export const readMembers = (items: ReadonlyArray<NodeItem>): ReadonlyArray<ScopeMember> => {
  const read = items.map(({ record, sid }) => {
    const header = parseNode(record)
    const fields = header === undefined ? unreadable : readRecord(header.json)
    return { ...fields, sid, opened: header?.opened ?? 0, version: header?.version ?? 0 }
  })
  const youngest = new Map<string, number>()
  for (const { name, opened } of read) youngest.set(name, Math.max(opened, youngest.get(name) ?? 0))
  return read
    .map((member): ScopeMember => {
      const first = member.name !== "" && member.opened === youngest.get(member.name)
      const key = first ? member.name : member.sid
      const open = (first || member.duplicateName) && !member.cordoned && !member.draining && !member.joining
      // A user's score is handed it.
      return Object.freeze({ ...member, labels: Object.freeze(member.labels), key, hash: hashText(key), open })
    })
    .sort((a, b) => (a.sid < b.sid ? -1 : 1))
}

/**
 * True if a session stands for a node: the youngest of its name does, and an older one that proved to live. Any other is
 * of a process that is gone, until its lease ends.
 */
export const isReal = (member: ScopeMember): boolean => member.key === member.name || member.duplicateName

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

interface Rank {
  readonly member: ScopeMember
  readonly full: boolean
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

const rank = (
  child: Placed,
  spec: PlacedSpec,
  member: ScopeMember,
  score: Score,
  onUnscored?: OnUnscored
): Rank | undefined => {
  const result = scoreOf(child, spec, member, score)
  if (typeof result === "string") {
    onUnscored?.(member, result)
    return undefined
  }
  return {
    member,
    full: member.full,
    preferred: spec.prefers === undefined ? 0 : countMatches(member, spec.prefers),
    score: result
  }
}

/** The strict order of ranks: room, then preferred labels, then score, then session. */
const isBetter = (a: Rank, b: Rank): boolean =>
  a.full !== b.full
    ? b.full
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
  let top = sofar === undefined ? undefined : rank(child, spec, sofar, score, onUnscored)
  for (const member of members) {
    if (obstacle(spec, member) !== undefined) continue
    const candidate = rank(child, spec, member, score, onUnscored)
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
): ReadonlyArray<ScopeMember> =>
  members
    .filter((member) => obstacle(spec, member) === undefined)
    .flatMap((member) => rank(child, spec, member, score) ?? [])
    .sort((a, b) => (isBetter(a, b) ? -1 : 1))
    .map(({ member }) => member)

/** A change of the membership. */
export interface MembershipChange {
  readonly joined: ReadonlyArray<ScopeMember>
  readonly left: ReadonlyArray<ScopeMember>
  /** True if any child may belong elsewhere now. */
  readonly placement: boolean
}

/** True if placement is the same whichever of two records a member has. */
const samePlacement = (a: ScopeMember, b: ScopeMember): boolean =>
  a.open === b.open && a.full === b.full && a.hash === b.hash && a.weight === b.weight &&
  JSON.stringify(a.kinds) === JSON.stringify(b.kinds) && JSON.stringify(a.labels) === JSON.stringify(b.labels)

/** A member that is coming back, as it will be. */
const comingBack = (member: ScopeMember): ReadonlyArray<ScopeMember> =>
  member.returning && member.joining && member.key === member.name && !member.cordoned && !member.draining
    ? [{ ...member, open: true }]
    : []

/**
 * The members as a node knows them, and their last change: enough to re-place a child by looking only at the members
 * that came, unless its own went.
 */
export class Membership {
  readonly members = new Map<string, ScopeMember>()
  /** Number of the changes that may have changed placement. */
  epoch = 0
  private added: ReadonlyArray<ScopeMember> = []
  private removed: ReadonlySet<string> = new Set()
  private all: ReadonlyArray<ScopeMember> = []
  private back: ReadonlyArray<ScopeMember> = []
  private agreed = true

  /** `onUnscored`: is told of a child that belongs nowhere, or elsewhere, since it has no score on a member. */
  constructor(
    private readonly score: Score,
    private readonly onUnscored: (id: string, node: string, why: string) => void = () => {}
  ) {}

  /** All members, in the order of their sessions. */
  get list(): ReadonlyArray<ScopeMember> {
    return this.all
  }

  isLive(sid: string): boolean {
    return this.members.has(sid)
  }

  /** Replaces the membership. */
  set(items: ReadonlyArray<NodeItem>): MembershipChange {
    const read = readMembers(items)
    // An older member would give a child to another home: nobody would run it, or two would wait for each other.
    const agreed = read.every(({ knows }) => knows.includes("placement"))
    const next = agreed ? read : read.map((member) => ({ ...member, full: false }))
    this.agreed = agreed
    const previous = new Map(this.members)
    const added = next.filter((member) => {
      const old = previous.get(member.sid)
      return old === undefined || !samePlacement(old, member)
    })
    const sids = new Set(next.map(({ sid }) => sid))
    const left = this.all.filter(({ sid }) => !sids.has(sid))
    this.members.clear()
    for (const member of next) this.members.set(member.sid, member)
    this.all = next
    this.back = agreed ? next.flatMap(comingBack) : []
    const placement = added.length > 0 || left.length > 0
    if (placement) {
      this.epoch++
      this.added = added
      this.removed = new Set([...left, ...added].map(({ sid }) => sid))
    }
    return { joined: added.filter(({ sid }) => !previous.has(sid)), left, placement }
  }

  /** The members that are coming back after a lapse, as they will be; none while a member does not know of that. */
  get returning(): ReadonlyArray<ScopeMember> {
    return this.back
  }

  /**
   * The session that is to claim a child which nobody holds: its home, or a member that is coming back and will be its
   * home then, for as long as that is awaited.
   */
  heirOf(child: Placed, isAwaited: (sid: string) => boolean): string | undefined {
    const home = this.homeOf(child)
    const { spec } = child
    if (spec === undefined || this.back.length === 0) return home
    const awaited = this.back.filter(({ sid }) => isAwaited(sid))
    return best(child, spec, awaited, this.score, home === undefined ? undefined : this.members.get(home))?.sid
  }

  /** Whether all members know of members that come back, and of such as have no room. */
  get allAgree(): boolean {
    return this.agreed
  }

  /**
   * The session where a child belongs that a member holds. A full member has room for what it has: otherwise all of its
   * children would leave it as soon as it is full, and come back when it is not.
   */
  homeOfHeld(child: Placed, sid: string): string | undefined {
    const home = this.homeOf(child)
    const { spec } = child
    const holder = this.members.get(sid)
    if (spec === undefined || holder?.full !== true || home === sid || obstacle(spec, holder) !== undefined) return home
    const other = home === undefined ? undefined : this.members.get(home)
    return best(child, spec, other === undefined ? [] : [other], this.score, { ...holder, full: false })?.sid
  }

  /**
   * The session where a child belongs whose processes died soon after it had started: of the members whose processes have
   * lived for long enough. `age`: as `lived`. Not kept, since there are few such children. A member that does not know of
   * this would place it as any other child, and nobody would run it: while there is one, all do.
   */
  homeOfSuspect(child: Placed, age: number): string | undefined {
    if (child.spec === undefined) return undefined
    if (!this.all.every(({ knows }) => knows.includes("trials"))) return this.homeOf(child)
    return best(child, child.spec, this.all.filter(({ lived }) => lived >= age), this.score)?.sid
  }

  /** The session where the child belongs; `undefined` when no member can take it. */
  homeOf(child: Placed): string | undefined {
    const { spec } = child
    if (spec === undefined) return undefined
    if (child.homeEpoch === this.epoch) return child.home
    const kept = child.homeEpoch === this.epoch - 1 && child.home !== undefined && !this.removed.has(child.home)
      ? this.members.get(child.home)
      : undefined
    let scored = true
    const onUnscored: OnUnscored = ({ name }, why) => {
      scored = false
      this.onUnscored(child.id, name, why)
    }
    child.home = best(child, spec, kept === undefined ? this.all : this.added, this.score, kept, onUnscored)?.sid
    // A score that threw once may not throw again: it is asked anew whenever the child is looked at.
    child.homeEpoch = scored ? this.epoch : -1
    return child.home
  }
}
