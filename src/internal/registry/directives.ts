/**
 * Directives: an operator's word to the nodes of one name, kept under that name. One last-writer-wins register per name,
 * stamped by the counter; an undo is a stamped record, since an absence would be filled again, after a loss of data, by
 * a node that has missed it.
 *
 * @internal
 */
import { exactOf } from "./bounds.js"
import type { Args, DirectiveWhat, Value } from "./commands.js"
import { directiveRetention, directiveSweep, maxDirectives } from "./commands.js"
import { tellBy } from "./historyRecords.js"
import { append, type DirectiveRecord, formatDirective, next, parseDirective, type Tx } from "./state.js"

const read = ({ state }: Tx, name: string): DirectiveRecord | undefined => {
  const value = state.direct.get(name)
  return value === undefined ? undefined : parseDirective(value)
}

/** Stores a directive, with its full retention. */
const store = (tx: Tx, name: string, directive: Omit<DirectiveRecord, "until">): string => {
  const value = formatDirective({ ...directive, until: tx.meta.now + directiveRetention })
  tx.state.direct.set(name, value)
  append(tx, "d", name)
  return value
}

/** Renews a directive of which less than half of the retention is left. Nobody needs to read of that. */
const renew = ({ meta, state }: Tx, name: string, directive: DirectiveRecord): string => {
  const isYoung = directive.until - meta.now >= directiveRetention / 2
  const value = formatDirective(isYoung ? directive : { ...directive, until: meta.now + directiveRetention })
  state.direct.set(name, value)
  return value
}

/** Removes the expired directives that are due first, and records of another form. */
const sweep = ({ meta, state }: Tx): void => {
  const due: Array<{ readonly name: string; readonly until: number; readonly stamp: number }> = []
  for (const [name, value] of state.direct) {
    const directive = parseDirective(value)
    if (directive === undefined) state.direct.delete(name)
    else if (directive.until <= meta.now) due.push({ name, until: directive.until, stamp: directive.stamp })
  }
  due.sort((a, b) => a.until - b.until || a.stamp - b.stamp || (a.name < b.name ? -1 : 1))
  for (const { name, stamp } of due.slice(0, directiveSweep)) {
    // A node that has not read since must not give back what this one had replaced.
    meta.collected = Math.max(meta.collected, stamp)
    state.direct.delete(name)
  }
}

/** What the history calls them. */
const words: { readonly [W in DirectiveWhat]: string } = { cordon: "cordoned", drain: "drained", undo: "uncordoned" }

/** `direct`: stores a directive. The same call answers as it did, and renews the record that it wrote. */
export const direct = (tx: Tx, args: Args<"direct">): Value<"direct"> => {
  const { by, name, op, reason, seen, what } = args
  sweep(tx)
  const known = read(tx, name)
  if (known?.op === op) return { result: { _tag: "STORED", record: renew(tx, name, known) } }
  if (known !== undefined && known.stamp > (exactOf(seen) ?? 0)) {
    return { result: { _tag: "NEWER", record: formatDirective(known) } }
  }
  if (known === undefined && tx.state.direct.size >= maxDirectives) return { result: { _tag: "TOO_MANY" } }
  const record = store(tx, name, { stamp: next(tx), what, op, at: tx.meta.last, by, reason })
  tellBy(tx, words[what], by, { node: name, note: reason })
  return { result: { _tag: "STORED", record } }
}

/** Takes a directive that a node remembers; the higher stamp wins. Tells whether it was taken. */
export const mergeDirective = (tx: Tx, name: string, value: string): boolean => {
  const directive = parseDirective(value)
  if (directive === undefined || directive.stamp <= (read(tx, name)?.stamp ?? -1)) return false
  store(tx, name, directive)
  return true
}
