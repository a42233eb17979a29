/**
 * Does what a plan says, when it says so.
 */
import type { RegistryState } from "../../src/internal/registry/state.js"
import type { Clients } from "./clients.js"
import type { Operators } from "./directives/operators.js"
import type { Guardian } from "./guardian.js"
import type { Host, Nodes } from "./nodes.js"
import type { Event, EventType, Key } from "./plan.js"
import { type Scene, scope } from "./scene.js"
import type { Keepers } from "./sets/keepers.js"

/** The event of a type; several types may share a form. */
type On<T extends EventType> = Event extends infer E ?
  E extends { readonly type: infer U } ? T extends U ? E : never : never
  : never

const removeKey = (state: RegistryState, key: Key): void => {
  if (key === "meta") state.meta = undefined
  else if (key === "log") state.log = []
  else state[key].clear()
}

export class Faults {
  private copies: Array<RegistryState> = []

  constructor(
    private readonly scene: Scene,
    private readonly nodes: Nodes,
    private readonly clients: Clients,
    private readonly guardian: Guardian,
    private readonly operators: Operators,
    private readonly keepers: Keepers
  ) {}

  apply(event: Event): void {
    this.scene.stats.count(event.type === "call" ? event.call : event.type)
    if (event.type !== "call") this.scene.log("fault", JSON.stringify(event))
    const apply = this.handlers[event.type] as (event: Event) => void
    apply(event)
  }

  private host({ node }: { readonly node: number }): Host {
    return this.nodes.hosts[node]!
  }

  private after(millis: number, run: () => void): void {
    this.scene.world.after(millis, run)
  }

  private readonly handlers: { readonly [K in EventType]: (event: On<K>) => void } = {
    call: (event) => this.clients.call(event),
    crash: (event) => this.nodes.crash(this.host(event), event.back),
    stop: (event) => this.nodes.stop(this.host(event), event.back),
    twin: (event) => this.nodes.twin(this.host(event), event.millis),
    freeze: (event) => {
      const { life } = this.host(event)
      if (life === undefined) return
      life.process.freeze()
      this.after(event.millis, () => {
        if (!this.isFinal(life)) life.process.thaw()
      })
    },
    slow: (event) => {
      const { life } = this.host(event)
      if (life === undefined) return
      const dice = this.scene.dice.stream(`slow ${event.at}`)
      life.process.cost = () => event.cost * dice.next()
      life.slowUntil = Math.max(life.slowUntil, this.scene.world.now + event.millis)
      this.after(event.millis, () => {
        if (this.scene.world.now >= life.slowUntil) life.process.cost = undefined
      })
    },
    cut: (event) => {
      const { life } = this.host(event)
      if (life === undefined) return
      for (const connection of event.requests) life.line.cutRequests.add(connection)
      for (const connection of event.replies) life.line.cutReplies.add(connection)
      this.after(event.millis, () => {
        if (!this.isFinal(life)) life.line.heal()
      })
    },
    deaf: (event) => {
      const { life } = this.host(event)
      if (life === undefined) return
      life.line.deaf = true
      this.after(event.millis, () => (life.line.deaf = false))
    },
    cordon: (event) => this.cordon(event, false),
    drain: (event) => this.cordon(event, true),
    kind: (event) => this.host(event).life?.cycleKind(event.kind, event.millis),
    deploy: ({ back, between }) =>
      this.nodes.hosts.forEach((host, i) => this.after(i * between, () => this.nodes.stop(host, back, 2))),
    wall: (event) => {
      const { life } = this.host(event)
      if (life !== undefined) life.process.wallError += event.error
    },
    pause: ({ millis }) => {
      this.scene.server.pause()
      this.after(millis, () => this.scene.server.resume())
    },
    jump: ({ millis }) => {
      this.scene.server.wallError += millis
    },
    server: () => this.scene.server.restart(),
    lose: () => this.break(() => this.scene.server.lose(scope)),
    copy: () => {
      this.copies.push(this.scene.server.copy(scope))
    },
    rollback: ({ sameServer }) => {
      const copy = this.copies.pop()
      if (copy === undefined) return
      this.break(() => this.scene.server.restore(scope, copy))
      // The server that had written the copy may be back, as when an old primary takes over again.
      if (!sameServer || copy.meta === undefined) return this.scene.server.restart()
      this.scene.server.run = copy.meta.run
      this.guardian.cameBack()
    },
    key: ({ key }) => this.break(() => removeKey(this.scene.state(), key)),
    direct: (event) => this.operators.direct(event),
    reconcile: (event) => this.keepers.reconcile(event),
    release: (event) => this.nodes.release(this.host(event), event.release, event.back, event.crash),
    roll: (event) => this.nodes.roll(this.host(event), event),
    surge: (event) => this.nodes.surge(this.host(event), this.nodes.hosts[event.by]!, event)
  }

  private readonly final = new Set<unknown>()

  /** It stays as it is now. */
  finish(life: unknown): void {
    this.final.add(life)
  }

  private isFinal(life: unknown): boolean {
    return this.final.has(life)
  }

  private cordon(event: On<"cordon" | "drain">, draining: boolean): void {
    const { life } = this.host(event)
    if (life === undefined) return
    this.nodes.cordon(life, draining)
    this.after(event.millis, () => this.nodes.uncordon(life))
  }

  /** Changes the data behind the registry's back. */
  private break(change: () => void): void {
    change()
    this.guardian.tampered()
    this.scene.sets.tampered()
    this.scene.states.tampered()
    this.scene.rollouts.tampered()
    this.scene.ledger.forgive()
    this.scene.orders.forgive()
  }
}
