/**
 * A way to a server that breaks on demand: every connection goes through it, and each direction may be slow, silent, or
 * held back and let go later.
 */
import { createConnection, createServer, type Socket } from "node:net"

/** What a connection is for, as it tells the server itself. */
export type Role = "tick" | "work" | "wake"

/** What happens to the bytes of one direction. `hold` keeps them until `release`; a number delays by milliseconds. */
export type Flow = "pass" | "drop" | "hold" | (() => number)

/** `up` is towards the server. */
export type Direction = "up" | "down"

interface Link {
  role: Role | undefined
  readonly client: Socket
  readonly server: Socket
  /** Everything that the client sent since the connection began. */
  readonly sent: Array<Buffer>
  readonly held: { readonly up: Array<Buffer>; readonly down: Array<Buffer> }
  readonly due: { up: number; down: number }
  /** Bytes were lost: as with a real network, nothing can come through this connection any more. */
  broken: boolean
}

export interface Proxy {
  readonly port: number
  readonly url: string
  /** Sets what happens from now on, to all connections or to those of one role. */
  readonly flow: (direction: Direction, flow: Flow, role?: Role) => void
  /** Lets go what was held; it arrives even if the client is gone meanwhile. */
  readonly release: () => number
  /** Ends connections, and refuses others until `heal`. */
  readonly cut: () => void
  /** Ends connections only: new ones may be made at once. */
  readonly reset: (role?: Role) => void
  /** Everything passes again. Connections that lost something are ended. */
  readonly heal: () => void
  /** Leads to another server of this machine from now on; present connections end. */
  readonly redirect: (port: number) => void
  /** New connections pass; those of now stay as they are, silent for ever. */
  readonly healNew: () => void
  /** Sends again, on a connection of its own, all that was ever sent on connections of a role. */
  readonly replay: (role: Role) => Promise<void>
  /** How many connections were made. */
  readonly made: () => number
  readonly close: () => Promise<void>
}

type Rules = Record<Direction, Map<Role | "any", Flow>>

const freshRules = (): Rules => ({ up: new Map(), down: new Map() })

const roleOf = (data: Buffer): Role | undefined => /:(tick|work|wake)\r\n/.exec(data.toString("latin1"))?.[1] as Role

const write = (socket: Socket, data: Buffer): void => {
  if (!socket.destroyed && socket.writable) socket.write(data)
}

class Relay {
  readonly links = new Set<Link>()
  private readonly frozen = new WeakMap<Link, Rules>()
  rules = freshRules()
  refusing = false
  made = 0

  constructor(public target: { readonly host: string; readonly port: number }) {}

  readonly accept = (client: Socket): void => {
    client.on("error", () => {})
    if (this.refusing) return void client.destroy()
    this.made++
    const server = createConnection({ ...this.target, noDelay: true })
    client.setNoDelay(true)
    const link: Link = {
      role: undefined,
      client,
      server,
      sent: [],
      held: { up: [], down: [] },
      due: { up: 0, down: 0 },
      broken: false
    }
    this.links.add(link)
    client.on("data", (data) => {
      link.role ??= roleOf(data)
      link.sent.push(data)
      this.pass(link, "up", data)
    })
    server.on("data", (data) => this.pass(link, "down", data))
    server.on("error", () => {})
    server.on("close", () => this.end(link))
    // What is held or silent outlives the client's patience.
    client.on("close", () => {
      if (link.held.up.length === 0 && this.flowOf(link, "up") !== "hold") this.end(link)
    })
  }

  /** The present connections keep their rules; new ones begin without. */
  freezePresent(): void {
    for (const link of this.links) this.frozen.set(link, this.rules)
    this.rules = freshRules()
  }

  private flowOf(link: Link, direction: Direction): Flow {
    const of = (this.frozen.get(link) ?? this.rules)[direction]
    return (link.role === undefined ? undefined : of.get(link.role)) ?? of.get("any") ?? "pass"
  }

  private pass(link: Link, direction: Direction, data: Buffer): void {
    const flow = this.flowOf(link, direction)
    const to = direction === "up" ? link.server : link.client
    if (flow === "drop" || (link.broken && direction === "down")) {
      link.broken = true
      return
    }
    if (flow === "hold") return void link.held[direction].push(data)
    const delay = flow === "pass" ? 0 : flow()
    const now = performance.now()
    const due = Math.max(link.due[direction], now + delay)
    if (due <= now) return write(to, data)
    link.due[direction] = due
    setTimeout(() => write(to, data), due - now)
  }

  end(link: Link): void {
    this.links.delete(link)
    link.client.destroy()
    link.server.destroy()
  }

  release(): number {
    let count = 0
    for (const link of this.links) {
      for (const data of link.held.up.splice(0)) {
        count++
        write(link.server, data)
      }
      for (const data of link.held.down.splice(0)) write(link.client, data)
      if (link.client.destroyed) setTimeout(() => this.end(link), 500)
    }
    return count
  }

  replay(role: Role): Promise<void> {
    const all = Array.from(this.links).filter((link) => link.role === role).flatMap(({ sent }) => sent)
    return new Promise((resolve) => {
      const socket = createConnection(this.target)
      socket.on("error", () => {})
      socket.resume()
      let last = performance.now()
      socket.on("data", () => (last = performance.now()))
      socket.write(Buffer.concat(all))
      const timer = setInterval(() => {
        if (performance.now() - last < 300) return
        clearInterval(timer)
        socket.destroy()
        resolve()
      }, 50)
    })
  }
}

/** Makes a way to a server of this machine. */
export const makeProxy = (target: number): Promise<Proxy> => {
  const relay = new Relay({ host: "127.0.0.1", port: target })
  const server = createServer(relay.accept)
  const endAll = (role?: Role) => {
    for (const link of Array.from(relay.links)) if (role === undefined || link.role === role) relay.end(link)
  }
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resolve({
        port,
        url: `redis://127.0.0.1:${port}`,
        flow: (direction, flow, role) => void relay.rules[direction].set(role ?? "any", flow),
        release: () => relay.release(),
        cut: () => {
          relay.refusing = true
          endAll()
        },
        reset: endAll,
        heal: () => {
          relay.refusing = false
          relay.rules = freshRules()
          for (const link of Array.from(relay.links)) if (link.broken) relay.end(link)
        },
        redirect: (port) => {
          relay.target = { host: "127.0.0.1", port }
          endAll()
        },
        healNew: () => relay.freezePresent(),
        replay: (role) => relay.replay(role),
        made: () => relay.made,
        close: () => {
          endAll()
          return new Promise((done) => server.close(() => done()))
        }
      })
    })
  )
}
