/**
 * Connections between the nodes of one process. Messages are delivered in order, each in a turn of its own. Tests can
 * make a node unreachable, cut its connections, or drop its messages.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { connectFailure, type Connection, type Transport } from "./transport.js"

/** The transport of one process, and what a test does to it. */
export interface Hub {
  readonly transport: Transport
  /** Nodes that can't be connected to. */
  readonly closed: Set<string>
  /** Nodes whose messages are dropped, both ways, while their connections stay open. */
  readonly silent: Set<string>
  /** Closes all connections of a node. */
  readonly cut: (node: string) => void
  /** The number of connections that were opened so far. */
  readonly opened: () => number
}

/** The default of the socket transports, bytes: a message that passes here passes there. */
const maxFrame = 1024 * 1024

/** The size of a message as JSON: near enough to its size as MessagePack to try limits with. */
const sizeOf = (message: unknown): number =>
  JSON.stringify(message, (_, value) => (typeof value === "bigint" ? String(value) : value)).length

/** One end of a connection. */
interface MemoryEnd {
  readonly node: string
  /** Messages that were sent to this end, and not delivered yet. */
  readonly queue: Queue.Queue<ReadonlyArray<unknown>>
  readonly closed: Deferred.Deferred<string>
}

const makeEnd = (node: string): Effect.Effect<MemoryEnd> =>
  Effect.all({
    node: Effect.succeed(node),
    queue: Queue.unbounded<ReadonlyArray<unknown>>(),
    closed: Deferred.make<string>()
  })

const connection = (here: MemoryEnd, there: MemoryEnd, silent: ReadonlySet<string>): Connection => ({
  remote: there.node,
  maxFrame,
  send: (message) => {
    const size = sizeOf(message)
    if (size > maxFrame) return size
    if (!silent.has(here.node) && !silent.has(there.node)) there.queue.unsafeOffer(message)
    return 0
  },
  run: (receive) =>
    Queue.take(here.queue).pipe(
      Effect.map((message) => receive(message, sizeOf(message))),
      Effect.forever,
      Effect.raceFirst(Deferred.await(here.closed))
    )
})

/** A node that listens. */
interface MemoryListener {
  readonly node: string
  readonly accept: (connection: Connection) => void
}

/** Both ends of a connection. */
interface MemoryLink {
  readonly nodes: ReadonlyArray<string>
  readonly close: Effect.Effect<void>
}

class MemoryHub implements Hub {
  readonly closed = new Set<string>()
  readonly silent = new Set<string>()
  /** By address. */
  private readonly listeners = new Map<string, MemoryListener>()
  private readonly links = new Set<MemoryLink>()
  private addresses = 0
  private connections = 0

  readonly opened = (): number => this.connections

  readonly cut = (node: string): void => Effect.runSync(this.closeAll(node))

  private closeAll(node: string): Effect.Effect<void> {
    const links = Array.from(this.links).filter(({ nodes }) => nodes.includes(node))
    return Effect.forEach(links, ({ close }) => close, { discard: true })
  }

  private readonly listen: Transport["listen"] = (self, serve) =>
    Effect.gen(this, function*() {
      const address = `memory:${self.scope}/${self.node}/${++this.addresses}`
      const scope = yield* Effect.scope
      const incoming = yield* Queue.unbounded<Connection>()
      const accept = Effect.flatMap(Queue.take(incoming), (connection) => Effect.forkIn(serve(connection), scope))
      yield* Effect.forkScoped(Effect.forever(accept))
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          this.listeners.set(address, { node: self.node, accept: (connection) => incoming.unsafeOffer(connection) })
        ),
        () => Effect.sync(() => this.listeners.delete(address))
      )
      yield* Effect.addFinalizer(() => Effect.suspend(() => this.closeAll(self.node)))
      return address
    })

  private link(nodes: ReadonlyArray<string>, here: MemoryEnd, there: MemoryEnd): MemoryLink {
    const link: MemoryLink = {
      nodes,
      close: Effect.suspend(() => {
        this.links.delete(link)
        return Effect.zipRight(Deferred.succeed(here.closed, "closed"), Deferred.succeed(there.closed, "closed"))
      })
    }
    this.links.add(link)
    this.connections++
    return link
  }

  private readonly connect: Transport["connect"] = (self, address) =>
    Effect.gen(this, function*() {
      const listener = this.listeners.get(address)
      if (listener === undefined || this.closed.has(listener.node)) {
        return yield* Effect.fail(connectFailure(`nobody listens at ${address}`))
      }
      const here = yield* makeEnd(self.node)
      const there = yield* makeEnd(listener.node)
      const { close } = this.link([self.node, listener.node], here, there)
      yield* Effect.addFinalizer(() => close)
      listener.accept(connection(there, here, this.silent))
      return connection(here, there, this.silent)
    })

  readonly transport: Transport = {
    listen: this.listen,
    problemOf: (address) => address.startsWith("memory:") ? undefined : `"${address}" is no address in this process`,
    connect: this.connect
  }
}

/** @internal */
export const makeHub = (): Hub => new MemoryHub()
