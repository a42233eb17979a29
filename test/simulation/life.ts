/**
 * One life of a node: a process that is started, runs a supervisor with its kinds, and ends.
 */
import { Context, Effect, ExecutionStrategy, Exit, Layer, Scope } from "effect"
import { GroupRegistry, NodeTransport, Pogo, type PogoConfig } from "effect-pogo"
import { Internals } from "../../src/internal/internals.js"
import type { Node } from "../../src/internal/node/node.js"
import { newsDelay } from "../../src/internal/registry/commands.js"
import { Processes, type Watch } from "../../src/internal/runtime/processTable.js"
import { Observer, type RunObserver } from "../../src/internal/supervisor/owner.js"
import { Line, type LineWatch, type RegistryServer, type Traffic } from "../../src/internal/testing/testRegistry.js"
import { Process, type ProcessOptions, type World } from "../../src/internal/testing/virtualWorld.js"
import type { Seams } from "./calls/seams.js"
import { type Journal, layerOf } from "./kinds.js"
import type { Code, KindName } from "./plan.js"

/** What a life needs from the history that it is part of. */
export interface Setting {
  readonly world: World
  readonly server: RegistryServer
  readonly traffic: Traffic
  readonly process: (name: string) => ProcessOptions
  readonly processes: (process: Process) => Watch
  readonly watch: (life: Life) => LineWatch & RunObserver
  readonly journal: (life: Life) => Journal
  /** Its supervisor is there, and no kind is. */
  readonly built: (life: Life, node: Node) => void
  /** Where children are called. */
  readonly calls: Seams | undefined
}

export type Status = "starting" | "up" | "stopping" | "gone"

export class Life {
  readonly process: Process
  readonly line: Line
  readonly kinds = new Map<KindName, Scope.CloseableScope>()
  private readonly journal: Journal
  private readonly watch: LineWatch & RunObserver
  private scope: Scope.CloseableScope | undefined
  status: Status = "starting"
  pogo: Pogo.Service | undefined
  node: Node | undefined
  /** Until when its lease held at last, by its own clock. */
  until = -Infinity
  /** Until when it was slow. Virtual milliseconds. */
  slowUntil = -Infinity
  /** Sessions that ended by a fence, and when. */
  readonly fenced = new Map<string, number>()

  constructor(
    private readonly setting: Setting,
    readonly name: string,
    readonly code: Code,
    options: PogoConfig.Options,
    kinds: ReadonlyArray<KindName>,
    /** It hosts nothing. */
    private readonly isClient = false
  ) {
    const { server, traffic, world } = setting
    const number = world.processes.length
    this.process = new Process(world, `${name}.${number}`, setting.process(name))
    this.watch = setting.watch(this)
    this.line = new Line(server, this.process, traffic, this.watch)
    this.journal = setting.journal(this)
    this.process.fork(Effect.orDie(this.start(options, kinds)))
  }

  private start(options: PogoConfig.Options, kinds: ReadonlyArray<KindName>) {
    return Effect.gen(this, function*() {
      const scope = this.scope = yield* Scope.make()
      const supervisor = this.isClient ? Pogo.layerClient : Pogo.layer
      const layer = Layer.provide(supervisor({ ...options, name: this.name }), this.transport()).pipe(
        Layer.provide(
          Layer.succeed(GroupRegistry.GroupRegistry, GroupRegistry.makeEncoded({ ...this.line.encoded, newsDelay }))
        ),
        Layer.provide(Layer.succeed(Observer, this.watch)),
        Layer.provide(Layer.succeed(Processes, this.setting.processes(this.process)))
      )
      const pogo = Context.get(yield* Layer.buildWithScope(layer, scope), Pogo.Pogo)
      this.pogo = pogo
      this.node = pogo[Internals].node
      this.setting.calls?.attach(this, pogo)
      this.setting.built(this, this.node)
      for (const kind of kinds) yield* this.openKind(kind)
      if (this.status === "starting") this.status = "up"
    })
  }

  private transport(): Layer.Layer<never> {
    const { calls } = this.setting
    if (calls === undefined) return Layer.empty
    return Layer.succeed(NodeTransport.NodeTransport, calls.transport(this.process))
  }

  private openKind(kind: KindName): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      if (this.scope === undefined || this.kinds.has(kind)) return
      const scope = yield* Scope.fork(this.scope, ExecutionStrategy.sequential)
      this.kinds.set(kind, scope)
      const layer = Layer.provide(layerOf(kind, this.journal, this.code), Layer.succeed(Pogo.Pogo, this.pogo!))
      yield* Layer.buildWithScope(layer, scope)
    }).pipe(Effect.orDie)
  }

  /** Lets a kind go, and has it back after a while. */
  cycleKind(kind: KindName, millis: number): void {
    const scope = this.kinds.get(kind)
    if (this.status !== "up" || scope === undefined) return
    this.process.fork(Effect.gen(this, function*() {
      yield* Scope.close(scope, Exit.void)
      yield* Effect.sleep(millis)
      this.kinds.delete(kind)
      if (this.status === "up") yield* this.openKind(kind)
    }))
  }

  /** Runs something of its supervisor's in its process. */
  ask<A, E>(question: (pogo: Pogo.Service) => Effect.Effect<A, E>, answer: (exit: Exit.Exit<A, E>) => void): void {
    this.process.fork(question(this.pogo!)).addObserver(answer)
  }

  /** Leaves in order; then the process ends. */
  stop(ended: () => void): void {
    if (this.status !== "up" || this.scope === undefined) return
    this.status = "stopping"
    this.process.fork(Scope.close(this.scope, Exit.void)).addObserver(ended)
  }

  /** The process is gone. */
  end(): void {
    this.status = "gone"
    this.process.kill()
    this.setting.calls?.ended(this)
  }
}
