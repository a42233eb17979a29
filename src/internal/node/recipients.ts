/**
 * Whom a change concerns: the sessions that have to act on it. They read of it at once, all others a little later and
 * more at a time. Judged by what the caller knows; to be wrong costs latency only.
 *
 * @internal
 */
import type { Args, CommandName } from "../registry/commands.js"
import { formatSpec } from "../registry/state.js"
import { type Entry, makeEntry, readSpec } from "../replica/entry.js"
import type { Node } from "./node.js"

/** Sessions; `undefined` for all. */
export type Concerned = ReadonlyArray<string> | undefined

/** With more than so many sessions, or specs that nobody knows yet, all are told at once. */
const few = 4

/** Whom a command concerns, with repetitions and gaps; `undefined` for all. */
type Question<K extends CommandName> = (node: Node, args: Args<K>) => Iterable<string | undefined> | undefined

type Ask = { readonly [K in CommandName]?: Question<K> }

const homeOf = (node: Node, entry: Entry | undefined): string | undefined =>
  entry === undefined ? undefined : node.view.membership.homeOf(entry)

/** Where a spec belongs that the registry does not have yet. */
const homeOfNew = (node: Node, id: string, body: string): string | undefined => {
  const entry = makeEntry(id)
  entry.spec = readSpec(
    id,
    formatSpec({ generation: 0, stamp: 0, op: "", initial: false, failed: false, refused: [], body })
  )
  return homeOf(node, entry)
}

const ask: Ask = {
  put: (node, { items, mode }) => {
    if (items.length > few) return undefined
    return items.flatMap(({ body, id }) => {
      const entry = node.view.entries.get(id)
      return [entry?.claim?.sid, mode === "bump" ? homeOf(node, entry) : homeOfNew(node, id, body)]
    })
  },
  del: (node, { items }) =>
    items.map(({ id }) => {
      const entry = node.view.entries.get(id)
      return entry?.claim?.sid ?? homeOf(node, entry)
    }),
  /** The next to run it. */
  release: (node, { items }) =>
    items.some(({ refused }) => refused !== "")
      ? undefined
      : items.map(({ id }) => homeOf(node, node.view.entries.get(id))),
  finish: (node, { items }) => items.map(({ id }) => homeOf(node, node.view.entries.get(id))),
  /** Where it ran before, they count those that are on their way. */
  claim: (node, { items }) => items.map(({ id }) => node.view.entries.get(id)?.holder),
  report: () => []
}

/** A score of the user's may throw: that is for the plan to meet, not for a call. */
const askSafely = <K extends CommandName>(...[node, name, args]: [Node, K, Args<K>]): ReturnType<Question<K>> => {
  const question = ask[name] as Question<K> | undefined
  try {
    return question?.(node, args)
  } catch {
    return undefined
  }
}

/** @internal */
export const concerned = <K extends CommandName>(node: Node, name: K, args: Args<K>): Concerned => {
  const found = askSafely(node, name, args)
  if (found === undefined) return undefined
  const sids = new Set<string>()
  for (const sid of found) {
    if (sid !== undefined && sid !== node.session?.sid) sids.add(sid)
    if (sids.size > few) return undefined
  }
  return Array.from(sids)
}
