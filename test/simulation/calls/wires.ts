/**
 * Connections between the processes of a history, as TCP has them: what is sent on one arrives in order or not at all,
 * late at times; different ones overtake each other. A process that is gone is noticed at once, or never.
 */
import { Effect } from "effect"
import type { NodeTransport } from "effect-pogo"
import type { Dice } from "../../../src/internal/testing/dice.js"
import type { Process, World } from "../../../src/internal/testing/virtualWorld.js"
import type { Stats } from "../stats.js"

type Transport = NodeTransport.NodeTransport["Type"]
type Message = ReadonlyArray<unknown>

/** What a test sees of a message that leaves a process. */
export type OnSent = (process: Process, message: Message) => void

const frame = 1024 * 1024

/** One direction of a connection. */
class Pipe {
  private readonly queue: Array<{ readonly at: number; readonly run: () => void }> = []
  private last = 0

  constructor(private readonly net: Wires, readonly from: Process, readonly to: Process) {}

  /** In order, whatever the delays. */
  carry(run: () => void): void {
    const { world } = this.net
    const at = this.last = Math.max(this.last, world.now + this.net.delay())
    this.queue.push({ at, run })
    world.after(at - world.now, this.flush)
  }

  /** What has arrived is handed over, unless the way is blocked. */
  readonly flush = (): void => {
    if (this.net.isBlocked(this.from, this.to)) return
    while (this.queue.length > 0 && this.queue[0]!.at <= this.net.world.now) this.queue.shift()!.run()
  }
}

/** One end of a connection. What arrives is dealt with by its process, piece by piece. */
class End {
  private readonly inbox: Array<Message> = []
  private receive: ((message: Message) => void) | undefined
  private ended: string | undefined
  private onEnd: ((reason: string) => void) | undefined

  constructor(readonly process: Process) {}

  arrive(message: Message): void {
    if (this.ended !== undefined) return
    this.inbox.push(message)
    this.process.post(this.take)
  }

  private readonly take = (): void => {
    if (this.receive === undefined || this.ended !== undefined) return
    const message = this.inbox.shift()
    if (message !== undefined) this.receive(message)
  }

  /** Nothing comes any more; what has come, and is not read, is lost. */
  end(reason: string): void {
    if (this.ended !== undefined) return
    this.ended = reason
    this.process.post(() => this.onEnd?.(reason))
  }

  get isOver(): boolean {
    return this.ended !== undefined
  }

  run(receive: (message: Message) => void): Effect.Effect<string> {
    return Effect.async((resume) => {
      if (this.ended !== undefined) return resume(Effect.succeed(this.ended))
      this.receive = receive
      this.onEnd = (reason) => resume(Effect.succeed(reason))
      for (let i = this.inbox.length; i > 0; i--) this.process.post(this.take)
      return Effect.sync(() => {
        this.receive = this.onEnd = undefined
      })
    })
  }
}

interface Wire {
  readonly ends: readonly [End, End]
  readonly pipes: readonly [Pipe, Pipe]
}

interface Dialled extends NodeTransport.Connection {
  readonly close: () => void
}

interface Port {
  readonly process: Process
  readonly accept: (connection: NodeTransport.Connection) => void
}

export class Wires {
  /** The faults are over. */
  calm = false
  private readonly ports = new Map<string, Port>()
  private readonly wires = new Set<Wire>()
  private readonly blocked = new Set<string>()
  /** Processes whose end nobody was told of. */
  private readonly silent = new Set<Process>()
  private opened = 0

  constructor(
    readonly world: World,
    private readonly dice: Dice,
    private readonly noise: number,
    private readonly stats: Stats,
    private readonly onSent: OnSent
  ) {}

  delay(): number {
    const { dice, noise } = this
    if (this.calm) return 1
    return dice.chance(0.01 * noise) ? dice.between(200, 3_000) : 0.1 + 2 * dice.next()
  }

  isBlocked(from: Process, to: Process): boolean {
    return this.blocked.has(`>${to.name}`) || this.blocked.has(`<${from.name}`)
  }

  /** For a while nothing gets through to a process, from it, or both; then all of it does. */
  block(process: Process, directions: ReadonlyArray<"<" | ">">, millis: number): void {
    const keys = directions.map((direction) => `${direction}${process.name}`)
    for (const key of keys) this.blocked.add(key)
    this.stats.count("calls: way blocked")
    this.world.after(millis, () => this.unblock(keys))
  }

