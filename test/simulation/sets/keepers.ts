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

/** Failures that are answers. */
const final: ReadonlySet<string> = new Set(["ReconcileSuperseded", "ReconcileRefused", "InvalidChildSpec"])

const tries = 5

export class Keepers {
  /** The faults are over: nobody tries again. */
  calm = false
  private client: Life | undefined

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
    life.ask(ask, (exit) => {
      if (!this.answered(event, life, specs, exit)) again()
    })
  }

  /** Whether the answer is final. */
  private answered(
    { kind, set }: ReconcileEvent,
    life: Life,
    specs: ReadonlyArray<ChildSpec.Draft>,
    exit: Exit.Exit<Pogo.ReconcilePlan, { readonly _tag: string }>
  ): boolean {
    const { fail, log, stats } = this.scene
    const key = `${kind}/${set}`
    if (Exit.isSuccess(exit)) {
      const { contended, ...plan } = exit.value
      log("keeper", `${key}: ${Object.entries(plan).map(([name, list]) => `${name} ${list.length}`).join(", ")}`)
      const listed = new Map(specs.map((spec) => [spec.id as string, Effect.runSync(encodeSpec(spec)).body]))
      const compared = contended.length === 0 && this.audit.done(life, key, listed)
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
