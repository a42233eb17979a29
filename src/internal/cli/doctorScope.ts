/**
 * The doctor's checks of a scope: its nodes, its children, and what its keys hold.
 *
 * @internal
 */
import { lacks, obstacle } from "../replica/candidates.js"
import { knowledge, type ScopeMember } from "../replica/nodeRecord.js"
import type { KnownSpec } from "../replica/replica.js"
import type { DoctorFacts, ScopeFacts } from "./doctorFacts.js"
import type { Trouble } from "./doctorTrouble.js"
import { bytesText, many, millisText, some } from "./quantities.js"

type ScopeCheck = (facts: DoctorFacts) => ReadonlyArray<Trouble>

const unique = (names: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(names)].sort()

const namesOf = (members: ReadonlyArray<ScopeMember>): ReadonlyArray<string> =>
  unique(members.map(({ name, sid }) => (name === "" ? sid : name)))

const children = (count: number): string => many(count, "child", "children")

const layout: ScopeCheck = ({ scope: { layout: ours, layouts } }) => {
  const other = layouts.filter((found) => found !== ours)
  return other.length === 0 ? [] : [{
    code: "layout",
    severity: "error",
    what: `The scope holds records of layout ${other.join(", ")}, and this version reads ${ours}`,
    means: "Nodes of this version do not join (LayoutMismatch)",
    remedy:
      "Run one version of effect-pogo; to go back to an older one, stop all nodes and delete the scope's key that " +
      "ends in \":layout\""
  }]
}

const foreign: ScopeCheck = ({ scope: { strangers } }) =>
  strangers.length === 0 ? [] : [{
    code: "foreign-keys",
    severity: strangers.some(({ expected }) => expected !== "none") ? "error" : "warning",
    what: `Keys that bear the scope's name are not ours: ${
      some(
        strangers.map(({ expected, key, type }) =>
          expected === "none" ? `${key} (a ${type})` : `${key} (a ${type}, and a ${expected} is expected)`
        )
      )
    }`,
    means: strangers.some(({ expected }) => expected !== "none")
      ? "Every command of the scope is refused (ForeignData): no node can join, and leases end"
      : "Another program writes there, and may write over ours",
    remedy: "Rename or delete them, and give each application a keyPrefix of its own"
  }]

const unreadable: ScopeCheck = ({ scope: { members, specs } }) => {
  const broken = specs.filter(({ spec }) => spec === undefined).map(({ id }) => id)
  const mute = members.filter(({ name }) => name === "").map(({ sid }) => sid)
  return broken.length + mute.length === 0 ? [] : [{
    code: "unreadable",
    severity: "error",
    what: `Records cannot be read: ${some([...broken, ...mute])}`,
    means: "Children of such records do not run, and nodes of such records take none",
    remedy: "Terminate and start the children anew; whoever else writes to these keys should not"
  }]
}

const noNodes: ScopeCheck = ({ scope: { exists, idle, members, specs, ttl } }) => {
  if (!exists || members.length > 0 || specs.length === 0) return []
  const ago = idle !== undefined && ttl !== undefined && idle > ttl
    ? `; the last command came ${millisText(idle)} ago`
    : ""
  return [{
    code: "no-nodes",
    severity: "error",
    what: `No node is alive${ago}`,
    means: `None of the ${children(specs.length)} of the scope runs`,
    remedy: "Start a node of this scope: a process with Pogo.layer, and the kinds of these children"
  }]
}

const closedBecause = (member: ScopeMember): string =>
  member.draining ? "draining" : member.cordoned ? "cordoned" : member.joining ? "joining" : "full"

const allClosed: ScopeCheck = ({ scope: { members } }) => {
  const takes = members.filter(({ full, open }) => open && !full)
  if (members.length === 0 || takes.length > 0) return []
  return [{
    code: "no-room",
    severity: "error",
    what: `No live node takes children: ${some(members.map((member) => `${member.name} is ${closedBecause(member)}`))}`,
    means: "What runs goes on, and nothing new starts; what a lost node ran has nowhere to go",
    remedy: "`effect-pogo uncordon NODE`, more nodes, or a higher maxChildren (POGO_MAX_CHILDREN)"
  }]
}

