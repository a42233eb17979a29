/**
 * Connections to other nodes: one for each, opened when there is something to say, closed when there was nothing for a
 * while.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ConnectFailure, Connection, Identity, NodeTransport } from "../../../NodeTransport.js"
import type { Node } from "../../node/node.js"
import type { CallMetrics } from "../callMetrics.js"
import { isMessage, type Message, op } from "../wire/message.js"

/**
 * Times of a connection, in milliseconds. One on which calls wait and nothing is heard for `silence` is given up, if it
 * was pinged `pings` times meanwhile: where this process was paused, what the other one said is yet to be read.
 */
export const peerTiming = { connect: 3_000, ping: 2_000, pings: 2, silence: 6_000, idle: 60_000 }

/** A call on its way to another node. The callbacks are synchronous, and must not throw. */
export interface Outgoing {
  /** Number of the call on its connection. */
  n: number
  /** Makes the message that asks for it, when it is sent. */
  readonly frame: (n: number) => Message
  readonly message: (message: Message) => void
  /** The connection ended before the call did, or was not opened. */
  readonly lost: (reason: string, sent: boolean) => void
  /** The payload holds a value that cannot be encoded. */
  readonly unsendable: (error: unknown) => void
  readonly tooLarge: (size: number, limit: number) => void
}

/** The connection to one other node, for as long as there is a use for it. */
export class Peer {
  /** Calls that are to be sent as soon as the connection is open. */
  private readonly queue = new Set<Outgoing>()
  /** Calls that were sent, and are not over. */
  private readonly pending = new Map<number, Outgoing>()
  /** Children of which the other node turned a call away, and to which none has been sent since. */
  readonly turnedAway = new Set<string>()
  private connection: Connection | undefined
  private living = false
  private calls = 0
  /** Times of the last message that came, and of the last use for a call. Elapsed milliseconds. */
  private heardAt = 0
  /** Pings since something was heard. */
  private unanswered = 0
  private usedAt = 0

  constructor(private readonly peers: Peers, readonly address: string) {}

  send(outgoing: Outgoing): void {
    this.usedAt = this.now
    if (this.connection !== undefined) return this.write(this.connection, outgoing)
    this.queue.add(outgoing)
    if (this.living) return
    this.living = true
    this.peers.node.fork(this.life)
  }

  private get now(): number {
    return this.peers.node.ambient.now()
  }

  private heard(): void {
    this.heardAt = this.now
    this.unanswered = 0
  }

  private write(connection: Connection, outgoing: Outgoing): void {
    if (this.pending.size === 0) this.heard()
    outgoing.n = ++this.calls
    this.pending.set(outgoing.n, outgoing)
    try {
      const size = connection.send(outgoing.frame(outgoing.n))
      if (size === 0) return
      this.pending.delete(outgoing.n)
      outgoing.tooLarge(size, connection.maxFrame)
    } catch (error) {
      this.pending.delete(outgoing.n)
      outgoing.unsendable(error)
    }
  }

  cancel(outgoing: Outgoing): void {
    if (this.queue.delete(outgoing)) return
    this.say(outgoing, [op.cancel, outgoing.n])
    this.pending.delete(outgoing.n)
  }

  say(outgoing: Outgoing, message: Message): void {
    if (this.pending.get(outgoing.n) === outgoing) this.connection?.send(message)
  }

  /** Opens the connection, and uses it until it ends. Calls that are left then are `lost`. */
  private readonly life: Effect.Effect<void> = Effect.suspend(() => {
    const { self, transport } = this.peers
    return transport.connect(self, this.address).pipe(
      Effect.timeoutFail({
        duration: peerTiming.connect,
        onTimeout: (): ConnectFailure => ({
          _tag: "ConnectFailure",
          reason: `no connection within ${peerTiming.connect} ms`
        })
      }),
      Effect.flatMap((connection) => this.use(connection)),
      Effect.scoped,
      Effect.catchAll(({ reason }) => Effect.succeed(reason)),
      Effect.onExit((exit) =>
        Effect.sync(() => this.over(exit._tag === "Success" ? exit.value : "this node is closing"))
      ),
      Effect.asVoid
    )
  })

  private use(connection: Connection): Effect.Effect<string, never, Scope.Scope> {
    this.connection = connection
    this.heard()
    this.usedAt = this.heardAt
    this.peers.metrics.connected()
    for (const outgoing of Array.from(this.queue)) {
      this.queue.delete(outgoing)
      this.write(connection, outgoing)
    }
    return Effect.raceFirst(connection.run((message) => this.receive(message)), this.watch(connection))
  }

  private receive(message: unknown): void {
    this.heard()
    if (!isMessage(message)) return
    const outgoing = this.pending.get(message[1] as number)
    if (outgoing === undefined) return
    if (message[0] === op.ok || message[0] === op.fail || message[0] === op.refuse) this.pending.delete(outgoing.n)
    this.usedAt = this.heardAt
    outgoing.message(message)
  }

  /** Pings while calls wait, and ends a connection that nobody uses. Returns why it ends. */
  private watch(connection: Connection): Effect.Effect<string> {
    return Effect.sleep(peerTiming.ping).pipe(
      Effect.zipRight(Effect.sync(() => {
        const { now } = this
        if (this.pending.size === 0) return now - this.usedAt >= peerTiming.idle ? "it was idle" : undefined
        if (this.unanswered >= peerTiming.pings && now - this.heardAt >= peerTiming.silence) {
          return `no sign of life for ${peerTiming.silence} ms`
        }
        this.unanswered++
        connection.send([op.ping])
        return undefined
      })),
      Effect.repeat({ until: (reason) => reason !== undefined })
    )
  }

  private over(reason: string): void {
    this.connection = undefined
    this.living = false
    this.peers.forget(this)
    for (const outgoing of this.pending.values()) outgoing.lost(reason, true)
    this.pending.clear()
    for (const outgoing of this.queue) outgoing.lost(reason, false)
    this.queue.clear()
  }
}

/** The connections of this node, by address. */
export class Peers {
  private readonly peers = new Map<string, Peer>()
  readonly self: Identity

  constructor(readonly node: Node, readonly transport: NodeTransport["Type"], readonly metrics: CallMetrics) {
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

  /** Sends a message about a call that is under way. */
  say(address: string, outgoing: Outgoing, message: Message): void {
    this.peers.get(address)?.say(outgoing, message)
  }

  /** Notes that a node turned a call away: see the rules in `childQueue.ts`. */
  turnedAway(address: string, id: string): void {
    this.peers.get(address)?.turnedAway.add(id)
  }

  /** Whether the call that is about to be sent is the first since one to this child was turned away. */
  comesAgain(address: string, id: string): boolean {
    return this.peers.get(address)?.turnedAway.delete(id) === true
  }

  forget(peer: Peer): void {
    if (this.peers.get(peer.address) === peer) this.peers.delete(peer.address)
  }
}
