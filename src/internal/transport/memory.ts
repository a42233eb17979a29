/**
 * Connections within one process. Messages arrive in order, each in a turn of its own; a test can cut the way to a node,
 * or let messages vanish.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { ConnectFailure, Connection, NodeTransport } from "../../NodeTransport.js"

interface Port {
  readonly node: string
  readonly accept: (connection: Connection) => void
}

/** @internal */
export interface Hub {
  readonly transport: NodeTransport["Type"]
  /** Nodes that nobody can connect to. */
  readonly closed: Set<string>
  /** Nodes to and from which messages vanish. */
  readonly silent: Set<string>
  /** Ends all connections of a node. */
  readonly cut: (node: string) => void
  /** Connections that were opened so far. */
  readonly opened: () => number
}

/** As large as a socket's by default: what passes a test passes there. */
const maxFrame = 1024 * 1024

/** A rough measure, and enough to try limits with. */
const sizeOf = (message: unknown): number =>
  JSON.stringify(message, (_, value) => (typeof value === "bigint" ? String(value) : value)).length

interface End {
  readonly node: string
  readonly queue: Queue.Queue<ReadonlyArray<unknown>>
  readonly gone: Deferred.Deferred<string>
}

const makeEnd = (node: string): Effect.Effect<End> =>
  Effect.all({
    node: Effect.succeed(node),
    queue: Queue.unbounded<ReadonlyArray<unknown>>(),
    gone: Deferred.make<string>()
  })

const connection = (here: End, there: End, silent: ReadonlySet<string>): Connection => ({
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
      Effect.raceFirst(Deferred.await(here.gone))
    )
})

const failure = (reason: string): ConnectFailure => ({ _tag: "ConnectFailure", reason })

interface Link {
  readonly nodes: ReadonlyArray<string>
  readonly end: Effect.Effect<void>
}

class MemoryHub implements Hub {
  readonly closed = new Set<string>()
  readonly silent = new Set<string>()
  private readonly ports = new Map<string, Port>()
  private readonly links = new Set<Link>()
  private addresses = 0
  private connections = 0

  readonly opened = (): number => this.connections

  readonly cut = (node: string): void => Effect.runSync(this.cutAll(node))

  private cutAll(node: string): Effect.Effect<void> {
    const links = Array.from(this.links).filter(({ nodes }) => nodes.includes(node))
    return Effect.forEach(links, ({ end }) => end, { discard: true })
  }

  private readonly listen: Hub["transport"]["listen"] = (self, serve) =>
    Effect.gen(this, function*() {
      const address = `memory:${self.scope}/${self.node}/${++this.addresses}`
      const scope = yield* Effect.scope
      const incoming = yield* Queue.unbounded<Connection>()
      const accept = Effect.flatMap(Queue.take(incoming), (link) => Effect.forkIn(serve(link), scope))
      yield* Effect.forkScoped(Effect.forever(accept))
      yield* Effect.acquireRelease(
        Effect.sync(() => this.ports.set(address, { node: self.node, accept: (link) => incoming.unsafeOffer(link) })),
        () => Effect.sync(() => this.ports.delete(address))
      )
      yield* Effect.addFinalizer(() => Effect.suspend(() => this.cutAll(self.node)))
      return address
    })

  private link(nodes: ReadonlyArray<string>, here: End, there: End): Link {
    const link: Link = {
      nodes,
      end: Effect.suspend(() => {
        this.links.delete(link)
        return Effect.zipRight(Deferred.succeed(here.gone, "closed"), Deferred.succeed(there.gone, "closed"))
      })
    }
    this.links.add(link)
    this.connections++
    return link
  }

  private readonly connect: Hub["transport"]["connect"] = (self, address) =>
    Effect.gen(this, function*() {
      const port = this.ports.get(address)
      if (port === undefined || this.closed.has(port.node)) {
        return yield* Effect.fail(failure(`nobody listens at ${address}`))
      }
      const here = yield* makeEnd(self.node)
      const there = yield* makeEnd(port.node)
      const { end } = this.link([self.node, port.node], here, there)
      yield* Effect.addFinalizer(() => end)
      port.accept(connection(there, here, this.silent))
      return connection(here, there, this.silent)
    })

  readonly transport: Hub["transport"] = {
    listen: this.listen,
    connect: this.connect
  }
}

/** @internal */
export const makeHub = (): Hub => new MemoryHub()
