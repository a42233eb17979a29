/**
 * Members of a scope: the record that a node publishes, and the set of those that children are placed on.
 *
 * @internal
 */
import type { Labels } from "../../ChildSpec.js"
import type { KindVersion } from "../../PogoNode.js"
import type { NodeItem } from "../registry/commands.js"
import { parseNode } from "../registry/state.js"
import { hashText } from "../runtime/hash.js"
import { type ProcessId, readProcess } from "../runtime/processTable.js"

/** What a node says of itself. Fields that a newer version added are ignored. */
export interface NodeRecord {
  readonly name: string
  readonly weight: number
  readonly labels: Labels
  readonly kinds: { readonly [kind: string]: KindVersion }
  readonly cordoned: boolean
  readonly draining: boolean
  /**
   * It has not confirmed that it knows of its session. A node whose requests arrive, and which hears no answers, would
   * otherwise be given children that it can never start.
   */
  readonly joining: boolean
  /** It renewed its lease after a younger session of its own name had opened: there really are two. */
  readonly twin: boolean
  /** Its process, for the nodes of the same machine; unknown where processes cannot be told apart. */
  readonly process: ProcessId | undefined
  /** Where others reach it; empty if they cannot. */
  readonly address: string
}

/** A live session. */
export interface Member extends NodeRecord {
  readonly sid: string
  /** Orders sessions by age. */
  readonly opened: number
  readonly version: number
  /** What placement hashes: the name, or the session where two live nodes share one. */
  readonly key: string
  readonly hash: number
  /** Whether it takes children at all. */
  readonly open: boolean
}

/** The name in a session. */
export const nameOf = (sid: string): string => sid.slice(0, Math.max(0, sid.lastIndexOf("#")))

/** A session whose record is not ours to read: it lives, and takes no children that we know of. */
const unreadable: NodeRecord = {
  name: "",
  weight: 0,
  labels: {},
  kinds: {},
  cordoned: true,
  draining: false,
  joining: false,
  twin: false,
  process: undefined,
  address: ""
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

const readLabels = (value: unknown): Labels => {
  const labels: Record<string, string> = Object.create(null)
  if (!isRecord(value)) return labels
  for (const [name, text] of Object.entries(value)) if (typeof text === "string") labels[name] = text
  return labels
}

const decode = (json: string): NodeRecord => {
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
    labels: readLabels(value["labels"]),
    kinds: readKinds(value["kinds"]),
    cordoned: value["cordoned"] === true,
    draining: value["draining"] === true,
    joining: value["joining"] === true,
    twin: value["twin"] === true,
    process: readProcess(value["process"]),
    address: typeof value["address"] === "string" ? value["address"] : ""
  }
}

/**
 * The members, youngest session of a name first in its right to the name: a node that was killed and started again has
 * its children back as soon as its old session ends, and nothing is placed on the old one meanwhile. An older session
 * counts only if it proved to live (`twin`); then it is placed by its session.
 */
export const readMembers = (items: ReadonlyArray<NodeItem>): ReadonlyArray<Member> => {
  const read = items.map(({ record, sid }) => {
    const header = parseNode(record)
    const fields = header === undefined ? unreadable : decode(header.json)
    return { ...fields, sid, opened: header?.opened ?? 0, version: header?.version ?? 0 }
  })
  const youngest = new Map<string, number>()
  for (const { name, opened } of read) youngest.set(name, Math.max(opened, youngest.get(name) ?? 0))
  return read
    .map((member): Member => {
      const first = member.name !== "" && member.opened === youngest.get(member.name)
      const key = first ? member.name : member.sid
      const open = (first || member.twin) && !member.cordoned && !member.draining && !member.joining
      return { ...member, key, hash: hashText(key), open }
    })
    .sort((a, b) => (a.sid < b.sid ? -1 : 1))
}
