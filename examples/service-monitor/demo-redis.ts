/**
 * The demo with real processes: three of them, and a Redis, monitor a dozen services. One is killed with SIGKILL, started
 * again, and another one is asked to end with SIGTERM.
 *
 *     npm run demo:redis
 *     npm run demo:redis -- https://example.com tcp://127.0.0.1:6379
 *
 * The Redis is a throw-away one: that of this machine, else one that is fetched. The demo ends within 60 seconds, and
 * its exit code tells whether all went as promised.
 */
import { Effect } from "effect"
import { runDemo } from "./main.js"
import type { ProcessCluster } from "./processes.js"
import { bound, makeStage } from "./redisStage.js"
import { ServiceMonitor } from "./ServiceMonitor.js"
import * as Story from "./story.js"
import { summarize } from "./summary.js"

/** A node is asked to end, as by a deploy. */
const deploy = <E>(stage: Story.Stage<E>, cluster: ProcessCluster, spared: string) =>
  Effect.gen(function*() {
    const { ids, name } = yield* Story.busiest(stage, Story.names.filter((name) => name !== spared))
    yield* stage.screen.stage(`${name} gets SIGTERM: it hands its monitors over, and ends`)
    yield* stage.screen.event(`${name} gets SIGTERM, while it runs ${ids.length} monitors`)
    yield* stage.screen.event(`${name} ended with exit code ${yield* cluster.drain(name)}`)
    yield* Story.waitUntil(`the handover from ${name}`, Story.areOn(stage, ids, (node) => node !== name), 5)
    yield* Effect.sleep("2 seconds")
    yield* stage.screen.settle
  })

const demo = Effect.gen(function*() {
  const stage = yield* makeStage(process.argv.slice(2))
  const { cluster, history, screen, targets } = stage
  let movedBack = 0
  const story = Effect.gen(function*() {
    yield* Story.begin(stage)
    const { ids, name } = yield* Story.crash(stage)
    yield* Story.comeBack(stage, name, ids)
    movedBack = history.moves.length
    yield* deploy(stage, cluster, name)
  })
  const missed = yield* Story.play(story, 55)

  const services = targets.map(({ name }) => ServiceMonitor.id(name))
  const moves = [
    { name: "moves back", changes: history.moves.slice(0, movedBack) },
    { name: "SIGTERM", changes: history.moves.slice(movedBack) }
  ]
  const { block, good } = summarize(history, { services, nodes: Story.names.length, moves, bound, missed })
  yield* screen.summary(block)
  return good
})

runDemo(Effect.scoped(demo))