const duplicates: ScopeCheck = ({ scope: { members } }) => {
  const twice = unique(members.filter(({ duplicateName }) => duplicateName).map(({ name }) => name))
  return twice.length === 0 ? [] : [{
    code: "duplicate-names",
    severity: "error",
    what: `Two live nodes have the same name: ${some(twice)}`,
    means: "The older one is placed by its session: its children do not come back to it, and directives mean both",
    remedy: "Give each process a POGO_NODE_NAME of its own (on Kubernetes metadata.name)"
  }]
}

/** Timings of this environment, where it sets any, against those of the live nodes. */
const timing: ScopeCheck = ({ own, scope: { maxStep, members, ttl } }) => {
  if (members.length === 0) return []
  const differ = ([["POGO_TTL", own.ttl, ttl], ["POGO_MAX_STEP", own.maxStep, maxStep]] as const)
    .flatMap(([name, mine, theirs]) =>
      mine === undefined || theirs === undefined || Math.abs(mine - theirs) < 1
        ? []
        : [`${name} is ${millisText(mine)} here and ${millisText(theirs)} in the scope`]
    )
  return differ.length === 0 ? [] : [{
    code: "ttl",
    severity: "error",
    what: differ.join("; "),
    means: "A node with this environment does not join (TimingMismatch)",
    remedy: "Give all nodes of the scope the same, and change it while none runs"
  }]
}

const kindsOf = (members: ReadonlyArray<ScopeMember>): ReadonlySet<string> =>
  new Set(members.flatMap(({ kinds }) => Object.keys(kinds)))

const known = ({ specs }: ScopeFacts): ReadonlyArray<{ readonly id: string; readonly spec: KnownSpec }> =>
  specs.flatMap(({ id, spec }) => (spec === undefined || spec.failed ? [] : [{ id, spec }]))

const unknownKinds: ScopeCheck = ({ scope }) => {
  if (scope.members.length === 0) return []
  const kinds = kindsOf(scope.members)
  const orphans = known(scope).filter(({ spec }) => !kinds.has(spec.kind))
  if (orphans.length === 0) return []
  return [{
    code: "unknown-kinds",
    severity: "error",
    what: `No live node has the ${orphans.length === 1 ? "kind" : "kinds"} ${
      some(unique(orphans.map(({ spec }) => spec.kind)))
    } of ${children(orphans.length)}`,
    means: `They do not run: ${some(orphans.map(({ id }) => id))}`,
    remedy: "Deploy nodes with these kinds (toLayer), or terminate the children"
  }]
}

const texts = (labels: object): string =>
  Object.entries(labels).map(([name, value]) => `${name}=${String(value)}`).join(", ")

/** Why no member takes a child, in words that are the same for all children of the same need. */
const needOf = (spec: KnownSpec, members: ReadonlyArray<ScopeMember>): string => {
  const able = members.filter(({ kinds }) => Object.hasOwn(kinds, spec.kind))
  const why = (text: string) => able.every((member) => obstacle(spec, { ...member, open: true })?.startsWith(text))
  if (why(lacks)) return `no node has the labels ${texts(spec.requires ?? {})}`
  if (why("it has version")) return `no node has version ${spec.version} of ${spec.kind}`
  if (why("its code could not")) return `the code of ${spec.kind} on the nodes cannot decode their payload`
  return "each node has another reason (`effect-pogo explain ID`)"
}

const unplaced: ScopeCheck = ({ scope }) => {
  const { members } = scope
  const kinds = kindsOf(members)
  // Closed nodes are another trouble: a child is stuck where not even an open one could take it.
  const opened = members.map((member) => ({ ...member, open: true }))
  const groups = new Map<string, Array<string>>()
  for (const { id, spec } of known(scope)) {
    if (!kinds.has(spec.kind) || opened.some((member) => obstacle(spec, member) === undefined)) continue
    const need = needOf(spec, members)
    groups.set(need, [...groups.get(need) ?? [], id])
  }
  return Array.from(groups, ([need, ids]): Trouble => ({
    code: "unplaced",
    severity: "error",
    what: `No node can take ${children(ids.length)}: ${need}`,
    means: `They do not run: ${some(ids)}`,
    remedy: "Deploy a node that can, or replace the children with specs that ask for less"
  }))
}

