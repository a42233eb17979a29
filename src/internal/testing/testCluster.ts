/**
 * The cluster of a test: its nodes, what surrounds them, what their children really do, and what is to hold in the end.
 *
 * @internal
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import type * as TestClock from "effect/TestClock"
import * as GroupRegistry from "../../GroupRegistry.js"
import * as Pogo from "../../Pogo.js"
import type * as PogoConfig from "../../PogoConfig.js"
import { Internals } from "../internals.js"
import type { Node } from "../node/node.js"
import { parseSpec } from "../registry/state.js"
import { noProofs } from "../runtime/processProof.js"
import { Processes } from "../runtime/processTable.js"
import type { LocalChild } from "../supervisor/localChild.js"
import { Observer } from "../supervisor/owner.js"
import type { Dice } from "./dice.js"
import { PlainHost, type ProcessHost } from "./processHost.js"
import { Line, RegistryServer, type Traffic } from "./testRegistry.js"
import { epoch, type Process, type World } from "./virtualWorld.js"

/** An event in the history of a cluster. */
export interface Occurrence {
  /** Milliseconds since the cluster was made. */
  readonly at: number
  readonly node: string
  /** A fault or its end, or `started` and `ended` for a run of a child. */
  readonly what: string
  readonly id?: string
  readonly token?: bigint
}

interface Run {
  readonly member: TestNode
  readonly child: LocalChild
  /** True if its process was paused for longer than its lease: nothing can keep it from going on for a moment. */
  excused: boolean
}

/** The runs of a cluster's children as they really are, and whether two copies of one ever ran. */
export class Runs {
  readonly history: Array<Occurrence> = []
  readonly violations: Array<string> = []
  private readonly runs = new Map<string, Set<Run>>()

  constructor(private readonly now: () => number) {}

  /** Adds to the history. */
  note(node: string, what: string, child?: LocalChild): void {
    const at = Math.round(this.now())
    this.history.push(child === undefined ? { at, node, what } : { at, node, what, id: child.id, token: child.token })
  }

  /** The runs of a child that go on. */
  of(id: string): ReadonlyArray<Run> {
    return [...this.runs.get(id) ?? []]
  }

  began(member: TestNode, child: LocalChild): void {
    this.note(member.name, "started", child)
    for (const other of this.of(child.id)) this.compare({ member, child, excused: false }, other)
    const runs = this.runs.get(child.id) ?? new Set()
    this.runs.set(child.id, runs.add({ member, child, excused: false }))
  }

  ended(member: TestNode, child: LocalChild): void {
    if (member.host.dead) return
    this.note(member.name, "ended", child)
    this.remove(child.id, (run) => run.child === child)
  }

  private remove(id: string, gone: (run: Run) => boolean): void {
    for (const run of this.of(id)) if (gone(run)) this.runs.get(id)!.delete(run)
  }

  /** Drops the runs of a process that is gone. */
  drop(member: TestNode): void {
    for (const id of this.runs.keys()) this.remove(id, (run) => run.member === member)
  }

  /** Excuses the runs of a process that goes on after a pause, if its lease has ended. */
  thawed(member: TestNode): void {
    if (member.node?.lease.holds() === true) return
    for (const runs of this.runs.values()) for (const run of runs) if (run.member === member) run.excused = true
  }

  private compare(newer: Run, other: Run): void {
    const names =
      `${newer.child.id} on ${newer.member.name} (token ${newer.child.token}) and on ${other.member.name} ` +
      `(token ${other.child.token})`
    if (other.child.holds && newer.child.holds) this.violations.push(`two copies may act: ${names}`)
    else if (!other.excused && !other.member.host.frozen && other.child.registration.onRegistryLoss === "stop") {
      this.violations.push(`two copies run: ${names}`)
    }
  }
}

/** The surroundings of a cluster: its time, the processes of its nodes, the registry. */
export interface Surroundings {
  readonly now: () => number
  readonly host: (name: string) => ProcessHost
  readonly server: RegistryServer
  readonly traffic: Traffic | undefined
  /** Lets time pass. */
  readonly pass: (millis: number) => Effect.Effect<void>
}

/** A node of a cluster. */
export interface TestNode {
  readonly name: string
  readonly host: ProcessHost
  readonly line: Line
  readonly scope: Scope.CloseableScope
  pogo: Pogo.Service | undefined
  node: Node | undefined
  /** True while the node is being closed. */
  leaving: boolean
}

/** The kinds that each node of a cluster has. */
export type Kinds = Layer.Layer<never, unknown, Pogo.Pogo>

/** For so long the next step of a rollout waits for children that have not found a place yet. Milliseconds. */
const quietWithin = 10_000

