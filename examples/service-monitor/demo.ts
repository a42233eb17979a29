/**
 * The demo: three nodes in one process monitor a dozen services. One node crashes, and the others take its services
 * over; it comes back, and they move back.
 *
 *     npm run demo
 *     npm run demo -- https://example.com tcp://127.0.0.1:6379
 *
 * Without arguments it serves the services of `services.json` itself. It ends within 30 seconds, and its exit code tells
 * whether all went as promised. `npm run demo:redis` shows the same with real processes.
 *
 *     npm run demo -- --ui
 *
 * tells the story again and again, and serves the dashboard of the scope meanwhile.
 */
import { Effect, Queue } from "effect"
import { type KindsLive, makeCluster, type MemoryCluster } from "./cluster.js"
import { describeEvent } from "./describe.js"
import { History } from "./History.js"
import * as Journal from "./Journal.js"
import { runDemo } from "./main.js"
import type { Screen } from "./screen.js"
import { ServiceMonitor } from "./ServiceMonitor.js"
import { begin, bound, comeBack, crash, names, play, screenOf, settings } from "./story.js"
import { summarize } from "./summary.js"
import { targetsOf } from "./targets.js"

/** Tells on the screen what happens. */
const tellEvents = (cluster: MemoryCluster, screen: Screen): Effect.Effect<never> =>
  Queue.take(cluster.events).pipe(
    Effect.map(describeEvent),
    Effect.flatMap((text) => text === undefined ? Effect.void : screen.event(text)),
    Effect.forever
  )

const args = process.argv.slice(2)

/** The stage, with nobody on it. */
const build = (others?: KindsLive) =>
  Effect.gen(function*() {
    const targets = yield* targetsOf(args.filter((arg) => arg !== "--ui"))
    const history = new History()
    const journal = Journal.layerFunction((line) => history.add(line))
    const cluster = yield* Effect.provide(makeCluster(settings, others), journal)
    const screen = yield* screenOf(cluster, history, targets)
    yield* Effect.forkScoped(tellEvents(cluster, screen))
    return { cluster, history, screen, targets }
  })

/** Until Ctrl-C, with a page to look at. */
const withPage = Effect.gen(function*() {
  const { ReportLive, servePage, tellForEver } = yield* Effect.promise(() => import("./ui.js"))
  const stage = yield* build(ReportLive)
  const address = yield* servePage(stage.cluster.registry)
  yield* begin(stage)
  return yield* tellForEver(stage, address)
})

const demo = Effect.gen(function*() {
  const stage = yield* build()
  const { history, screen, targets } = stage
  const story = Effect.gen(function*() {
    yield* begin(stage)
    const { ids, name } = yield* crash(stage)
    yield* comeBack(stage, name, ids)
  })
  const missed = yield* play(story, 28)

  const services = targets.map(({ name }) => ServiceMonitor.id(name))
  const moves = [{ name: "moves back", changes: history.moves }]
  const { block, good } = summarize(history, { services, nodes: names.length, moves, bound, missed })
  yield* screen.summary(block)
  return good
})

runDemo(Effect.scoped(args.includes("--ui") ? withPage : demo))
