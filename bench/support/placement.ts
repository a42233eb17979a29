/**
 * Where children belong, computed apart from any node: what a fleet does is compared with it.
 */
import { hashText } from "../../src/internal/runtime/hash.js"
import { rendezvous } from "../../src/Placement.js"

const nodeOf = (name: string) => ({ name, weight: 1, labels: {}, hash: hashText(name) })

/** The name of the node where a child belongs. */
export const homeOf = (id: string, names: ReadonlyArray<string>): string => {
  const child = { id, kind: id.slice(0, id.indexOf("/")), hash: hashText(id) }
  let [home, top] = ["", -Infinity]
  for (const name of names) {
    const score = rendezvous(child, nodeOf(name))
    if (score > top) [home, top] = [name, score]
  }
  return home
}

/** The ids that move to a node that joins. */
export const movedTo = (joining: string, names: ReadonlyArray<string>, ids: ReadonlyArray<string>): Set<string> =>
  new Set(ids.filter((id) => homeOf(id, [...names, joining]) === joining))