/** Runs an effect in another process, and waits for it in this one. */
const on = <A, E>(host: ProcessHost, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.async((resume) => {
    Runtime.runFork(host.runtime)(effect).addObserver(resume)
  })

/** The cluster of a test. */
export class TestCluster {
  readonly all = new Map<string, TestNode>()
  readonly runs: Runs

  constructor(
    readonly surroundings: Surroundings,
    private kinds: Kinds,
    private options: PogoConfig.Options
  ) {
    const begin = surroundings.now()
    this.runs = new Runs(() => surroundings.now() - begin)
  }

  get(name: string): TestNode {
    const member = this.all.get(name)
    if (member === undefined) {
      throw new Error(`there is no node "${name}" in this cluster; there are: ${[...this.all.keys()].join(", ")}`)
    }
    return member
  }

  private supervisor(
    { line, name }: TestNode,
    watch: typeof Observer.Service,
    options: PogoConfig.Options
  ): Layer.Layer<Pogo.Pogo, unknown> {
    return Pogo.layer({ joinTimeout: 0, ...this.options, ...options, name }).pipe(
      Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, GroupRegistry.makeEncoded(line.encoded))),
      Layer.provide(Layer.succeed(Observer, watch)),
      // All nodes are in this process: none may conclude from that that another is alive, or gone.
      Layer.provide(Layer.succeed(Processes, {
        self: undefined,
        every: 1_000,
        look: () => "unknown" as const,
        proofs: noProofs
      }))
    )
  }

  /** Starts a node; one of this name must have ended. Its options stand where the cluster has others. */
  readonly add = (name: string, options: PogoConfig.Options = {}): Effect.Effect<TestNode> =>
    Effect.gen(this, function*() {
      const { runs, surroundings } = this
      if (this.all.has(name)) throw new Error(`there is a node "${name}" in this cluster already`)
      const host = surroundings.host(name)
      const line = new Line(surroundings.server, host, surroundings.traffic)
      const member: TestNode = {
        name,
        host,
        line,
        scope: yield* Scope.make(),
        pogo: undefined,
        node: undefined,
        leaving: false
      }
      this.all.set(name, member)
      runs.note(name, "is started")
      const layer = Layer.provideMerge(
        this.kinds,
        this.supervisor(member, {
          began: (child) => runs.began(member, child),
          ended: (child) => runs.ended(member, child)
        }, options)
      )
      const built = yield* on(host, Effect.orDie(Layer.buildWithScope(layer, member.scope)))
      member.pogo = Context.get(built, Pogo.Pogo)
      member.node = member.pogo[Internals].node
      return member
    })

  private forget(member: TestNode): void {
    member.host.kill()
    this.runs.drop(member)
    if (this.all.get(member.name) === member) this.all.delete(member.name)
  }

  readonly crash = (name: string): Effect.Effect<void> =>
    Effect.sync(() => {
      const member = this.get(name)
      this.runs.note(name, "is crashed")
      this.forget(member)
    })

  /** Closes a node in order; kills it if that takes too long. */
  readonly stop = (name: string, patience = 60_000): Effect.Effect<void> =>
    Effect.gen(this, function*() {
      const member = this.get(name)
      member.leaving = true
      this.runs.note(name, "is stopped")
      const closing = Runtime.runFork(member.host.runtime)(Scope.close(member.scope, Exit.void))
      const until = this.surroundings.now() + patience
      while (closing.unsafePoll() === null && this.surroundings.now() < until) yield* this.surroundings.pass(50)
      this.forget(member)
    })

  readonly freeze = (name: string): Effect.Effect<void> =>
    Effect.sync(() => {
      this.runs.note(name, "is frozen")
      this.get(name).host.freeze()
    })

  readonly thaw = (name: string): Effect.Effect<void> =>
    Effect.sync(() => {
      const member = this.get(name)
      if (!member.host.frozen) return
      this.runs.note(name, "is thawed")
      this.runs.thawed(member)
      member.host.thaw()
    })

  /** Gives the nodes that are started from now on a revision, and other kinds. */
  release(revision: string, kinds: Kinds = this.kinds): void {
    this.kinds = kinds
    this.options = { ...this.options, revision }
    this.runs.note("cluster", `is at revision ${revision}`)
  }

  /** Ends all nodes. */
  readonly end: Effect.Effect<void> = Effect.gen(this, function*() {
    for (const { host, name } of this.all.values()) {
      if (host.frozen) this.forget(this.get(name))
      else yield* this.stop(name, 20_000)
    }
  })
}

const isTestClock = (clock: Clock.Clock): clock is TestClock.TestClock => "adjust" in clock

/** Surroundings in the test's own time: under `TestClock` it passes when the cluster waits. */
export const plainSurroundings: Effect.Effect<Surroundings> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const runtime = yield* Effect.runtime()
  const now = () => clock.unsafeCurrentTimeMillis()
  return {
    now,
    host: () => new PlainHost(runtime),
    server: new RegistryServer({ time: now }),
    traffic: undefined,
    pass: (millis) => isTestClock(clock) ? clock.adjust(Duration.millis(millis)) : Effect.sleep(millis)
  }
})

/** Traffic in which messages take a moment, and now and then a long one. */
const traffic = (world: World, dice: Dice): Traffic => {
  const delay = () => (dice.chance(0.02) ? dice.between(20, 1_500) : 0.2 + 3 * dice.next())
  return {
    request: () => ({ arrives: delay(), answers: delay(), again: undefined, fails: undefined }),
    wake: () => (dice.chance(0.03) ? undefined : delay()),
    after: (millis, run) => void world.after(millis, run)
  }
}

