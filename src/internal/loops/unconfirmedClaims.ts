/**
 * Claims in doubt: those of children that went on while their node had no lease.
 *
 * @internal
 */
import type { Node } from "../node/node.js"
import type { Session } from "../node/session.js"
import type { OpenMode } from "../registry/commands.js"
import type { LocalChild } from "../supervisor/child.js"
import { look } from "./changeFeed.js"

const doubted = (node: Node): ReadonlyArray<LocalChild> =>
  Array.from(node.supervisor.children.values()).filter(({ unverified }) => unverified)

const confirm = (node: Node, children: ReadonlyArray<LocalChild>): void => {
  for (const child of children) {
    child.unverified = false
    // Calls wait for it.
    node.touched(child.id)
  }
  node.supervisor.confirmed()
}

/**
 * A session was opened. In the data set of before the registry has just said which claims still stand. In a new one it
 * may not have heard yet of a node that took the child over meanwhile. `quarantine`: milliseconds that are left of it.
 */
export const settleDoubts = (node: Node, session: Session, mode: OpenMode, quarantine: number): void => {
  const isKnown = mode !== "reassert" && quarantine === 0
  session.hasUnconfirmed = !isKnown && doubted(node).length > 0
  confirm(node, isKnown ? doubted(node) : [])
}

/** The quarantine is over, and with it every lease of before. What has been read then of the claims is final. */
export const confirmClaims = (node: Node, session: Session): void => {
  session.hasUnconfirmed = false
  look(node, () => {
    if (session.over) return
    const { entries } = node.view
    confirm(
      node,
      doubted(node).filter(({ claim, id }) => {
        const held = entries.get(id)?.claim
        return held?.sid === session.sid && held.token === claim
      })
    )
  })
}
