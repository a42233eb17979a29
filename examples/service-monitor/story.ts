/**
 * The story that both demos tell: nodes share some services, one of them is lost, and comes back.
 */
import { Data, Effect, type Scope } from "effect"
import { type ChildInfo, Pogo } from "effect-pogo"
import type { History } from "./History.js"
import { makeScreen, type Screen } from "./screen.js"
import { ServiceMonitor } from "./ServiceMonitor.js"
import { type Block, rowOf, tableOf } from "./table.js"
import type { Target } from "./targets.js"

export const names = ["node-a", "node-b", "node-c"]

/** Short, so that the demos are: with the default of 15 seconds, a crash is noticed after so long. */
export const settings = { ttl: "3 seconds", heartbeat: "400 millis" } as const

/** The longest that a takeover may last. */
export const bound = {
  millis: 4_400,
  text: "bounded by the lease (3 s), a heartbeat of the others (0.4 s), and 1 s of slack"
}

/** How a loss is noticed that nobody saw. */
export const byLease = "its lease of 3 s has to run out first"

/** The nodes, however they are run. */
export interface Cluster<E> {
  /** Starts a node, and waits until it has joined. */
  readonly start: (name: string) => Effect.Effect<void, E>
  /** What `crash` does to a node, in words. */
  readonly fate: string
  /** How the others learn of it. */
  readonly notice: string
  /** Ends a node without notice. */
  readonly crash: (name: string) => Effect.Effect<void>
  /** The supervisor of any living node: all of them know the same, and can do the same. */
  readonly pogo: () => Pogo.Service | undefined
}

/** All that the parts of the story work with. */
export interface Stage<E> {
  readonly cluster: Cluster<E>
  readonly history: History
  readonly screen: Screen
  readonly targets: ReadonlyArray<Target>
}

/** Something that should have happened by now. */
export class Missed extends Data.TaggedError("Missed")<{ readonly what: string }> {
  override get message(): string {
    return `not in time: ${this.what}`
  }
}

/** How many times longer than usual the story may take: on a machine that is busy with other things. */
const patience = Number(process.env["DEMO_PATIENCE"] ?? 1)

/** Waits until a condition holds. */
export const waitUntil = (
  what: string,
  condition: Effect.Effect<boolean>,
  seconds: number
): Effect.Effect<void, Missed> =>
  Effect.sleep("50 millis").pipe(
    Effect.zipRight(condition),
    Effect.repeat({ until: (met) => met }),
    Effect.timeoutFail({ duration: seconds * patience * 1_000, onTimeout: () => new Missed({ what }) }),
    Effect.asVoid
  )

type Children = Effect.Effect<ReadonlyArray<ChildInfo.ChildRow>>

const childrenOf = <E>(cluster: Cluster<E>): Children =>
  Effect.suspend(() => cluster.pogo()?.whichChildren("global") ?? Effect.succeed([]))

/** Whether all of these children are on nodes for which the condition holds. */
export const areOn = <E>(
  { cluster }: Stage<E>,
  ids: ReadonlyArray<string>,
  where: (node: string) => boolean
): Effect.Effect<boolean> =>
  Effect.map(
    childrenOf(cluster),
    (children) =>
      children.filter(({ id }) => ids.includes(id)).every(({ node, status }) =>
        node !== undefined && where(node) && (status._tag === "Running" || status._tag === "Restarting")
      )
  )

/** Of these nodes the one that runs most of the children, and those children. */
export const busiest = <E>({ cluster }: Stage<E>, among: ReadonlyArray<string> = names) =>
  Effect.map(childrenOf(cluster), (children) => {
    const shares = among.map((name) => ({
      name,
      ids: children.filter(({ node }) => node === name).map(({ id }) => id)
    }))
    return shares.reduce((most, share) => share.ids.length > most.ids.length ? share : most)
  })

const join = <E>({ cluster, screen }: Stage<E>, name: string) =>
  Effect.zipRight(cluster.start(name), screen.event(`${name} joined`))

