/**
 * Children that this node's release cannot run, though it is the newest one: they go back to nodes of another release.
 *
 * @internal
 */
import type * as Metric from "effect/Metric"
import * as PogoEvent from "../../PogoEvent.js"
import * as PogoMetrics from "../../PogoMetrics.js"
import { mayReturn, type Score } from "../replica/candidates.js"
import { formatHeldBack } from "../replica/heldBackMark.js"
import type { View } from "../replica/replica.js"
import type { Ambient } from "../runtime/environment.js"
import type { LocalChild } from "../supervisor/localChild.js"
import type { Owner } from "../supervisor/owner.js"

/** What it needs of its node. */
export interface ReturningNode {
  readonly ambient: Pick<Ambient, "wall">
  readonly config: { readonly name: string; readonly revision: string }
  readonly score: Score
  readonly view: View
  readonly session: { readonly sid: string } | undefined
  readonly outbox: { readonly holdBack: (child: LocalChild, revision: string, mark: string) => void }
  readonly count: (counter: Metric.Metric.Counter<number>) => void
  readonly emit: (event: () => PogoEvent.PogoEvent) => void
}

/** The first line of a cause. */
const firstLine = (cause: string): string => cause.split("\n", 1)[0]!

/** What the supervisor asks, and tells, of such children. */
export const returning = (node: ReturningNode): Pick<Owner, "heldBack" | "mayReturn"> => ({
  mayReturn: ({ claim, id, spec: { generation } }) => {
    const { score, session, view: { entries, membership } } = node
    const self = membership.members.get(session?.sid ?? "")
    const entry = entries.get(id)
    const spec = entry?.spec
    if (self === undefined || entry?.claim?.token !== claim || spec?.generation !== generation) return false
    return mayReturn(entry, spec, self, membership.list, score)
  },
  heldBack: (child) => {
    const { cause, id, token } = child
    const { ambient, config: { name, revision }, outbox } = node
    outbox.holdBack(child, revision, formatHeldBack({ revision, since: ambient.wall(), cause: firstLine(cause) }))
    node.count(PogoMetrics.childrenHeldBack)
    node.emit(() => PogoEvent.ChildHeldBack({ id, node: name, token, revision, cause }))
  }
})
