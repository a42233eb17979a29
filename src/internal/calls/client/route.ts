/**
 * Where a call goes, by what this node knows at the moment.
 *
 * @internal
 */
import type { ChildId } from "../../../ChildSpec.js"
import { type CallError, ChildNotFound, ChildUnavailable, NodeUnreachable } from "../../../PogoError.js"
import { statusById } from "../../node/childStatus.js"
import type { Node } from "../../node/node.js"
import { nameOf } from "../../registry/sessionNames.js"
import { printError } from "../../runtime/userCode.js"
import type { LocalChild } from "../../supervisor/localChild.js"

/** Where a call goes. */
export type Route =
  | { readonly _tag: "Local"; readonly child: LocalChild }
  | {
    readonly _tag: "Remote"
    readonly node: string
    readonly address: string
    readonly token: number
  }
  /** Nobody runs the child at the moment. */
  | { readonly _tag: "Wait" }
  /** This node knows of no such child. */
  | { readonly _tag: "Absent" }
  | { readonly _tag: "Refused"; readonly error: CallError }

const unreachable = (node: string, reason: string): Route => ({
  _tag: "Refused",
  error: new NodeUnreachable({ node, reason, mayHaveRun: false })
})

const remote = (node: Node, sid: string, token: number, connected: boolean): Route => {
  const member = node.view.membership.members.get(sid)
  // Its own session, of now or of before a lapse: the child is about to run here, or somewhere else.
  // Without addresses a namesake is told by its process.
  const isNamesake = member?.process !== undefined && member.process.pid !== node.processes.self?.pid
  const own = member?.name === node.config.name && member.address === node.own.address && !node.client && !isNamesake
  if (member === undefined || own) return { _tag: "Wait" }
  if (!connected) {
    return unreachable(
      member.name,
      "this process has no NodeTransport; provide one to the supervisor's layer, such as NodeTransportSocket.layerConfig()"
    )
  }
  return member.address === ""
    ? unreachable(member.name, "it advertises no address: it has no NodeTransport")
    : { _tag: "Remote", node: member.name, address: member.address, token }
}

/** Finds where a call goes. `connected`: whether this process has a transport. */
export const routeOf = (node: Node, id: ChildId, connected: boolean): Route => {
  const child = node.supervisor.children.get(id)
  if (child !== undefined && !child.ending && child.holds) {
    return child.registration.server === undefined
      ? { _tag: "Refused", error: unavailable(node, id, "its kind has no protocol on this node", false) }
      : { _tag: "Local", child }
  }
  const entry = node.view.entries.get(id)
  if (entry?.spec === undefined) return { _tag: "Absent" }
  if (entry.spec.failed) return { _tag: "Refused", error: unavailable(node, id, "", false) }
  return entry.claim === undefined ? { _tag: "Wait" } : remote(node, entry.claim.sid, entry.claim.token, connected)
}

const reasonOf = (node: Node, id: ChildId): string => {
  const status = statusById(node, id)
  switch (status?._tag) {
    case "Pending":
      return status.reason
    case "Failed":
    case "Restarting":
      return status.cause
    default: {
      const holder = node.view.entries.get(id)?.claim
      return holder === undefined ? "this node knows of nobody who runs it" : `it is not up on ${nameOf(holder.sid)}`
    }
  }
}

/** The error of a call that the child cannot answer. An empty `reason` is filled in by the child's status. */
export const unavailable = (node: Node, id: ChildId, reason: string, mayHaveRun: boolean): ChildUnavailable =>
  new ChildUnavailable({
    id,
    status: statusById(node, id)?._tag ?? "Unknown",
    reason: reason === "" ? reasonOf(node, id) : reason,
    mayHaveRun
  })

/** The error of a call that an earlier node may have executed: a later refusal does not tell that it never ran. */
export const mayHaveRun = (node: Node, error: CallError): CallError => {
  if (error._tag === "MailboxFull") return unavailable(node, error.id, printError(error), true)
  if (error._tag === "ChildUnavailable" && !error.mayHaveRun) {
    const { id, reason, status } = error
    return new ChildUnavailable({ id, status, reason, mayHaveRun: true })
  }
  if (error._tag === "NodeUnreachable" && !error.mayHaveRun) {
    return new NodeUnreachable({ node: error.node, reason: error.reason, mayHaveRun: true })
  }
  return error
}

/** The error of a call to an id that is not registered. */
export const notFound = (id: ChildId): ChildNotFound => new ChildNotFound({ id })