/** A monitor is asked how its service is, by a node that does not run it. */
const ask = <E>({ cluster, screen }: Stage<E>) =>
  Effect.gen(function*() {
    const pogo = cluster.pogo()!
    const rows = yield* pogo.whichChildren("global")
    const row = rows.find(({ node, status }) => node !== pogo.name && status._tag === "Running")
    if (row === undefined) return
    const monitors = yield* Effect.provideService(ServiceMonitor.client, Pogo.Pogo, pogo)
    const answer = yield* Effect.either(monitors(row.key).status())
    const text = answer._tag === "Left"
      ? answer.left.message
      : `${answer.right.up ? "up" : "down"} after ${answer.right.checks} checks, says ${answer.right.node}`
    yield* screen.event(`${pogo.name} asks for the status of ${row.key}: ${text}`)
    if (answer._tag === "Left") return yield* new Missed({ what: `the status of ${row.key}` })
  })

/** The nodes start, and the services are given to them. */
export const begin = <E>(stage: Stage<E>, nodes: ReadonlyArray<string> = names) =>
  Effect.gen(function*() {
    const { cluster, history, screen, targets } = stage
    yield* screen.stage(`${nodes.length} nodes share the monitors of ${targets.length} services`)
    yield* screen.event("the lease is 3 s, so that the demo is short; by default it is 15 s")
    yield* Effect.forEach(nodes, (name) => join(stage, name), { concurrency: "unbounded" })
    const specs = targets.map(({ every, name, url }) => ServiceMonitor.spec(name, { url, every }))
    yield* cluster.pogo()!.startChildren(specs)
    const checked = Effect.sync(() => targets.every(({ name }) => history.lastCheck.has(ServiceMonitor.id(name))))
    yield* waitUntil("a check of every service", checked, 8)
    yield* ask(stage)
    yield* Effect.sleep("4 seconds")
    yield* screen.settle
  })

/** The busiest node is lost. */
export const crash = <E>(stage: Stage<E>) =>
  Effect.gen(function*() {
    const { cluster, history, screen } = stage
    const { ids, name } = yield* busiest(stage)
    yield* screen.stage(`${name} ${cluster.fate}, and hands nothing over: ${cluster.notice}`)
    yield* screen.event(`${name} ${cluster.fate}, while it runs ${ids.length} monitors`)
    yield* cluster.crash(name)
    yield* Effect.sleep("1 second")
    yield* screen.settle
    const takenOver = Effect.map(
      areOn(stage, ids, (node) => node !== name),
      (elsewhere) => elsewhere && history.orphaned.length === 0
    )
    yield* waitUntil(`the takeover of what ran on ${name}`, takenOver, 5)
    yield* Effect.sleep("2 seconds")
    yield* screen.settle
    return { ids, name }
  })

/** It starts again. */
export const comeBack = <E>(stage: Stage<E>, name: string, ids: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { screen } = stage
    yield* screen.stage(`${name} is back: what belongs there moves, one copy stopped before the next one starts`)
    yield* join(stage, name)
    yield* waitUntil(`the return of what ran on ${name}`, areOn(stage, ids, (node) => node === name), 5)
    yield* Effect.sleep("2 seconds")
    yield* screen.settle
  })

/** Plays a story to its end, or until something did not happen in time; tells what did not. */
export const play = <A, E, R>(
  story: Effect.Effect<A, E | Missed, R>,
  seconds: number
): Effect.Effect<ReadonlyArray<string>, Exclude<E, Missed>, R> =>
  story.pipe(
    Effect.timeoutFail({
      duration: seconds * patience * 1_000,
      onTimeout: () => new Missed({ what: "the end of the story" })
    }),
    Effect.as([]),
    Effect.catchIf((error) => error instanceof Missed, ({ what }) => Effect.succeed([what]))
  )

/** The screen for a cluster: its table shows the children in the order of the services. */
export const screenOf = <E>(
  cluster: Cluster<E>,
  history: History,
  targets: ReadonlyArray<Target>
): Effect.Effect<Screen, never, Scope.Scope> => {
  const order = targets.map(({ name }) => name)
  const table: Effect.Effect<Block> = Effect.map(childrenOf(cluster), (children) => {
    const sorted = Array.from(children).sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key))
    return tableOf(sorted.map((child) => rowOf(child, history, Date.now())))
  })
  return makeScreen(table)
}
