/**
 * Revisions: which one the nodes of each name had last. A process that brings another one begins a rollout, or goes on
 * with it; one that was only restarted does not.
 *
 * They stand beside the traces of sessions, under `=name`, in the form `counter|revision`.
 *
 * @internal
 */
import { counterOf } from "./bounds.js"
import type { Tx } from "./state.js"

/** How many names' revisions are remembered at most. */
export const maxRevisions = 1000

const prefix = "="
const pattern = /^(\d{1,16})\|([\s\S]*)$/

const nameOf = (sid: string): string => sid.slice(0, Math.max(0, sid.lastIndexOf("#")))

/** When a name's revision was noted; -1 for a record of another form. */
const notedAt = (value: string): number => counterOf(Number(pattern.exec(value)?.[1] ?? Number.NaN)) ?? -1

/** Forgets the revisions that were noted first, where there are too many: half of them, so that it is seldom done. */
const forgetOldest = ({ state }: Tx): void => {
  const noted = Array.from(state.sessx).filter(([key]) => key.startsWith(prefix))
  if (noted.length <= maxRevisions) return
  noted.sort(([a, x], [b, y]) => notedAt(x) - notedAt(y) || (a < b ? -1 : 1))
  for (const [key] of noted.slice(0, noted.length - maxRevisions / 2)) state.sessx.delete(key)
}

/** Notes the revision of a session's name; returns the one that the name had before, empty for none. */
export const noteRevision = (tx: Tx, sid: string, revision: string): string => {
  if (revision === "") return ""
  const { meta, state } = tx
  const key = `${prefix}${nameOf(sid)}`
  const former = pattern.exec(state.sessx.get(key) ?? "")?.[2] ?? ""
  state.sessx.set(key, `${meta.high}|${revision}`)
  forgetOldest(tx)
  return former
}
