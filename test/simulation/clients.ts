/**
 * Clients: they start, end, replace and restart children through whatever node they find, and try again when they get no
 * answer.
 */
import { Cause, type Effect, Exit } from "effect"
import type { ChildSpec, Pogo } from "effect-pogo"
import type { Life } from "./life.js"
import type { Nodes } from "./nodes.js"
import type { Call, Event } from "./plan.js"
import type { Scene } from "./scene.js"

type CallEvent = Extract<Event, { readonly type: "call" }>

interface Result {
  readonly _tag: string
  readonly generation?: bigint
}

const ask = (scene: Scene, life: Life, { call, content, id }: CallEvent) => (pogo: Pogo.Service) => {
  const spec = () => scene.spec(id, content, life.code)
  const asked: { readonly [K in Call]: () => Effect.Effect<Result, { readonly _tag: string }> } = {
    start: () => pogo.startChild(spec()),
    terminate: () => pogo.terminateChild(id as ChildSpec.ChildId),
    replace: () => pogo.replaceChild(spec()),
    restart: () => pogo.restartChild(id as ChildSpec.ChildId)
  }
  return asked[call]()
}

/** Failures that are answers. */
const final: ReadonlySet<string> = new Set(["ChildSpecConflict", "ChildNotFound", "InvalidChildSpec"])

const tries = 6

export class Clients {
  /** The faults are over: nobody tries again. */
  calm = false

  constructor(private readonly scene: Scene, private readonly nodes: Nodes) {}

  call(event: CallEvent, left = tries): void {
    if (left === 0 || this.calm) return
    const { dice, world } = this.scene
    const home = this.nodes.hosts[event.node]?.life
    const up = [...this.nodes.lives()].filter(({ status }) => status === "up")
    const life = home !== undefined && up.includes(home) && dice.chance(0.8)
      ? home
      : up.length > 0
      ? dice.pick(up)
      : home
    const again = () => world.after(dice.between(100, 3_000), () => this.call(event, left - 1))
    if (life?.status !== "up") return void again()
    this.scene.log("client", `${event.call} ${event.id} through ${life.process.name}`)
    life.ask(ask(this.scene, life, event), (exit) => {
      if (!this.answered(event, life, exit)) again()
    })
  }

  /** Whether the answer is final. */
  private answered(event: CallEvent, life: Life, exit: Exit.Exit<Result, { readonly _tag: string }>): boolean {
    const { call, id } = event
    if (Exit.isSuccess(exit)) {
      this.scene.log("client", `${call} ${id}: ${exit.value._tag}`)
      this.checkWritten(id, exit.value)
      return true
    }
    const error = exit.cause._tag === "Fail" ? exit.cause.error._tag : exit.cause._tag
    if (exit.cause._tag === "Die") {
      this.scene.fail("a call died", `${call} ${id} on ${life.process.name}: ${Cause.pretty(exit.cause)}`)
    }
    this.scene.log("client", `${call} ${id}: ${error}`)
    return final.has(error)
  }

  /** What is said to be registered must have been written. */
  private checkWritten(id: string, { _tag, generation }: Result): void {
    if (generation === undefined) return
    for (const fact of this.scene.ledger.facts.values()) {
      if (fact.id === id && fact.generation === Number(generation)) return
    }
    this.scene.fail("a call was answered without a write", `${id}: ${_tag} ${generation}`)
  }
}
