/**
 * Unconfirmed claims: those of children of kinds that keep running (`onRegistryLoss: "keep"`) while their node has no
 * lease. Until such a claim is confirmed, `check` fails and calls wait.
 *
 * @internal
 */
import type { Node } from "../node/node.js"
import type { Session } from "../node/session.js"
import type { OpenMode } from "../registry/commands.js"
import type { LocalChild } from "../supervisor/localChild.js"

const unconfirmed = (node: Node): ReadonlyArray<LocalChild> =>
  Array.from(node.supervisor.children.values()).filter((child) => child.unconfirmed)

const confirm = (node: Node, children: ReadonlyArray<LocalChild>): void => {
  for (const child of children) {
    child.unconfirmed = false
    // Calls wait for it.
    node.touched(child.id)
  }
  node.supervisor.confirmed()
  node.states.wake()
}

/**
 * Confirms what can be confirmed as a session opens. In the data set of before, the registry has just said which claims
 * stand. A new one may not have heard yet of a node that took a child over meanwhile. `quarantine`: milliseconds left.
 */
export const settleUnconfirmed = (node: Node, session: Session, mode: OpenMode, quarantine: number): void => {
  const isKnown = mode !== "reassert" && quarantine === 0
  session.hasUnconfirmed = !isKnown && unconfirmed(node).length > 0
  confirm(node, isKnown ? unconfirmed(node) : [])
}

/** Confirms claims once the quarantine is over, and with it every lease of before: what is read then is final. */
export const confirmClaims = (node: Node, session: Session): void => {
  session.hasUnconfirmed = false
  node.afterReading(() => {
    if (session.over) return
    const { entries } = node.view
    confirm(
      node,
      unconfirmed(node).filter(({ claim, id }) => {
        const held = entries.get(id)?.claim
        return held?.sid === session.sid && held.token === claim
      })
    )
  })
}