/** Surroundings in a virtual world, in which the whole test runs. */
export const virtualSurroundings = (world: World, dice: Dice, host: (name: string) => Process): Surroundings => ({
  now: () => world.now,
  host,
  server: new RegistryServer({ time: () => epoch + world.now }),
  traffic: traffic(world, dice),
  pass: (millis) => Effect.sleep(millis)
})

const reachable = ({ host, line }: TestNode): boolean =>
  !host.frozen && line.cutReplies.size === 0 && line.cutRequests.size === 0

/** The reason why a child does not run on exactly one node, as all connected nodes see it; `undefined` if it does. */
export const whyNotOne = (cluster: TestCluster, id: string): string | undefined => {
  const copies = cluster.runs.of(id).filter(({ member }) => !member.host.frozen)
  if (copies.length !== 1) {
    const where = copies.map(({ member }) => member.name).join(" and ")
    if (copies.length > 0) return `${id} runs on ${where}`
    const isKnown = [...cluster.all.values()].some(({ node }) => node?.view.entries.get(id)?.spec !== undefined)
    return isKnown ? `${id} runs nowhere` : `${id} runs nowhere: it is not registered`
  }
  const { child, member } = copies[0]!
  if (!child.holds || child.ending) return `${id} is ending on ${member.name}`
  for (const { name, node, ...other } of cluster.all.values()) {
    const claim = node?.view.entries.get(id)?.claim
    if (reachable({ name, node, ...other }) && claim?.token !== child.claim) {
      return `${name} does not know where ${id} is`
    }
  }
  return undefined
}

/** Waits until nothing is wrong, for `within` milliseconds at most; what still is wrong. */
export const settles = (
  cluster: TestCluster,
  wrong: () => string | undefined,
  within: number
): Effect.Effect<string | undefined> =>
  Effect.gen(function*() {
    const until = cluster.surroundings.now() + within
    for (;;) {
      const problem = wrong()
      if (problem === undefined || cluster.surroundings.now() >= until) return problem
      yield* cluster.surroundings.pass(100)
    }
  })

/** The first thing that is wrong with the nodes, or with a child that the registry knows; `undefined` if all is well. */
export const whatIsWrong = (cluster: TestCluster): string | undefined => {
  const [first] = cluster.all.values()
  const scope = first?.node?.config.scope ?? "default"
  for (const member of cluster.all.values()) {
    if (member.node?.active !== true) return `${member.name} is ${member.node?.phase ?? "starting"}`
  }
  for (const [id, raw] of cluster.surroundings.server.state(scope).spec) {
    const holders = [...cluster.all.values()].filter(({ node }) => node?.supervisor.children.has(id) === true)
    if (parseSpec(raw)?.failed !== true && holders.length !== 1) {
      return `${id} is held by ${holders.length} nodes`
    }
  }
  return undefined
}

/** The first reason why a node is not one yet to which the others give children; `undefined` if it is. */
const whyNotReady = (cluster: TestCluster, name: string): string | undefined => {
  const { node } = cluster.get(name)
  const sid = node?.session?.sid
  if (node?.active !== true || sid === undefined) return `${name} is ${node?.phase ?? "starting"}`
  const blind = [...cluster.all.values()].find((other) =>
    reachable(other) && other.node?.view.membership.members.get(sid)?.joining !== false
  )
  return blind === undefined ? undefined : `${blind.name} does not know of ${name}`
}

/** The first name of the form of `n1` that no node of the cluster has had. */
const freeName = ({ runs }: TestCluster): string => {
  const known = new Set(runs.history.map(({ node }) => node))
  let i = 1
  while (known.has(`n${i}`)) i++
  return `n${i}`
}

/**
 * Replaces all nodes by nodes of a revision, one by one: a new one joins, and an old one ends in order when that one is
 * ready. The new names, in order; or why a new node did not become ready.
 */
export const rollOut = (
  cluster: TestCluster,
  revision: string,
  kinds: Kinds | undefined
): Effect.Effect<ReadonlyArray<string>, string> =>
  Effect.gen(function*() {
    const old = [...cluster.all.keys()]
    const names: Array<string> = []
    cluster.release(revision, kinds)
    for (const name of old) {
      const next = freeName(cluster)
      yield* cluster.add(next)
      names.push(next)
      const problem = yield* settles(cluster, () => whyNotReady(cluster, next), 60_000)
      if (problem !== undefined) return yield* Effect.fail(problem)
      yield* settles(cluster, () => whatIsWrong(cluster), quietWithin)
      if (cluster.all.has(name)) yield* cluster.stop(name)
      yield* settles(cluster, () => whatIsWrong(cluster), quietWithin)
    }
    return names
  })

/** A cluster's history, one line for each occurrence. */
export const render = (cluster: TestCluster): string =>
  cluster.runs.history.map(({ at, id, node, token, what }) =>
    `${(at / 1000).toFixed(3).padStart(9)} ${node}: ${id === undefined ? "" : `${id} `}${what}` +
    (token === undefined ? "" : `, token ${token}`)
  ).join("\n")
