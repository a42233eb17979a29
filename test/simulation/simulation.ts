/**
 * Plays one history: the real supervisors and the real registry machine in a world of its own, with the faults of a
 * plan, and everything checked after each step.
 */
import { Effect, HashSet, Logger, LogLevel } from "effect"
import { effectRpc } from "../../src/internal/calls/loadEffectRpc.js"
import type { Node } from "../../src/internal/node/node.js"
import { seedShift } from "../../src/internal/registry/guard.js"
import { deadline } from "../../src/internal/registry/timing.js"
import type { ChildRun } from "../../src/internal/supervisor/childRun.js"
import type { LocalChild } from "../../src/internal/supervisor/localChild.js"
import { Dice } from "../../src/internal/testing/dice.js"
import { type Execute, RegistryServer } from "../../src/internal/testing/testRegistry.js"
import { epoch, type ProcessOptions, sandboxed, World } from "../../src/internal/testing/virtualWorld.js"
import { Callers } from "./calls/callers.js"
import { Clients } from "./clients.js"
import { Copies } from "./copies.js"
import { makeOlder } from "./directives/older.js"
import { Operators } from "./directives/operators.js"
import { Orders } from "./directives/orders.js"
import { Faults } from "./faults.js"
import { Final } from "./final.js"
import { Guardian } from "./guardian.js"
import { specOf } from "./kinds.js"
import { Ledger } from "./ledger.js"
import { Life, type Setting } from "./life.js"
import { Lists } from "./lists.js"
import { Machines } from "./machines.js"
import { Nodes } from "./nodes.js"
import { observe } from "./observe.js"
import { PastAudit } from "./past.js"
import type { Plan } from "./plan.js"
import { RolloutAudit } from "./rollouts/audit.js"
import { makeUnaware } from "./rollouts/unaware.js"
import { type Scene, scope } from "./scene.js"
import { SetAudit } from "./sets/audit.js"
import { Keepers } from "./sets/keepers.js"
import { ListAudit } from "./sets/listAudit.js"
import { StateAudit } from "./states/audit.js"
import { Stats } from "./stats.js"
import { Network } from "./traffic.js"

export interface Failure {
  readonly check: string
  readonly message: string
  /** Virtual milliseconds. */
  readonly at: number
}

export interface Outcome {
  readonly plan: Plan
  readonly failure: Failure | undefined
  readonly steps: number
  /** Virtual milliseconds. */
  readonly duration: number
  /** How long it took to be as it should be once the faults were over. Virtual milliseconds. */
  readonly settled: number
  readonly stats: Stats
  readonly lines: ReadonlyArray<string>
}

export interface PlayOptions {
  /** Keeps a readable history. */
  readonly trace?: boolean
  /** A registry with other rules. */
  readonly execute?: Execute
  /** Called with each node as it is made. */
  readonly changed?: (node: Node) => void
}

const stepLimit = 3_000_000

// Loaded when it is needed, but in a virtual world no promise comes true.
await Effect.runPromise(effectRpc)

class Simulation {
  private readonly lines: Array<string> = []
  private failure: Failure | undefined
  private readonly stats = new Stats()
  private readonly dice: Dice
  private readonly world: World
  private readonly server: RegistryServer
  private readonly copies: Copies
  private readonly ledger: Ledger
  private readonly orders: Orders
  private readonly machines: Machines
  private readonly network: Network
  private readonly guardian: Guardian
  private readonly nodes: Nodes
  private readonly clients: Clients
  private readonly operators: Operators
  private readonly sets: SetAudit
  private readonly lists: ListAudit
  private readonly states: StateAudit
  private readonly rollouts: RolloutAudit
  private readonly past: PastAudit
  private readonly keepers: Keepers
  private readonly faults: Faults
  private readonly callers: Callers | undefined
  private settled = 0
  /** Whose request is executed. */
  private asker: Life | undefined
  /** Something is wrong of which no guarantee speaks. */
  private excused = false