const mixed: ScopeCheck = ({ scope: { members } }) => {
  const older = members.filter(({ knows, name }) => name !== "" && !knowledge.every((part) => knows.includes(part)))
  return older.length === 0 ? [] : [{
    code: "older-nodes",
    severity: "warning",
    what: `Nodes run an older version of effect-pogo: ${some(namesOf(older))}`,
    means:
      "Until they are gone, what they do not know (directives, full nodes, trials of deadly children) is off for all",
    remedy: "Finish the rollout"
  }]
}

const lists: ScopeCheck = ({ scope: { members } }) => {
  const digests = new Map<string, Set<string>>()
  for (const { lists: own } of members) {
    for (const [name, digest] of Object.entries(own)) {
      digests.set(name, (digests.get(name) ?? new Set()).add(digest))
    }
  }
  const differ = Array.from(digests).flatMap(([name, found]) => (found.size > 1 ? [name] : []))
  return differ.length === 0 ? [] : [{
    code: "lists-differ",
    severity: "warning",
    what: `Nodes have different children in their list ${some(differ)} (Pogo.exactly)`,
    means: "Children that are no longer listed go on, and changed ones are not replaced, until all lists are equal",
    remedy: "Finish the rollout, or bring the code of all nodes to one version"
  }]
}

const strayDirectives: ScopeCheck = ({ scope: { directives, members } }) => {
  const live = new Set(members.map(({ name }) => name))
  const stray = directives.filter(({ name }) => !live.has(name))
  return members.length === 0 || stray.length === 0 ? [] : [{
    code: "stray-directives",
    severity: "warning",
    what: `Directives stand for names that no live node has: ${some(stray.map(({ name, what }) => `${what} ${name}`))}`,
    means: "A node that joins under such a name within a day takes no children; perhaps the name was a slip",
    remedy: "`effect-pogo uncordon NAME`, unless that node is to come back closed"
  }]
}

/** The parts of a scope, as an operator calls them. */
export const partNames: { readonly [part: string]: string } = {
  spec: "specs",
  tomb: "ended children",
  tombx: "ended children",
  claim: "claims",
  stat: "statuses",
  state: "states of children",
  hist: "history",
  log: "change log"
}

/** Bytes by kind of record, the most first; what could not be measured counts as nothing. */
export const memoryOf = ({ parts }: ScopeFacts): ReadonlyArray<readonly [name: string, bytes: number]> => {
  const sums = new Map<string, number>()
  for (const { bytes = 0, part } of parts) {
    const name = partNames[part] ?? "bookkeeping"
    sums.set(name, (sums.get(name) ?? 0) + bytes)
  }
  return Array.from(sums).filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a)
}

/** Bytes of one kind of record from which on it is worth a look. */
const large = 256_000_000

const remedies: { readonly [name: string]: string } = {
  "ended children": "Lower keepEnded (POGO_KEEP_ENDED) or maxEnded (POGO_MAX_ENDED)",
  history: "Lower keepHistory (POGO_KEEP_HISTORY) or maxHistory (POGO_MAX_HISTORY)",
  "states of children": "Keep smaller states (maxStateBytes), and large data elsewhere",
  specs: "Keep smaller payloads, and large data elsewhere with a reference to it in the payload"
}

const memory: ScopeCheck = ({ scope, server: { info } }) => {
  const limit = Number(info.get("maxmemory") ?? 0)
  const bound = limit > 0 ? Math.min(large, limit / 4) : large
  return memoryOf(scope).filter(([, bytes]) => bytes >= bound).map(([name, bytes]): Trouble => ({
    code: "memory",
    severity: "warning",
    what: `The ${name} of the scope take ${bytesText(bytes)}${limit > 0 ? ` of ${bytesText(limit)} (maxmemory)` : ""}`,
    means: "When the server's memory is full it refuses every write, and leases are lost",
    remedy: remedies[name] ?? "Raise maxmemory, or spread the children over several scopes and servers"
  }))
}

/** Every check of a scope, the worst first. */
export const scopeChecks: ReadonlyArray<ScopeCheck> = [
  layout,
  foreign,
  noNodes,
  timing,
  duplicates,
  allClosed,
  unknownKinds,
  unplaced,
  unreadable,
  mixed,
  lists,
  strayDirectives,
  memory
]
