/**
 * The nodes of a history, and the processes that they are one after another.
 */
import { Pogo, type PogoConfig } from "effect-pogo"
import { Life, type Setting } from "./life.js"
import type { Code, Event, KindName, NodePlan } from "./plan.js"
import { drain, type Scene } from "./scene.js"

/** For so long a process may take to leave in order before it is killed. */
const patience = 40_000

export interface Host {
  readonly plan: NodePlan
  code: Code
  /** Whose list of code it has, where lists are whole sets; -1: none. */
  release: number
  /** The revision that it has; empty for none. */
  revision: string
  /** Whether it is not there: a rollout has not brought it yet, or has replaced it. */
  absent: boolean
  life: Life | undefined
  /** Its next start, if one is due. */
  next: { cancelled: boolean } | undefined
}

type RollEvent = Extract<Event, { readonly type: "roll" }>
type SurgeEvent = Extract<Event, { readonly type: "surge" }>

/** Time between two looks whether a node is ready, and how many there are before its rollout is given up. */
const readiness = { every: 500, looks: 40 } as const

export class Nodes {
  readonly hosts: ReadonlyArray<Host>
  readonly twins: Array<Life> = []

  constructor(private readonly scene: Scene, private readonly setting: Setting) {
    this.hosts = scene.plan.nodes.map((plan, i) => ({
      plan,
      code: plan.code,
      release: scene.plan.lists?.begin[i] ?? -1,
      revision: plan.revision ?? "",
      absent: plan.absent === true,
      life: undefined,
      next: undefined
    }))
    for (const host of this.hosts) this.later(host, host.plan.boot)
  }

  /** All processes that are not gone. */
  *lives(): Generator<Life, void> {
    for (const { life } of this.hosts) if (life !== undefined && life.status !== "gone") yield life
    for (const life of this.twins) if (life.status !== "gone") yield life
  }

  private options({ code, plan, release, revision }: Host): PogoConfig.Options {
    const { initial, lists, rollouts, syncInterval } = this.scene.plan
    const list = lists?.releases[release]
    const children = list === undefined
      ? plan.initial ? initial.map((id) => this.scene.spec(id, 1, plan.code)) : []
      : Pogo.exactly(list.map(([id, content]) => this.scene.spec(id, content, code)), { allowEmpty: true })
    return {
      joinTimeout: 0,
      syncInterval,
      children,
      ...(rollouts === undefined ? {} : { rolloutPatience: rollouts.patience }),
      ...(revision === "" || plan.unaware === true || plan.older === true ? {} : { revision })
    }
  }

  private make(host: Host, kinds: ReadonlyArray<KindName> = host.plan.kinds): Life {
    const revision = host.revision === "" ? "" : `, revision ${host.revision}`
    this.scene.log(host.plan.name, `starts${host.code === 2 ? " with the second version of the code" : ""}${revision}`)
    return new Life(this.setting, host.plan.name, host.code, this.options(host), kinds)
  }

  boot(host: Host): void {
    host.next = undefined
    if (host.life === undefined || host.life.status === "gone") host.life = this.make(host)
  }

  /** Starts a node after a while. */
  later(host: Host, millis: number): void {
    if (host.next !== undefined) host.next.cancelled = true
    const next = host.next = { cancelled: false }
    this.scene.world.after(millis, () => {
      if (!next.cancelled && !host.absent) this.boot(host)
    })
  }

  /** The process ends at this moment. */
  kill(life: Life): void {
    if (life.status === "gone") return
    life.end()
    this.scene.copies.drop(life)
    this.scene.ledger.forgive()
    this.scene.orders.forgive()
  }

  crash(host: Host, back: number): void {
    if (host.life === undefined || host.life.status === "gone") return
    this.kill(host.life)
    this.later(host, back)
  }

  /** Leaves in order; is killed if that takes too long; comes back, perhaps as another version. */
  stop(host: Host, back: number, code: Code = host.code): void {
    const { life } = host
    if (life?.status !== "up") return
    const end = () => {
      if (life.status === "gone") return
      this.scene.log(host.plan.name, "has ended")
      this.kill(life)
      host.code = code
      this.later(host, back)
    }
    life.stop(end)
    this.scene.world.after(patience, end)
  }

  /** Comes back with the list of a release. */
  release(host: Host, release: number, back: number, crash: boolean): void {
    host.release = release
    if (crash) this.crash(host, back)
    else this.stop(host, back)
  }

  /** Ends for good. */
  private leave(host: Host, crash: boolean): void {
    const { life } = host
    host.absent = true
    if (life === undefined || life.status === "gone" || life.status === "stopping") return
    if (crash || life.status !== "up") this.kill(life)
    else this.stop(host, 0)
  }

  /** Does its part in a rollout. */
  roll(host: Host, { back, crash, how, revision }: RollEvent): void {
    if (how === "leave") return this.leave(host, crash)
    host.revision = revision
    if (how === "join") {
      host.absent = false
      this.later(host, back)
    } else if (crash) this.crash(host, back)
    else this.stop(host, back)
  }

  /** Is replaced by another node, which joins first. */
  surge(host: Host, by: Host, { crash, ready, revision }: SurgeEvent): void {
    const { plan, world } = this.scene
    by.revision = revision
    by.absent = false
    this.later(by, 0)
    const leave = () => {
      if (world.now < plan.calm) this.leave(host, crash)
    }
    const look = (left: number) => {
      if (by.life?.node?.active === true) world.after(ready, leave)
      else if (left > 0) world.after(readiness.every, () => look(left - 1))
    }
    look(readiness.looks)
  }

  /** Another process under the same name. */
  twin(host: Host, millis: number): void {
    const life = this.make(host)
    this.twins.push(life)
    this.scene.world.after(millis, () => {
      if (life.status !== "up") return this.kill(life)
      life.stop(() => this.kill(life))
      this.scene.world.after(patience, () => this.kill(life))
    })
  }

  /** Whether a process can do what it wants. */
  isFree(life: Life): boolean {
    const { line, process, status } = life
    return status === "up" && !process.frozen && line.cutReplies.size === 0 && line.cutRequests.size === 0
  }

  /** Ends what was cordoned or drained. */
  uncordon(life: Life): void {
    if (life.status === "up") life.ask((pogo) => pogo.uncordon, () => {})
  }

  cordon(life: Life, draining: boolean): void {
    if (life.status === "up") life.ask((pogo) => (draining ? drain(pogo) : pogo.cordon), () => {})
  }
}
