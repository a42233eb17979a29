/**
 * The demo: three nodes in one process monitor a dozen services. One node crashes, and the others take its services
 * over; it comes back, and they move back.
 *
 *     npm run demo
 *     npm run demo -- https://example.com tcp://127.0.0.1:6379
 *
 * Without arguments it serves the services of `services.json` itself. It ends within 30 seconds, and its exit code tells
 * whether all went as promised. `npm run demo:redis` shows the same with real processes.
 */
import { Duration, Effect, Queue } from "effect"
import type { ChildInfo } from "effect-pogo"
import { type Cluster, makeCluster } from "./cluster.js"
import { describeEvent } from "./describe.js"
import { History } from "./History.js"
import * as Journal from "./Journal.js"
import { runDemo, waitUntil } from "./main.js"
import { makeScreen, type Screen } from "./screen.js"
import { ServiceMonitor } from "./ServiceMonitor.js"
import { summarize } from "./summary.js"
import { rowOf, tableOf } from "./table.js"
import { type Target, targetsOf } from "./targets.js"

const names = ["node-a", "node-b", "node-c"]

/** Short, so that the demo is: with the default of 15 seconds, a crash is noticed after so long. */
const settings = { ttl: Duration.seconds(3), heartbeat: Duration.millis(400), drainTimeout: Duration.seconds(3) }

const bound = {
  millis: 4_400,
  text: "the lease of 3 s, the heartbeat of 0.4 s by which others notice its end, and 1 s for a busy machine"
}

/** All that the parts of the story work with. */
interface Stage {
  readonly cluster: Cluster
  readonly screen: Screen
  readonly history: History
  readonly targets: ReadonlyArray<Target>
}

/** All children, as one of the living nodes sees them. Every node knows all of them. */
const children = ({ nodes }: Cluster): Effect.Effect<ReadonlyArray<ChildInfo.ChildRow>> =>
  Effect.suspend(() => {
    const [pogo] = nodes.values()
    return pogo === undefined ? Effect.succeed([]) : pogo.whichChildren("global")
  })

/** Whether all of these children are on nodes for which the condition holds. */
const areOn = (
  cluster: Cluster,
  ids: ReadonlyArray<string>,
  where: (node: string) => boolean
): Effect.Effect<boolean> =>
  Effect.map(
    children(cluster),
    (rows) =>
      rows.filter(({ id }) => ids.includes(id)).every(({ node, status }) =>
        node !== undefined && where(node) && (status._tag === "Running" || status._tag === "Restarting")
      )
  )

const begin = ({ cluster, history, screen, targets }: Stage) =>
  Effect.gen(function*() {
    yield* screen.stage(`${names.length} nodes share the monitors of ${targets.length} services`)
    yield* Effect.forEach(names, cluster.start)
    const [pogo] = cluster.nodes.values()
    yield* pogo!.startChildren(targets.map(({ every, name, url }) => ServiceMonitor.spec(name, { url, every })))
    const checked = Effect.sync(() => targets.every(({ name }) => history.lastCheck.has(ServiceMonitor.id(name))))
    yield* waitUntil("a check of every service", checked, 5)
    yield* Effect.sleep("4 seconds")
    yield* screen.settle
  })

/** The node that runs most of the children, and those children. */
const busiest = (cluster: Cluster) =>
  Effect.map(children(cluster), (rows) => {
    const shares = names.map((name) => ({ name, ids: rows.filter(({ node }) => node === name).map(({ id }) => id) }))
    return shares.reduce((most, share) => share.ids.length > most.ids.length ? share : most)
  })

const crash = ({ cluster, history, screen }: Stage) =>
  Effect.gen(function*() {
    const { ids, name } = yield* busiest(cluster)
    yield* screen.stage(`${name} crashes, and hands nothing over: its lease of 3 s has to run out first`)
    yield* screen.event(`${name} crashed, while it ran ${ids.length} monitors`)
    yield* cluster.crash(name)
    yield* Effect.sleep("1 second")
    yield* screen.settle
    const takenOver = Effect.map(
      areOn(cluster, ids, (node) => node !== name),
      (elsewhere) => elsewhere && history.orphaned.length === 0
    )
    yield* waitUntil(`the takeover of what ran on ${name}`, takenOver, 6)
    yield* Effect.sleep("2 seconds")
    yield* screen.settle
    return { ids, name }
  })

const comeBack = ({ cluster, screen }: Stage, name: string, ids: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    yield* screen.stage(`${name} is back: what belongs there moves, one copy stopped before the next one starts`)
    yield* cluster.start(name)
    yield* screen.event(`${name} joined`)
    yield* waitUntil(`the return of what ran on ${name}`, areOn(cluster, ids, (node) => node === name), 5)
    yield* Effect.sleep("2 seconds")
    yield* screen.settle
  })

const story = (stage: Stage) =>
  Effect.gen(function*() {
    yield* begin(stage)
    const { ids, name } = yield* crash(stage)
    yield* comeBack(stage, name, ids)
  })

/** Sets the stage. It is torn down with the scope: the nodes leave in order, the services end. */
const makeStage = (targets: ReadonlyArray<Target>, history: History) =>
  Effect.gen(function*() {
    const cluster = yield* makeCluster(settings)
    const order = targets.map(({ name }) => name)
    const table = Effect.map(children(cluster), (rows) => {
      const sorted = Array.from(rows).sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key))
      return (width: number) => tableOf(sorted.map((row) => rowOf(row, history, Date.now())), width)
    })
    const screen = yield* makeScreen(table)
    const tell = Effect.flatMap(Queue.take(cluster.events), (event) => {
      const text = describeEvent(event)
      return text === undefined ? Effect.void : screen.event(text)
    })
    yield* Effect.forkScoped(Effect.forever(tell))
    return { cluster, screen, history, targets }
  })

const demo = Effect.gen(function*() {
  const history = new History()
  const targets = yield* targetsOf(process.argv.slice(2))
  const stage = yield* Effect.provide(
    makeStage(targets, history),
    Journal.layerFunction((line) => history.add(line))
  )
  const missed = yield* story(stage).pipe(
    Effect.as([]),
    Effect.catchTag("Missed", ({ what }) => Effect.succeed([what]))
  )
  const services = targets.map(({ name }) => ServiceMonitor.id(name))
  const { good, lines } = summarize(history, { services, nodes: names.length, bound, missed })
  yield* stage.screen.summary(lines)
  return good
})

runDemo(Effect.scoped(demo))