  private unblock(keys: Iterable<string>): void {
    for (const key of keys) this.blocked.delete(key)
    for (const { pipes } of this.wires) for (const pipe of pipes) pipe.flush()
  }

  soothe(): void {
    this.calm = true
    this.unblock([...this.blocked])
  }

  /** All connections of a process break. */
  sever(process: Process): void {
    for (const wire of this.wires) {
      if (!wire.ends.some((end) => end.process === process)) continue
      this.wires.delete(wire)
      this.stats.count("calls: connection broken")
      for (const end of wire.ends) this.world.after(this.delay(), () => end.end("connection reset"))
    }
  }

  /** A process is gone: its kernel says so, or its machine is gone, too, and nothing is heard. */
  gone(process: Process, silently: boolean): void {
    if (silently) this.silent.add(process)
    else this.sever(process)
  }

  /** An address that was another process's may be one's own later. */
  private address(wanted: string): string {
    const port = this.ports.get(wanted)
    return port === undefined || port.process.dead ? wanted : `${wanted}.${++this.opened}`
  }

  transport(process: Process, wanted: string): Transport {
    return {
      listen: (_, serve) =>
        Effect.gen(this, function*() {
          const address = this.address(wanted)
          const scope = yield* Effect.scope
          const runtime = yield* Effect.runtime()
          const accept = (connection: NodeTransport.Connection) =>
            void process.fork(Effect.provide(Effect.forkIn(serve(connection), scope), runtime))
          const port = { process, accept }
          yield* Effect.acquireRelease(
            Effect.sync(() => this.ports.set(address, port)),
            () => Effect.sync(() => this.ports.get(address) === port && this.ports.delete(address))
          )
          yield* Effect.addFinalizer(() => Effect.sync(() => this.sever(process)))
          return address
        }),
      connect: (_, address) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.tap(
            restore(this.dial(process, address)),
            (connection) => Effect.addFinalizer(() => Effect.sync(connection.close))
          )
        )
    }
  }

  /** There, and back: a process that is frozen does not answer, and neither does one that is behind a blocked way. */
  private dial(process: Process, address: string): Effect.Effect<Dialled, NodeTransport.ConnectFailure> {
    return Effect.async((resume) => {
      let wire: Wire | undefined
      const refuse = () =>
        process.post(() => resume(Effect.fail({ _tag: "ConnectFailure", reason: `nobody listens at ${address}` })))
      this.world.after(this.delay(), () => {
        const port = this.ports.get(address)
        if (port === undefined || (port.process.dead && !this.silent.has(port.process))) return refuse()
        if (this.silent.has(port.process)) return
        wire = this.lay(process, port.process)
        const [there, back] = wire.pipes
        const connection = { ...this.connection(wire, 0), close: () => this.hangUp(wire!) }
        const welcome = () => {
          port.accept(this.connection(wire!, 1))
          back.carry(() => process.post(() => resume(Effect.succeed(connection))))
        }
        there.carry(() => port.process.post(welcome))
      })
      return Effect.sync(() => wire === undefined || this.hangUp(wire))
    })
  }

  private lay(from: Process, to: Process): Wire {
    const wire: Wire = {
      ends: [new End(from), new End(to)],
      pipes: [new Pipe(this, from, to), new Pipe(this, to, from)]
    }
    this.wires.add(wire)
    return wire
  }

  private hangUp(wire: Wire): void {
    const { ends: [here, there], pipes: [way] } = wire
    this.wires.delete(wire)
    if (here.isOver) return
    here.end("closed")
    way.carry(() => there.end("the other side closed"))
  }

  private connection(wire: Wire, side: 0 | 1): NodeTransport.Connection {
    const here = wire.ends[side]
    const there = wire.ends[1 - side]!
    const way = wire.pipes[side]
    return {
      remote: there.process.name,
      maxFrame: frame,
      send: (message) => {
        if (here.isOver) return 0
        this.onSent(here.process, message)
        // It is written before it leaves: what is changed afterwards does not travel.
        const written = structuredClone(message)
        way.carry(() => there.arrive(written))
        return 0
      },
      run: (receive) =>
        Effect.ensuring(
          here.run((message) => receive(message, 100)),
          Effect.sync(() => {
            if (side === 0 || here.isOver) return
            here.end("closed")
            way.carry(() => there.end("the other side closed"))
          })
        )
    }
  }
}
