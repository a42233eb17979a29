/**
 * Revisions: which one the nodes of each name have, and since when. A process that brings another one begins a rollout, or
 * goes on with it; one that was only restarted does not, and neither does one that asks again, since it heard no answer.
 *
 * They stand beside the traces of sessions, under `=name`, in the form `counter when noted|counter since when|revision`.
 *
 * @internal
 */
import { counterOf } from "./bounds.js"
import { nameOf } from "./sessionNames.js"
import type { Tx } from "./state.js"

/** How many names' revisions are remembered at most. */
export const maxRevisions = 1000

const prefix = "="
const pattern = /^(\d{1,16})\|(\d{1,16})\|([\s\S]*)$/

/** When a name's revision was noted; -1 for a record of another form. */
const notedAt = (value: string): number => counterOf(Number(pattern.exec(value)?.[1] ?? Number.NaN)) ?? -1

/** Forgets the revisions that were noted first, where there are too many: half of them, so that it is seldom done. */
const forgetOldest = ({ state }: Tx): void => {
  const noted = Array.from(state.sessx).filter(([key]) => key.startsWith(prefix))
  if (noted.length <= maxRevisions) return
  noted.sort(([a, x], [b, y]) => notedAt(x) - notedAt(y) || (a < b ? -1 : 1))
  for (const [key] of noted.slice(0, noted.length - maxRevisions / 2)) state.sessx.delete(key)
}

/** Since when a name has a revision, as the record of the name says; `undefined` if that is of another one. */
const sinceIn = (value: string, revision: string): number | undefined => {
  const [, , since, noted] = pattern.exec(value) ?? []
  return noted === revision ? counterOf(Number(since)) : undefined
}

/**
 * Notes the revision of a session's name; returns since when the name has it, 0 for a node without one. `fresh`: what the
 * process was told of that in an earlier era, 0 if it has not been told yet.
 */
export const noteRevision = (tx: Tx, sid: string, revision: string, fresh: number): number => {
  if (revision === "") return 0
  const { meta, state } = tx
  const key = `${prefix}${nameOf(sid)}`
  const since = sinceIn(state.sessx.get(key) ?? "", revision) ?? (fresh > 0 ? fresh : meta.high)
  state.sessx.set(key, `${meta.high}|${since}|${revision}`)
  forgetOldest(tx)
  return since
}
