/**
 * Keepers of sets: they make the children of a kind those of a list, through some node or from a client, and try again
 * when they get no answer. Some name a fence, and not always the newest.
 */
import { Cause, Effect, Exit, Option } from "effect"
import type { ChildSpec, Pogo } from "effect-pogo"
import { Internals } from "../../../src/internal/internals.js"
import { encodeSpec } from "../../../src/internal/kind/specCodec.js"
import type { Life } from "../life.js"
import type { Nodes } from "../nodes.js"
import type { Event } from "../plan.js"
import type { Scene } from "../scene.js"
import type { SetAudit } from "./audit.js"

type ReconcileEvent = Extract<Event, { readonly type: "reconcile" }>

/** A call that has no answer yet. */
interface Asked {
  readonly life: Life
  readonly key: string
  readonly fence: number
  /** No other call like it has been open meanwhile: the last such round of the process is that of the call. */
  alone: boolean
}

/** Failures that are answers. */
const final: ReadonlySet<string> = new Set(["ReconcileSuperseded", "ReconcileRefused", "InvalidChildSpec"])

const tries = 5

export class Keepers {
  /** The faults are over: nobody tries again. */
  calm = false
  private client: Life | undefined
  private readonly open = new Set<Asked>()

  constructor(
    private readonly scene: Scene,
    private readonly nodes: Nodes,
    private readonly makeClient: () => Life,
    private readonly audit: SetAudit
  ) {}

  reconcile(event: ReconcileEvent, left = tries): void {
    if (left === 0 || this.calm) return
    const { dice, log, world } = this.scene
    const life = event.node < 0 ? this.client ??= this.makeClient() : this.nodes.hosts[event.node]!.life
    const again = () => world.after(dice.between(100, 3_000), () => this.reconcile(event, left - 1))
    if (life?.status !== "up") return void again()
    const { fence, kind, listed, set } = event
    const specs = listed.map(([id, content]) => this.scene.spec(id, content, life.code))
    log("keeper", `reconciles ${kind}/${set} with ${listed.length} through ${life.process.name}, fence ${fence}`)
    const options = { set: set === "" ? undefined : set, allowEmpty: true }
    const ask = (pogo: Pogo.Service) => pogo[Internals].sets.reconcile({ kind }, specs, options, fence)
    const asked = this.asks(life, `${kind}/${set}`, fence)
    life.ask(ask, (exit) => {
      this.open.delete(asked)
      if (!this.answered(asked, specs, exit)) again()
    })
  }

  /** Notes that a call is open, and which others are with it. */
  private asks(life: Life, key: string, fence: number): Asked {
    const others = Array.from(this.open).filter((other) =>
      other.life === life && other.key === key && other.fence === fence
    )
    for (const other of others) other.alone = false
    const asked = { life, key, fence, alone: others.length === 0 }
    this.open.add(asked)
    return asked
  }

  /** Whether the answer is final. */
  private answered(
    { alone, fence, key, life }: Asked,
    specs: ReadonlyArray<ChildSpec.Draft>,
    exit: Exit.Exit<Pogo.ReconcilePlan, { readonly _tag: string }>
  ): boolean {
    const { fail, log, stats } = this.scene
    if (Exit.isSuccess(exit)) {
      const { contended, ...plan } = exit.value
      log("keeper", `${key}: ${Object.entries(plan).map(([name, list]) => `${name} ${list.length}`).join(", ")}`)
      const listed = new Map(specs.map((spec) => [spec.id as string, Effect.runSync(encodeSpec(spec)).body]))
      const compared = alone && contended.length === 0 && this.audit.done(life, key, fence, listed)
      stats.count(`reconcile: ${compared ? "done and compared" : "done"}`)
      return true
    }
    if (exit.cause._tag === "Die") fail("a reconcile died", `${key}: ${Cause.pretty(exit.cause)}`)
    const tag = Option.match(Cause.failureOption(exit.cause), {
      onNone: () => exit.cause._tag,
      onSome: ({ _tag }) => _tag
    })
    log("keeper", `${key} through ${life.process.name}: ${tag}`)
    stats.count(`reconcile: ${tag}`)
    return final.has(tag)
  }
}
