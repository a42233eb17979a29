/**
 * Makes the calls of a plan, and breaks what is between the nodes.
 */
import { Effect, type Exit, Stream } from "effect"
import { Pogo } from "effect-pogo"
import type { RegistryExecution } from "../../../src/internal/testing/testRegistry.js"
import type { Life } from "../life.js"
import type { Nodes } from "../nodes.js"
import { kindOf } from "../plan.js"
import type { Scene } from "../scene.js"
import { Judge, type Made, makeMade } from "./judge.js"
import { called, type CalledKind } from "./kinds.js"
import type { CallPlan, CallsPlan, WireFault } from "./plan.js"
import { Seams } from "./seams.js"
import { Vault } from "./vault.js"
import { Wires } from "./wires.js"
import { Witness } from "./witness.js"

/** Items of a stream, and the most milliseconds between them. */
const items = { count: 6, every: 700 }

/** How long everything may take at the end: the longest of deadlines, and streams. */
const patience = 60_000

const isStream = ({ rpc }: CallPlan): boolean => rpc === "watch" || rpc === "follow"

export class Callers {
  readonly seams: Seams
  private readonly wires: Wires
  private readonly witness: Witness
  private readonly judge: Judge
  private readonly made = new Map<string, Made>()
  private clients: ReadonlyArray<Life> = []
  private nodes: Nodes | undefined

  constructor(private readonly scene: Scene, private readonly plan: CallsPlan) {
    const { dice, fail, plan: { noise }, state, stats, world } = scene
    const own = dice.stream("calls")
    this.wires = new Wires(world, own.stream("wires"), noise, stats, (process, message) => {
      this.seams.sent(process, message)
    })
    const vault = new Vault(world, own.stream("vault"))
    this.witness = new Witness(state, fail)
    this.judge = new Judge(vault, fail)
    this.seams = new Seams(scene, own.stream("seams"), this.wires, vault, this.witness, this.made)
  }

  /** Starts the clients, and has everything happen in its time. */
  start(nodes: Nodes, makeClient: (name: string) => Life): void {
    const { world } = this.scene
    this.nodes = nodes
    this.clients = Array.from({ length: this.plan.clients }, (_, i) => makeClient(`c${i}`))
    for (const call of this.plan.made) world.after(call.at, () => this.call(call))
    for (const fault of this.plan.faults) world.after(fault.at, () => this.breaks(fault))
  }

  onExecuted(execution: RegistryExecution): void {
    this.witness.onExecuted(execution)
  }

  /** The faults are over. */
  calm(): void {
    this.wires.soothe()
    for (const { line } of this.clients) line.heal()
  }

  private breaks({ directions, millis, node, what }: WireFault): void {
    const life = this.nodes!.hosts[node]?.life
    if (life === undefined) return
    this.scene.log("fault", `ways of ${life.process.name}: ${what} ${directions.join("")} ${millis} ms`)
    if (what === "break") this.wires.sever(life.process)
    else this.wires.block(life.process, directions, millis)
  }

  private caller({ from }: CallPlan): Life | undefined {
    return from < 0 ? this.clients[-1 - from] : this.nodes!.hosts[from]?.life
  }

  private call(plan: CallPlan): void {
    const life = this.caller(plan)
    if (life?.status === "up") this.make(plan, life)
  }

  private make(plan: CallPlan, life: Life, then: () => void = () => {}): Made {
    const made = makeMade(plan, `r${this.made.size}`, life)
    this.made.set(made.request, made)
    this.scene.stats.count(`calls: ${plan.rpc}`)
    this.scene.log(life.process.name, `calls ${plan.rpc} ${made.request} of ${plan.id}`)
    life.ask((pogo) => this.asking(made, pogo), (exit: Exit.Exit<unknown, unknown>) => {
      this.judge.ended(made, exit)
      this.scene.stats.count(`calls: ended: ${made.outcome}`)
      this.scene.log(life.process.name, `${plan.rpc} ${made.request}: ${made.outcome}`)
      then()
    })
    return made
  }

  private asking(made: Made, pogo: Pogo.Service): Effect.Effect<unknown, unknown> {
    const { plan, request } = made
    const kind = kindOf(plan.id) as CalledKind
    const key = plan.id.slice(kind.length + 1)
    const asked = Effect.flatMap(
      Effect.provideService(called[kind].client, Pogo.Pogo, pogo),
      (client): Effect.Effect<unknown, unknown> => {
        const child = client(key, { timeout: plan.timeout })
        const { after, before, end, rpc } = plan
        if (rpc === "pay" || rpc === "note") return child[rpc]({ request, before, after, end })
        const every = Math.min(items.every, before)
        return Stream.runForEach(
          child[rpc]({ request, from: 0, count: items.count, every }),
          (item) => Effect.sync(() => this.judge.item(made, item))
        )
      }
    )
    return plan.leaves === undefined ? asked : Effect.timeoutOption(asked, plan.leaves)
  }

  /** Once all is well: whoever can ask is answered by each child that runs, and no call is left over. */
  finish(isOver: () => boolean): void {
    const { fail, world } = this.scene
    this.askAll()
    const limit = world.now + patience
    while (!isOver() && this.open().length > 0 && world.now < limit) world.runUntil(isOver, world.now + 250)
    if (isOver()) return
    for (const { life, plan, request } of this.open()) {
      fail("a call does not end", `${plan.rpc} ${request} of ${life.process.name} to ${plan.id}`)
    }
    for (const made of this.made.values()) this.final(made)
  }

  private askAll(): void {
    const core = [...this.nodes!.lives()].filter((life) => this.nodes!.isFree(life))
    const isUp = (id: string) => core.some(({ node }) => node?.supervisor.children.get(id)?.stage === "running")
    for (const id of this.plan.ids) if (isUp(id)) this.ask(id, [...core, ...this.clients])
  }

  /** Calls a child from one process after the other. */
  private ask(id: string, [life, ...others]: ReadonlyArray<Life>): void {
    if (life === undefined) return
    const plan = { at: 0, from: 0, id, rpc: "note", timeout: 30_000, before: 0, after: 0, end: "answer" } as const
    const made = this.make({ ...plan, leaves: undefined }, life, () => {
      // A rolling deploy that had begun goes on.
      if (made.outcome === "answered" || life.status !== "up") return this.ask(id, others)
      this.scene.fail("a call fails though nothing is wrong", `${id} from ${life.process.name}: ${made.outcome}`)
    })
  }

  /** Calls that have not ended, though their processes can do what they want. */
  private open(): ReadonlyArray<Made> {
    return Array.from(this.made.values()).filter(({ life: { process, status }, outcome }) =>
      outcome === undefined && status === "up" && !process.frozen && !process.dead
    )
  }

  private final(made: Made): void {
    this.judge.final(made)
    if (isStream(made.plan) && made.outcome === "answered" && made.items !== items.count) {
      this.scene.fail("a stream ends early", `${made.request}: ${made.items} items of ${items.count}`)
    }
  }
}
