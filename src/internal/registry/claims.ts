/**
 * Claims: the exclusive right to run a child, and what its owner says of it.
 *
 * @internal
 */
import type { Args, ClaimResult, Refusal, Value } from "./commands.js"
import { formatSpec, maxRefused, parseSpec } from "./records.js"
import { append, claimOf, isLive, next, setClaim, type Tx } from "./state.js"

const claimOne = (tx: Tx, sid: string, id: string, generation: number): ClaimResult => {
  const stored = tx.state.spec.get(id)
  const spec = stored === undefined ? undefined : parseSpec(stored)
  if (stored !== undefined && spec === undefined) return { _tag: "MALFORMED" }
  const current = claimOf(tx, id)
  const held = current !== undefined && isLive(tx, current.sid)
  if (spec === undefined || spec.failed) {
    // Nobody may run it: what a dead holder left would stay for ever.
    if (current !== undefined && !held) setClaim(tx, id, undefined)
    return { _tag: "GONE" }
  }
  if (spec.generation !== generation) return { _tag: "STALE", spec: stored! }
  if (held) return { _tag: "HELD", claim: tx.state.claim.get(id)! }
  const token = next(tx)
  setClaim(tx, id, { token, generation, sid })
  return { _tag: "GRANTED", token, stat: tx.state.stat.get(id) ?? null }
}

/** Grants claims that are vacant, or whose holder is not live. */
export const claim = (tx: Tx, { items, sid }: Args<"claim">): Value<"claim"> | Refusal => {
  const { meta } = tx
  if (!isLive(tx, sid)) return { _tag: "NOSESSION", now: meta.now, high: meta.high }
  if (meta.now < meta.quarantine) {
    return { _tag: "QUARANTINE", left: meta.quarantine - meta.now, now: meta.now, high: meta.high }
  }
  return { results: items.map(({ generation, id }) => claimOne(tx, sid, id, generation)) }
}

const refuse = (tx: Tx, id: string, generation: number, code: string): void => {
  const stored = tx.state.spec.get(id)
  const spec = stored === undefined ? undefined : parseSpec(stored)
  if (spec === undefined || spec.generation !== generation || spec.refused.includes(code)) return
  const refused = [...spec.refused, code].slice(-maxRefused)
  tx.state.spec.set(id, formatSpec({ ...spec, refused }))
  append(tx, "s", id)
}

/** Gives claims back; only exact matches. */
export const release = (tx: Tx, { items, sid }: Args<"release">): Value<"release"> => {
  let released = 0
  for (const { id, refused, token } of items) {
    const current = claimOf(tx, id)
    if (current === undefined || current.token !== token || current.sid !== sid) continue
    if (refused !== "") refuse(tx, id, current.generation, refused)
    setClaim(tx, id, undefined)
    released++
  }
  return { released }
}

/** Stores the status of children that the session still owns. */
export const report = (tx: Tx, { items, sid }: Args<"report">): Value<"report"> => {
  let stored = 0
  for (const { id, stat, token } of items) {
    const current = claimOf(tx, id)
    if (current === undefined || current.token !== token || current.sid !== sid) continue
    tx.state.stat.set(id, stat)
    append(tx, "c", id)
    stored++
  }
  return { stored }
}