  constructor(private readonly plan: Plan, private readonly options: PlayOptions) {
    const dice = this.dice = new Dice(`history ${plan.seed}`)
    const world = this.world = new World(dice.stream("world"), plan.disorder)
    this.copies = new Copies(() => world.now)
    this.server = new RegistryServer({
      time: () => epoch + world.now * plan.registryRate,
      ...(options.execute === undefined ? {} : { execute: options.execute })
    })
    this.server.trust = plan.trust
    const state = () => this.server.state(scope)
    this.machines = new Machines(this.world, plan.machines)
    this.ledger = new Ledger(state, () => this.knowers())
    this.orders = new Orders(state, () => this.knowers(), (check, message) => this.fail(check, message))
    this.sets = new SetAudit(state, (check, message) => this.fail(check, message))
    this.lists = new ListAudit(state, (check, message) => this.fail(check, message))
    this.states = new StateAudit(
      state,
      () => this.nodes.lives(),
      (check, message) => this.fail(check, message),
      (what) => this.stats.count(what)
    )
    this.rollouts = new RolloutAudit(
      plan,
      () => world.now,
      state,
      (check, message) => this.fail(check, message),
      (what) => this.stats.count(what)
    )
    this.past = new PastAudit((check, message) => this.fail(check, message))
    this.network = new Network(world, dice.stream("network"), plan.noise, this.stats)
    this.guardian = new Guardian(
      () => world.now,
      state,
      () => this.serverTime(),
      this.copies,
      (token) => this.seed() <= token && ![...this.nodes.lives()].some(({ node }) => (node?.clock.high ?? 0) >= token),
      (check, message) => this.fail(check, message)
    )
    const scene: Scene = {
      plan,
      world,
      dice: dice.stream("scene"),
      server: this.server,
      copies: this.copies,
      ledger: this.ledger,
      orders: this.orders,
      sets: this.sets,
      lists: this.lists,
      states: this.states,
      rollouts: this.rollouts,
      stats: this.stats,
      state,
      spec: specOf,
      log: (who, what) => this.log(who, what),
      fail: (check, message) => this.fail(check, message)
    }
    this.callers = plan.calls === undefined ? undefined : new Callers(scene, plan.calls)
    const setting = this.setting()
    this.nodes = new Nodes(scene, setting)
    this.callers?.start(this.nodes, (name) => new Life(setting, name, 1, { joinTimeout: 0 }, [], true))
    this.clients = new Clients(scene, this.nodes)
    const makeClient = () => new Life(setting, "operator", 1, { joinTimeout: 0 }, [], true)
    this.operators = new Operators(scene, this.nodes, makeClient)
    const makeKeeper = () => new Life(setting, "keeper", 1, { joinTimeout: 0 }, [], true)
    this.keepers = new Keepers(scene, this.nodes, makeKeeper, this.sets)
    this.faults = new Faults(scene, this.nodes, this.clients, this.guardian, this.operators, this.keepers)
    this.server.executed = (execution) => {
      this.server.trust = false
      this.past.executed(execution.state)
      this.ledger.executed(execution)
      this.orders.executed(execution)
      if (plan.sets === true || plan.lists !== undefined) this.sets.executed(execution)
      if (plan.lists !== undefined) this.lists.executed(execution, this.asker)
      if (plan.states === true) this.states.executed(execution)
      if (plan.rollouts !== undefined) this.rollouts.executed(execution, this.asker)
      const denied = this.ledger.denied(execution, this.asker)
      if (denied !== undefined) this.fail("a child is called absent, and is not", denied)
      this.guardian.onExecuted(execution)
      this.callers?.onExecuted(execution)
      if (options.trace === true) observe.execution(execution, this.log)
    }
    const lists = new Lists(() => this.nodes.lives())
    world.afterStep = () => {
      const found = this.copies.check()
      if (found !== undefined) this.fail(found.check, found.message)
      const stale = lists.look()
      if (stale !== undefined) this.fail("a list is out of date", stale)
      if (plan.directives === true) this.orders.look(this.nodes.lives())
      if (plan.rollouts !== undefined) this.rollouts.look(this.nodes.lives())
    }
    this.final = () => new Final(scene, this.nodes).look()
  }

  private readonly final: () => ReadonlyArray<string>

  private readonly log = (who: string, what: string): void => {
    if (this.options.trace === true) this.lines.push(`${(this.world.now / 1000).toFixed(3)} ${who}: ${what}`)
  }

  private fail(check: string, message: string): void {
    if (this.failure !== undefined || this.excused) return
    if (this.guardian.isForked) {
      this.log("world", `two histories of one registry (W4): ${check}: ${message}`)
      this.stats.count("excused by W4")
      this.excused = true
      return
    }
    this.log("CHECK", `${check}: ${message}`)
    this.failure = { check, message, at: this.world.now }
  }

