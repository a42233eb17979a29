/**
 * Reading: what changed since a cursor, everything page by page, and the membership.
 *
 * @internal
 */
import { bytesIn, counterOf, exactOf } from "./bounds.js"
import type { Args, DirectiveItem, Item, NodeItem, Refusal, Value } from "./commands.js"
import { maxBatch, maxPageBytes } from "./commands.js"
import { lastOf, type LogEntry, parseDirective, type RegistryState, type Tx } from "./state.js"

/** The most log entries that one page of `changes` looks at. */
export const maxEntries = 400

const liveNodes = ({ state }: Tx): ReadonlyArray<NodeItem> =>
  Array.from(state.sess.keys(), (sid) => ({ sid, record: state.node.get(sid) ?? "" }))

/** All directives. One that cannot be parsed counts as none. */
const directivesOf = ({ state }: Tx): ReadonlyArray<DirectiveItem> =>
  Array.from(state.direct, ([name, record]) => ({ name, record }))
    .filter(({ record }) => parseDirective(record) !== undefined)

/** `nodes`: reads the live sessions and their records, and all directives. */
export const nodes = (tx: Tx): Value<"nodes"> => ({ nodes: liveNodes(tx), directives: directivesOf(tx) })

const itemOf = ({ state }: Tx, id: string, withSpec: boolean): Item => ({
  id,
  spec: withSpec ? state.spec.get(id) ?? null : undefined,
  tomb: withSpec ? state.tomb.get(id) ?? null : undefined,
  claim: state.claim.get(id) ?? null,
  stat: state.stat.get(id) ?? null,
  trial: state.trial.get(id) ?? null
})

const bytesOf = (value: string | null | undefined): number => value === null || value === undefined ? 0 : bytesIn(value)

const sizeOf = (item: Item): number =>
  bytesOf(item.id) + bytesOf(item.spec) + bytesOf(item.tomb) + bytesOf(item.claim) + bytesOf(item.stat) +
  bytesOf(item.trial)

const after = (log: ReadonlyArray<LogEntry>, cursor: number): number => {
  let low = 0
  let high = log.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (log[middle]!.at > cursor) high = middle
    else low = middle + 1
  }
  return low
}

/** The log no longer holds all that came after the cursor. */
const isGap = ({ meta, state }: Tx, cursor: number): boolean => {
  const { log } = state
  if (counterOf(lastOf(state)) === undefined) return true
  if (cursor >= meta.log) return false
  return log.length === 0 || log[0]!.at > cursor || log[log.length - 1]!.at !== meta.log
}

interface Page {
  /** Id -> whether its spec is told. */
  readonly ids: Map<string, boolean>
  /** Id -> position before its first entry. */
  readonly before: Map<string, number>
  membership: boolean
  cursor: number
  more: boolean
}

const readPage = (log: ReadonlyArray<LogEntry>, cursor: number): Page => {
  const page: Page = { ids: new Map(), before: new Map(), membership: false, cursor, more: false }
  const start = after(log, cursor)
  for (let i = start; i < log.length; i++) {
    const entry = log[i]!
    const isId = entry.kind === "s" || entry.kind === "c"
    if (i - start >= maxEntries || (isId && !page.ids.has(entry.id) && page.ids.size >= maxBatch)) {
      page.more = true
      break
    }
    if (isId) {
      if (!page.ids.has(entry.id)) page.before.set(entry.id, page.cursor)
      page.ids.set(entry.id, page.ids.get(entry.id) === true || entry.kind === "s")
    } else page.membership = true
    page.cursor = entry.at
  }
  return page
}

/** What changed after the cursor, as it stands now. */
export const changes = (tx: Tx, args: Args<"changes">): Value<"changes"> | Refusal => {
  const { meta, state } = tx
  const cursor = exactOf(args.cursor) ?? 0
  if (isGap(tx, cursor)) return { _tag: "RESYNC", now: meta.now, high: meta.high }
  const page = readPage(state.log, cursor)
  const items: Array<Item> = []
  let bytes = 0
  for (const [id, withSpec] of page.ids) {
    const item = itemOf(tx, id, withSpec)
    bytes += sizeOf(item)
    if (bytes > maxPageBytes && items.length > 0) {
      page.cursor = page.before.get(id)!
      page.more = true
      break
    }
    items.push(item)
  }
  return {
    items,
    nodes: page.membership ? liveNodes(tx) : undefined,
    directives: page.membership ? directivesOf(tx) : undefined,
    cursor: page.cursor,
    more: page.more
  }
}

/** The parts that `snap` walks through, in this order. */
const phases = ["spec", "tomb", "claim"] as const

/** The most `snap` walks that a machine keeps open. */
const maxScans = 64

const scanOf = (state: RegistryState, cursor: string): Iterator<[string, string]> | undefined => {
  if (cursor !== "") return state.scans.get(cursor)
  return state.spec.entries()
}

/** Keeps a walk; tells its name. Another that stands at the same place has a name of its own. */
const keepScan = (state: RegistryState, place: string, scan: Iterator<[string, string]>): string => {
  let name = place
  while (state.scans.has(name)) name += "'"
  state.scans.set(name, scan)
  for (const old of state.scans.keys()) {
    if (state.scans.size <= maxScans) break
    state.scans.delete(old)
  }
  return name
}

/** One page of everything. Rows that stand throughout the walk are told; the log tells the rest. */
export const snap = (tx: Tx, { cursor }: Args<"snap">): Value<"snap"> | Refusal => {
  const { meta, state } = tx
  const phase = cursor === "" ? 0 : Number(cursor.split(":")[0])
  const scan = scanOf(state, cursor)
  if (scan === undefined) return { _tag: "RESYNC", now: meta.now, high: meta.high }
  state.scans.delete(cursor)
  const items: Array<Item> = []
  let bytes = 0
  while (items.length < maxBatch && bytes < maxPageBytes) {
    const step = scan.next()
    if (step.done === true) {
      if (phase + 1 >= phases.length) return { items, next: "" }
      const name = `${phase + 1}:${meta.high}:${state.scans.size}`
      return { items, next: keepScan(state, name, state[phases[phase + 1]!].entries()) }
    }
    const [id] = step.value
    if (phase === 2 && (state.spec.has(id) || state.tomb.has(id))) continue
    const item = itemOf(tx, id, true)
    bytes += sizeOf(item)
    items.push(item)
  }
  const name = `${phase}:${meta.high}:${items.at(-1)!.id}`
  return { items, next: keepScan(state, name, scan) }
}
