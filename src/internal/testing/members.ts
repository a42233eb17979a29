/**
 * The nodes of a test's cluster.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as GroupRegistry from "../../GroupRegistry.js"
import * as Pogo from "../../Pogo.js"
import type * as PogoConfig from "../../PogoConfig.js"
import { Internals } from "../internals.js"
import type { Node } from "../node/node.js"
import { Observer } from "../observer.js"
import { Processes } from "../runtime/processTable.js"
import type { Host } from "./host.js"
import { Line, type Traffic } from "./line.js"
import { Runs } from "./runs.js"
import type { RegistryServer } from "./server.js"

/** What a cluster is made in: the time that passes for it, the processes, the registry. */
export interface Room {
  readonly now: () => number
  readonly host: (name: string) => Host
  readonly server: RegistryServer
  readonly traffic: Traffic | undefined
  /** Lets time pass. */
  readonly pass: (millis: number) => Effect.Effect<void>
}

/** @internal */
export interface Member {
  readonly name: string
  readonly host: Host
  readonly line: Line
  readonly scope: Scope.CloseableScope
  pogo: Pogo.Service | undefined
  node: Node | undefined
  /** It is being closed. */
  leaving: boolean
}

/** @internal */
export type Kinds = Layer.Layer<never, unknown, Pogo.Pogo>

/** Runs an effect in another process, and waits for it here. */
const on = <A, E>(host: Host, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.async((resume) => {
    Runtime.runFork(host.runtime)(effect).addObserver(resume)
  })

/** @internal */
export class Members {
  readonly all = new Map<string, Member>()
  readonly runs: Runs

  constructor(
    readonly room: Room,
    private readonly kinds: Kinds,
    private readonly options: PogoConfig.Options
  ) {
    const begin = room.now()
    this.runs = new Runs(() => room.now() - begin)
  }

  get(name: string): Member {
    const member = this.all.get(name)
    if (member === undefined) {
      throw new Error(`there is no node "${name}" in this cluster; there are: ${[...this.all.keys()].join(", ")}`)
    }
    return member
  }

  private supervisor({ line, name }: Member, watch: typeof Observer.Service): Layer.Layer<Pogo.Pogo, unknown> {
    return Pogo.layer({ joinTimeout: 0, ...this.options, name }).pipe(
      Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, GroupRegistry.makeEncoded(line.encoded))),
      Layer.provide(Layer.succeed(Observer, watch)),
      // All nodes share this process: none may conclude from it that another is alive, or gone.
      Layer.provide(Layer.succeed(Processes, { self: undefined, every: 1_000, look: () => "unknown" as const }))
    )
  }

  /** Starts a node; one of this name must have ended. */
  readonly add = (name: string): Effect.Effect<Member> =>
    Effect.gen(this, function*() {
      const { room, runs } = this
      if (this.all.has(name)) throw new Error(`there is a node "${name}" in this cluster already`)
      const host = room.host(name)
      const line = new Line(room.server, host, room.traffic)
      const member: Member = {
        name,
        host,
        line,
        scope: yield* Scope.make(),
        pogo: undefined,
        node: undefined,
        leaving: false
      }
      this.all.set(name, member)
      runs.note(name, "is started")
      const layer = Layer.provideMerge(
        this.kinds,
        this.supervisor(member, {
          began: (child) => runs.began(member, child),
          ended: (child) => runs.ended(member, child)
        })
      )
      const built = yield* on(host, Effect.orDie(Layer.buildWithScope(layer, member.scope)))
      member.pogo = Context.get(built, Pogo.Pogo)
      member.node = member.pogo[Internals].node
      return member
    })

  private forget(member: Member): void {
    member.host.kill()
    this.runs.drop(member)
    if (this.all.get(member.name) === member) this.all.delete(member.name)
  }

  readonly crash = (name: string): Effect.Effect<void> =>
    Effect.sync(() => {
      const member = this.get(name)
      this.runs.note(name, "is crashed")
      this.forget(member)
    })

  /** Closes a node in order; kills it if that takes too long. */
  readonly stop = (name: string, patience = 60_000): Effect.Effect<void> =>
    Effect.gen(this, function*() {
      const member = this.get(name)
      member.leaving = true
      this.runs.note(name, "is stopped")
      const closing = Runtime.runFork(member.host.runtime)(Scope.close(member.scope, Exit.void))
      const until = this.room.now() + patience
      while (closing.unsafePoll() === null && this.room.now() < until) yield* this.room.pass(50)
      this.forget(member)
    })

  readonly freeze = (name: string): Effect.Effect<void> =>
    Effect.sync(() => {
      this.runs.note(name, "is frozen")
      this.get(name).host.freeze()
    })

  readonly thaw = (name: string): Effect.Effect<void> =>
    Effect.sync(() => {
      const member = this.get(name)
      if (!member.host.frozen) return
      this.runs.note(name, "is thawed")
      this.runs.thawed(member)
      member.host.thaw()
    })

  /** Ends all of them. */
  readonly end: Effect.Effect<void> = Effect.gen(this, function*() {
    for (const { host, name } of this.all.values()) {
      if (host.frozen) this.forget(this.get(name))
      else yield* this.stop(name, 20_000)
    }
  })
}
