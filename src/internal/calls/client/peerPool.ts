/**
 * Connections to other nodes: one for each, opened when there is something to say, closed when there was nothing for a
 * while.
 *
 * @internal
 */
import type { Identity, NodeTransport } from "../../../NodeTransport.js"
import type { Node } from "../../node/node.js"
import type { CallMeter } from "../callMetrics.js"
import type { Message } from "../wire/message.js"
import { Peer } from "./peerConnection.js"

/** A call on its way to another node. All are synchronous, and must not throw. */
export interface Outgoing {
  /** Its number on its connection. */
  n: number
  /** The message that asks for it, made when it is sent. */
  readonly frame: (n: number) => Message
  readonly message: (message: Message) => void
  /** The connection ended before the call did, or was not opened. */
  readonly lost: (reason: string, sent: boolean) => void
  /** Its payload is nothing that a message can carry. */
  readonly unsendable: (error: unknown) => void
  readonly tooLarge: (size: number, limit: number) => void
}

/** @internal */
export class Peers {
  private readonly peers = new Map<string, Peer>()
  readonly self: Identity

  constructor(readonly node: Node, readonly transport: NodeTransport["Type"], readonly meter: CallMeter) {
    this.self = { scope: node.config.scope, node: node.config.name }
  }

  send(address: string, outgoing: Outgoing): void {
    let peer = this.peers.get(address)
    if (peer === undefined) this.peers.set(address, peer = new Peer(this, address))
    peer.send(outgoing)
  }

  cancel(address: string, outgoing: Outgoing): void {
    this.peers.get(address)?.cancel(outgoing)
  }

  /** Says something of a call that has been sent. */
  say(address: string, outgoing: Outgoing, message: Message): void {
    this.peers.get(address)?.say(outgoing, message)
  }

  /** A node turned a call to a child away, and does so with those that follow until one comes again. */
  turnedAway(address: string, id: string): void {
    this.peers.get(address)?.turnedAway.add(id)
  }

  /** Whether this call is the one that comes again. */
  comesAgain(address: string, id: string): boolean {
    return this.peers.get(address)?.turnedAway.delete(id) === true
  }

  forget(peer: Peer): void {
    if (this.peers.get(peer.address) === peer) this.peers.delete(peer.address)
  }
}
