/**
 * The record that a node publishes of itself, and what the others make of it.
 *
 * @internal
 */
import type { Labels } from "../../ChildSpec.js"
import type { KindVersion } from "../../PogoNode.js"
import { counterOf } from "../registry/bounds.js"
import type { NodeItem } from "../registry/commands.js"
import { parseNode } from "../registry/state.js"
import { hashText } from "../runtime/hash.js"
import type { ProcessId } from "../runtime/processTable.js"
import { heldBackMark } from "./heldBackMark.js"

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
  /** True if the node has its share of the children while a rollout goes on: others come first, where there are any. */
  readonly enough: boolean
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
  /** The revision of the node's release; empty if it has none. */
  readonly revision: string
  /**
   * Counter value since when the node's name has this revision: the latest is of the newest one. A restart changes
   * nothing about it. 0 without a revision.
   */
  readonly fresh: number
  /**
   * Children that belong here and run elsewhere move here if their claims are older than this counter value. 0: none
   * does; infinite: all do.
   */
  readonly attracts: number
  /** The newest `fresh` of which the node knows that its rollout stalls: it does not count any more. 0 for none. */
  readonly settled: number
}

/** Parts of the protocol that this code knows, beyond the first. */
export const knowledge: ReadonlyArray<string> = ["directives", "placement", "trials", "revisions"]

/** A session's record, as it was read. */
export interface SessionRecord extends NodeRecord {
  readonly sid: string
  /** Stamp of the session: younger sessions have higher ones. */
  readonly opened: number
  /** Version of the node's record. */
  readonly version: number
}

/** A live session. */
export interface ScopeMember extends SessionRecord {
  /** The text that placement hashes: the name, or the session where two live nodes share a name. */
  readonly key: string
  readonly hash: number
  /** True if the node takes children at all. */
  readonly open: boolean
  /** How a spec's mark begins that was held back from the node's revision; empty if no mark counts. */
  readonly mark: string
}

/** The record of a session that publishes none that can be read: it lives, and takes no children that we know of. */
export const unreadable: NodeRecord = {
  name: "",
  weight: 0,
  labels: {},
  kinds: {},
  cordoned: true,
  draining: false,
  joining: false,
  returning: false,
  full: false,
  enough: false,
  duplicateName: false,
  process: undefined,
  address: "",
  knows: [],
  obeys: 0,
  lived: -1,
  namedByPid: false,
  lists: {},
  revision: "",
  fresh: 0,
  attracts: Infinity,
  settled: 0
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

/**
 * A node record as it is published. On the wire a duplicate name is called `twin`; `returning`, `full`
 * and `enough` are there if they are true, `lists` if there are any, a revision with what belongs to it if the node has one.
 */
export const encodeNodeRecord = (record: NodeRecord): string => {
  const {
    address,
    attracts,
    duplicateName: twin,
    enough,
    fresh,
    full,
    knows,
    lists,
    lived,
    namedByPid,
    obeys,
    process,
    returning,
    revision,
    settled,
    ...fields
  } = record
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
    ...(enough ? { enough } : {}),
    ...(lived < 0 ? {} : { lived }),
    ...(Object.keys(lists).length === 0 ? {} : { lists }),
    ...(attracts === Infinity ? {} : { attracts }),
    ...(revision === "" ? {} : { revision, fresh, settled })
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

const counterIn = (value: unknown): number | undefined => typeof value === "number" ? counterOf(value) : undefined

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
    enough: value["enough"] === true,
    duplicateName: value["twin"] === true,
    process: readProcess(value["process"]),
    address: typeof value["address"] === "string" ? value["address"] : "",
    knows: Array.isArray(value["knows"]) ? value["knows"].filter((part) => typeof part === "string") : [],
    obeys: Number.isSafeInteger(value["obeys"]) ? value["obeys"] as number : 0,
    lived: isWhole(value["lived"]) ? value["lived"] : -1,
    namedByPid: value["namedByPid"] === true,
    lists: readTexts(value["lists"]),
    revision: typeof value["revision"] === "string" ? value["revision"] : "",
    fresh: counterIn(value["fresh"]) ?? 0,
    attracts: counterIn(value["attracts"]) ?? Infinity,
    settled: counterIn(value["settled"]) ?? 0
  }
}

/** Reads stored node records. */
export const readRecords = (items: ReadonlyArray<NodeItem>): ReadonlyArray<SessionRecord> =>
  items.map(({ record, sid }) => {
    const header = parseNode(record)
    const fields = header === undefined ? unreadable : readRecord(header.json)
    return { ...fields, sid, opened: header?.opened ?? 0, version: header?.version ?? 0 }
  })

/**
 * The members of sessions' records, in the order of their sessions. The youngest session of a name has the right to
 * it: a node that was killed and started again has its children back as soon as its old session ends, and nothing is
 * placed on the old one meanwhile. An older session counts only if it proved to live (`duplicateName`); then it is
 * placed by its session.
 */
export const membersOf = (records: ReadonlyArray<SessionRecord>): ReadonlyArray<ScopeMember> => {
  const youngest = new Map<string, number>()
  for (const { name, opened } of records) youngest.set(name, Math.max(opened, youngest.get(name) ?? 0))
  return records
    .map((record): ScopeMember => {
      const first = record.name !== "" && record.opened === youngest.get(record.name)
      const key = first ? record.name : record.sid
      const open = (first || record.duplicateName) && !record.cordoned && !record.draining && !record.joining
      // A user's score is handed it.
      const mark = record.revision === "" ? "" : heldBackMark(record.revision)
      return Object.freeze({ ...record, labels: Object.freeze(record.labels), key, hash: hashText(key), open, mark })
    })
    .sort((a, b) => (a.sid < b.sid ? -1 : 1))
}

/** The members of stored node records. */
export const readMembers = (items: ReadonlyArray<NodeItem>): ReadonlyArray<ScopeMember> => membersOf(readRecords(items))

/**
 * True if a session stands for a node: the youngest of its name does, and an older one that proved to live. Any other is
 * of a process that is gone, until its lease ends.
 */
export const isReal = (member: ScopeMember): boolean => member.key === member.name || member.duplicateName
