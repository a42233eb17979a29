/**
 * Where the calls of a history touch its processes: what they are given, and what is seen of them.
 */
import type { Exit } from "effect"
import type { NodeTransport, Pogo } from "effect-pogo"
import type { Call } from "../../../src/internal/calls/client/call.js"
import type { Router } from "../../../src/internal/calls/client/router.js"
import { op } from "../../../src/internal/calls/wire/message.js"
import { Internals } from "../../../src/internal/internals.js"
import type { Dice } from "../../../src/internal/testing/dice.js"
import type { Process } from "../../../src/internal/testing/virtualWorld.js"
import type { Life } from "../life.js"
import type { Scene } from "../scene.js"
import type { Made } from "./judge.js"
import type { CallJournal } from "./kinds.js"
import type { Vault } from "./vault.js"
import type { Wires } from "./wires.js"
import type { Witness } from "./witness.js"

/** How much later than its deadline a call may end, where its process is not held up. Milliseconds. */
const slack = 20

const answers: ReadonlySet<unknown> = new Set([op.ok, op.fail, op.items])

export class Seams {
  private readonly lives = new Map<Process, Life>()
  /** When a process was last held up. */
  private readonly heldUp = new Map<Life, number>()
  /** The call of a process to a child that began last. */
  private readonly order = new Map<string, Made>()
  private seq = 0

  constructor(
    private readonly scene: Scene,
    private readonly dice: Dice,
    private readonly wires: Wires,
    private readonly vault: Vault,
    private readonly witness: Witness,
    private readonly made: ReadonlyMap<string, Made>
  ) {}

  /** An address of the host's own, which another process may have had, or that of another host. */
  transport(process: Process): NodeTransport.NodeTransport["Type"] {
    const hosts = this.scene.plan.nodes.length
    const own = Number(/\d+/.exec(process.name)?.[0] ?? 0)
    return this.wires.transport(process, `10.0.0.${this.dice.chance(0.15) ? this.dice.below(hosts) : own}:7000`)
  }

  journal(life: Life): CallJournal {
    const { vault } = this
    return {
      process: life.process,
      vault,
      begins: (self, request) => {
        const made = this.made.get(request)
        if (made === undefined) return
        made.runs++
        // A fiber that was preempted may be late for what was looked at before.
        if (this.scene.plan.disorder.preempt > 0) return
        this.witness.begins(life, self, request)
        this.inOrder(made)
      }
    }
  }

  /** Calls of one process to one child begin in the order in which they were made. */
  private inOrder(made: Made): void {
    const { life, plan: { id, rpc } } = made
    if (rpc !== "pay") return
    const key = `${life.process.name} ${id}`
    const last = this.order.get(key)
    if (last !== undefined && last.seq > made.seq) {
      this.scene.fail("calls begin in another order", `${made.request} of ${key} after ${last.request}`)
    }
    this.order.set(key, made)
  }

  /** A process has its supervisor. */
  attach(life: Life, pogo: Pogo.Service): void {
    const { process } = life
    this.lives.set(process, life)
    const freeze = process.freeze.bind(process)
    process.freeze = () => {
      this.heldUp.set(life, Infinity)
      freeze()
    }
    const thaw = process.thaw.bind(process)
    process.thaw = () => {
      if (process.frozen) this.heldUp.set(life, this.scene.world.now)
      thaw()
    }
    this.listen(life, pogo[Internals].router)
  }

  private listen(life: Life, router: Router): void {
    const executeHere = router.executeHere.bind(router)
    const finish = router.finish.bind(router)
    const submit = router.submit.bind(router)
    const here = new Set<Call>()
    router.submit = (call) => {
      const made = this.made.get((call.payload as { readonly request: string }).request)
      if (made !== undefined && made.seq === 0) this.submitted(made, call)
      submit(call)
    }
    router.executeHere = (lane, call, child) => {
      here.add(call)
      executeHere(lane, call, child)
    }
    router.finish = (call: Call, outcome: Exit.Exit<unknown, unknown>, tag: string) => {
      const answered = !call.settled && here.delete(call) && (tag === "Success" || tag === "Failure")
      if (answered) this.witness.answers(life, outcome)
      finish(call, outcome, tag)
    }
  }

  private submitted(made: Made, { procedure, timeout }: Call): void {
    const { life } = made
    const { world } = this.scene
    const begun = world.now
    made.seq = ++this.seq
    if (procedure.isStream) return
    world.after(timeout / life.process.rate + slack, () => {
      const held = Math.max(this.heldUp.get(life) ?? -Infinity, life.slowUntil) >= begun
      if (made.outcome !== undefined || life.status === "gone" || held) return
      this.scene.fail("a call outlasts its deadline", `${made.plan.rpc} ${made.request} of ${life.process.name}`)
    })
  }

  /** A message leaves a process. */
  sent(process: Process, message: ReadonlyArray<unknown>): void {
    const life = this.lives.get(process)
    if (life !== undefined && answers.has(message[0])) this.witness.answers(life, message[2])
  }

  /** A process is gone; of a machine that is gone with it nobody hears. */
  ended(life: Life): void {
    this.wires.gone(life.process, this.dice.chance(0.2))
  }
}