  /** Unix milliseconds by the registry's clock. */
  private serverTime(): number {
    return Math.floor(epoch + this.world.now * this.plan.registryRate + this.server.wallError)
  }

  /** Where the counter of a new data set would begin at least. */
  private seed(): number {
    return Math.floor(this.serverTime() / 1000) * seedShift
  }

  /** Whose memory counts: once the faults are over, only theirs who can still tell. */
  private *knowers(): Generator<Life, void> {
    for (const life of this.nodes.lives()) if (!this.network.calm || this.nodes.isFree(life)) yield life
  }

  private setting(): Setting {
    const { callers, copies, plan, server, world } = this
    return {
      world,
      server,
      traffic: this.network,
      process: (name) => this.processOptions(name),
      journal: (life) => ({
        dice: this.dice.stream("children"),
        slowStops: this.plan.slowStops,
        calls: callers?.seams.journal(life),
        states: this.states.journal(life),
        begin: (self) => {
          copies.begin(life, self as ChildRun)
          this.log(life.process.name, `${self.id} runs, token ${self.token}, attempt ${self.attempt}`)
        },
        end: (self) => {
          copies.end(life, self as ChildRun)
          this.log(life.process.name, `${self.id} has ended, token ${self.token}`)
        }
      }),
      processes: (process) => this.machines.watch(process),
      watch: (life) => ({
        began: (child) => this.began(life, child),
        ended: (child) => {
          copies.ended(life, child.run!)
          this.rollouts.ended(life, child)
        },
        sent: (sent) => {
          this.guardian.onSent(life, sent)
          if (plan.states === true) this.states.sent(life, sent)
        },
        arrives: (sent) => {
          this.asker = life
          this.guardian.onArrival(sent)
        },
        answered: ({ args, name }, reply) => {
          this.ledger.answered(name, args, reply)
          this.orders.answered(name, args, reply)
          if (plan.sets === true) this.sets.answered(life, name, args, reply)
          if (plan.states === true) this.states.answered(life, name, args, reply)
        }
      }),
      built: (life, node) => {
        const { older = false, unaware = false } = plan.nodes.find(({ name }) => name === life.name) ?? {}
        if (older) makeOlder(node)
        if (unaware) makeUnaware(node)
        this.options.changed?.(node)
        this.follow(life, node)
      },
      calls: callers?.seams
    }
  }

  private processOptions(name: string): ProcessOptions {
    const rate = this.plan.nodes.find((node) => name.startsWith(`${node.name}.`))?.rate ?? 1
    return {
      rate,
      loggers: HashSet.make(this.logger(name)),
      logLevel: this.options.trace ? LogLevel.Info : LogLevel.Error
    }
  }

  /** A message that asks to be reported tells of a mistake of ours. */
  private logger(name: string): Logger.Logger<unknown, unknown> {
    return Logger.make(({ logLevel, message }) => {
      const text = String(Array.isArray(message) ? message.join(" ") : message)
      this.log(name, `(${logLevel.label}) ${text}`)
      if (text.includes("please report this")) this.fail("a loop died", `${name}: ${text}`)
    })
  }

  private began(life: Life, child: LocalChild): void {
    if (child.attempt !== 1) return
    this.copies.taken(life, child)
    this.guardian.onBegan(life, child)
    this.rollouts.began(child)
    const node = life.node!
    if (!node.lease.holds()) this.fail("a child is started without a lease", `${child.id} on ${life.process.name}`)
    if (node.own.draining || node.own.cordoned) {
      this.fail("a closed node starts a child", `${child.id} on ${life.process.name}`)
    }
    const told = node.own.directive?.what ?? "undo"
    if (told !== "undo") this.fail("a node starts a child under a directive", `${child.id} on ${life.process.name}`)
  }

