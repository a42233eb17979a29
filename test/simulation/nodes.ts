/**
 * The nodes of a history, and the processes that they are one after another.
 */
import { Pogo, type PogoConfig } from "effect-pogo"
import { Life, type Setting } from "./life.js"
import type { Code, KindName, NodePlan } from "./plan.js"
import { drain, type Scene } from "./scene.js"

/** For so long a process may take to leave in order before it is killed. */
const patience = 40_000

export interface Host {
  readonly plan: NodePlan
  code: Code
  /** Whose list of code it has, where lists are whole sets; -1: none. */
  release: number
  life: Life | undefined
  /** Its next start, if one is due. */
  next: { cancelled: boolean } | undefined
}

export class Nodes {
  readonly hosts: ReadonlyArray<Host>
  readonly twins: Array<Life> = []

  constructor(private readonly scene: Scene, private readonly setting: Setting) {
    this.hosts = scene.plan.nodes.map((plan, i) => ({
      plan,
      code: plan.code,
      release: scene.plan.lists?.begin[i] ?? -1,
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

  private options({ code, plan, release }: Host): PogoConfig.Options {
    const { initial, lists, syncInterval } = this.scene.plan
    const list = lists?.releases[release]
    const children = list === undefined
      ? plan.initial ? initial.map((id) => this.scene.spec(id, 1, plan.code)) : []
      : Pogo.exactly(list.map(([id, content]) => this.scene.spec(id, content, code)), { allowEmpty: true })
    return { joinTimeout: 0, syncInterval, children }
  }

  private make(host: Host, kinds: ReadonlyArray<KindName> = host.plan.kinds): Life {
    this.scene.log(host.plan.name, `starts${host.code === 2 ? " with the second version of the code" : ""}`)
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
      if (!next.cancelled) this.boot(host)
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
