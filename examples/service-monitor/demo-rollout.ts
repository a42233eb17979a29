/**
 * A rollout with real processes: three nodes of release v1 monitor a dozen services on a Redis of their own, and are
 * replaced by nodes of release v2, one after the other. Each monitor moves once. (The one that crashes all the time may
 * go back to the old release for a while: it cannot know that its service is to blame, and not the release.)
 *
 *     npm run demo:rollout
 *
 * It ends within 60 seconds, and its exit code tells whether all went as promised.
 */
import { Effect } from "effect"
import type { History } from "./History.js"
import { runDemo } from "./main.js"
import { bound, makeStage } from "./redisStage.js"
import { ServiceMonitor } from "./ServiceMonitor.js"
import * as Story from "./story.js"
import { summarize } from "./summary.js"

const releases = { old: ["v1-a", "v1-b", "v1-c"], new: ["v2-a", "v2-b", "v2-c"] } as const

const isNew = (node: string): boolean => releases.new.some((name) => name === node)

const movesOf = ({ moves }: History, id: string): number => moves.filter((move) => move.id === id).length

/** A node of the new release joins, and then one of the old release ends, as a deploy with a surge of one has it. */
const replace = (stage: Effect.Effect.Success<ReturnType<typeof makeStage>>, old: string, next: string) =>
  Effect.gen(function*() {
    const { cluster, screen } = stage
    yield* screen.stage(`${next} joins: it takes nothing yet, since ${old} still runs`)
    yield* cluster.startRelease(next, "v2")
    yield* screen.event(`${next} joined`)
    yield* Effect.sleep("2 seconds")
    yield* screen.stage(`${old} gets SIGTERM, and hands its monitors over to the new release`)
    const { ids } = yield* Story.busiest(stage, [old])
    yield* screen.event(`${old} gets SIGTERM, while it runs ${ids.length} monitors`)
    yield* screen.event(`${old} ended with exit code ${yield* cluster.drain(old)}`)
    yield* Story.waitUntil(`the handover from ${old}`, Story.areOn(stage, ids, isNew), 5)
    yield* Effect.sleep("1 second")
  })

const demo = Effect.gen(function*() {
  const stage = yield* makeStage(process.argv.slice(2))
  const { cluster, history, screen, targets } = stage
  const services = targets.map(({ name }) => ServiceMonitor.id(name))
  const story = Effect.gen(function*() {
    const start = (name: string) => cluster.startRelease(name, "v1")
    yield* Story.begin({ ...stage, cluster: { ...cluster, start } }, releases.old)
    for (const [i, old] of releases.old.entries()) yield* replace(stage, old, releases.new[i]!)
    yield* screen.settle
    // One that crashes again and again may be taken for a fault of the new release, and go back once.
    const often = services.filter((id) => !history.crashed.has(id) && movesOf(history, id) !== 1)
    if (often.length > 0) return yield* new Story.Missed({ what: `one move of each of ${often.join(", ")}` })
  })
  const missed = yield* Story.play(story, 55)

  const moves = [{ name: "rollout", changes: history.moves }]
  const { block, good } = summarize(history, { services, nodes: releases.old.length, moves, bound, missed })
  yield* screen.summary(block)
  return good
})

runDemo(Effect.scoped(demo))