  /** Follows a node's lease. */
  private follow(life: Life, node: Node): void {
    const { lease } = node
    const renew = lease.renew.bind(lease)
    lease.renew = (sent) => {
      const before = lease.remaining
      const good = renew(sent)
      if (good) life.until = Math.max(life.until, node.ambient.now() + lease.remaining)
      // One that is answered after a younger one, or is worth less, changes nothing.
      const most = Math.max(before, deadline(node.timing, sent) - node.ambient.now()) + 1
      if (good && lease.remaining > most) {
        this.fail("a lease holds for too long", `${life.process.name}, by a renewal that was sent at ${sent}`)
      }
      return good
    }
    const fence = node.fence.bind(node)
    node.fence = (reason) => {
      if (lease.given) {
        if (lease.holds() && reason.startsWith("the registry ended")) this.guardian.onEnded(life)
        this.copies.fenced(life)
        this.states.fenced(life)
        if (node.session !== undefined) life.fenced.set(node.session.sid, this.world.now)
        this.stats.count("fenced")
        this.log(life.process.name, `lease lost: ${reason}`)
      }
      fence(reason)
    }
    const enter = node.enter.bind(node)
    node.enter = (phase) => {
      enter(phase)
      this.log(life.process.name, `is ${node.phase}${node.session ? ` as ${node.session.sid}` : ""}`)
      for (const child of node.supervisor.children.values()) {
        if (child.stopReason !== "fenced" || !child.holds) continue
        this.fail("a fenced child may act again", `${child.id} (token ${child.claim}) on ${life.process.name}`)
      }
    }
  }

  /** The faults end; some nodes stay as they are for ever. */
  private calm(): void {
    this.log("world", "the faults are over")
    this.network.calm =
      this.clients.calm =
      this.operators.calm =
      this.keepers.calm =
        true
    this.server.resume()
    this.callers?.calm()
    for (const host of this.nodes.hosts) {
      const { fate, replies, requests } = host.plan
      const { life } = host
      if (host.absent) {
        life?.process.thaw()
        life?.line.heal()
        continue
      }
      if (life === undefined || life.status === "gone") {
        if (fate !== "dead") this.nodes.later(host, this.dice.between(0, 1_000))
        else if (host.next !== undefined) host.next.cancelled = true
      }
      if (life === undefined) continue
      life.process.cost = undefined
      life.slowUntil = this.world.now
      if (fate === "healthy") {
        life.process.thaw()
        life.line.heal()
        this.nodes.uncordon(life)
      } else if (life.status !== "stopping") this.settle(life, fate, requests, replies)
    }
    this.ledger.forgive()
    this.orders.forgive()
  }

  private settle(
    life: Life,
    fate: string,
    requests: Plan["nodes"][number]["requests"],
    replies: typeof requests
  ): void {
    this.faults.finish(life)
    this.log("fault", `${life.process.name} is ${fate} for good`)
    if (fate === "dead") {
      const host = this.nodes.hosts.find((one) => one.life === life)!
      if (host.next !== undefined) host.next.cancelled = true
      this.nodes.kill(life)
    } else if (fate === "frozen") life.process.freeze()
    else {
      life.process.thaw()
      life.line.heal()
      for (const connection of requests) life.line.cutRequests.add(connection)
      for (const connection of replies) life.line.cutReplies.add(connection)
    }
  }

  private isOver(): boolean {
    return this.failure !== undefined || this.excused || this.world.steps > stepLimit
  }

  run(): Outcome {
    for (const event of this.plan.events) this.world.after(event.at, () => this.faults.apply(event))
    this.world.runUntil(() => this.isOver(), this.plan.calm)
    if (!this.isOver()) this.calm()
    this.converge()
    if (!this.isOver()) this.callers?.finish(() => this.isOver())
    if (this.world.steps > stepLimit) this.fail("too many steps", `${this.world.steps}`)
    const { failure, lines, plan, settled, stats, world } = this
    world.end()
    return { plan, failure, steps: world.steps, duration: world.now, settled, stats, lines }
  }

  /** Waits until everything is as it should be, twice in a row. */
  private converge(): void {
    const begin = this.world.now
    const limit = begin + (this.plan.slowStops > 0 ? 130_000 : 100_000)
    let good = 0
    while (good < 2 && !this.isOver()) {
      this.world.runUntil(() => this.isOver(), this.world.now + 1_000)
      const problems = this.final()
      good = problems.length === 0 ? good + 1 : 0
      if (good === 1) this.settled = this.world.now - begin
      if (this.world.now > limit && good === 0) this.fail("not as it should be at the end", problems.join("; "))
    }
  }
}

export const play = (plan: Plan, options: PlayOptions = {}): Outcome => {
  let real: string | undefined
  const outcome = sandboxed(() => new Simulation(plan, options).run(), (what) => (real = what))
  if (real !== undefined && outcome.failure === undefined) {
    return { ...outcome, failure: { check: "real time", message: `${real} was used`, at: outcome.duration } }
  }
  return outcome
}
