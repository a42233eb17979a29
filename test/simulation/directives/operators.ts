/**
 * Operators: they cordon, drain and uncordon nodes by their names, through whatever node they find or from a client, and
 * try again when they get no answer.
 */
import { Cause, type Effect, Exit } from "effect"
import type { Pogo, PogoNode } from "effect-pogo"
import type { Life } from "../life.js"
import type { Nodes } from "../nodes.js"
import type { Event } from "../plan.js"
import type { Scene } from "../scene.js"

type DirectEvent = Extract<Event, { readonly type: "direct" }>

const tries = 4

export class Operators {
  /** The faults are over: nobody tries again. */
  calm = false
  private client: Life | undefined

  constructor(
    private readonly scene: Scene,
    private readonly nodes: Nodes,
    private readonly makeClient: () => Life
  ) {}

  private giver({ from }: DirectEvent): Life | undefined {
    if (from < 0) return this.client ??= this.makeClient()
    const { life, plan } = this.nodes.hosts[from]!
    // One of the version before knows of no such thing.
    return plan.older === true ? this.client ??= this.makeClient() : life
  }

  direct(event: DirectEvent, left = tries): void {
    if (left === 0 || this.calm) return
    const { dice, log, world } = this.scene
    const life = this.giver(event)
    const again = () => world.after(dice.between(100, 3_000), () => this.direct(event, left - 1))
    if (life?.status !== "up") return void again()
    const { name } = this.nodes.hosts[event.node]!.plan
    log("operator", `${event.what} ${name} through ${life.process.name}`)
    const give = (pogo: Pogo.Service): Effect.Effect<PogoNode.DirectiveResult, { readonly _tag: string }> =>
      event.what === "drain"
        ? pogo.drainNode(name)
        : event.what === "cordon"
        ? pogo.cordonNode(name)
        : pogo.uncordonNode(name)
    life.ask(give, (exit) => {
      if (!this.answered(event, name, life, exit)) again()
    })
  }

  /** Whether the answer is final. */
  private answered(
    { node, what }: DirectEvent,
    name: string,
    life: Life,
    exit: Exit.Exit<PogoNode.DirectiveResult, { readonly _tag: string }>
  ): boolean {
    const { fail, log, stats } = this.scene
    if (Exit.isSuccess(exit)) {
      const { _tag } = exit.value
      log("operator", `${what} ${name}: ${_tag}`)
      stats.count(`directive: ${_tag}`)
      if (_tag === "Obeyed" && this.nodes.hosts[node]!.plan.older === true) {
        fail("a node is said to obey that cannot", name)
      }
      return true
    }
    if (exit.cause._tag === "Die") fail("a directive died", `${what} ${name}: ${Cause.pretty(exit.cause)}`)
    const tag = exit.cause._tag === "Fail" ? exit.cause.error._tag : exit.cause._tag
    log("operator", `${what} ${name} through ${life.process.name}: ${tag}`)
    stats.count(`directive: ${tag}`)
    return false
  }
}
