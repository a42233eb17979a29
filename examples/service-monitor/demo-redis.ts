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
import { Context, Effect, Layer, Schema, Stream } from "effect"
import { Pogo, type PogoError, PogoEvent } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { startRedis } from "../../.ci/redis.mjs"
import { describeLine } from "./describe.js"
import { History } from "./History.js"
import * as Journal from "./Journal.js"
import { runDemo } from "./main.js"
import { makeProcesses, type ProcessCluster } from "./processes.js"
import type { Screen } from "./screen.js"
import { ServiceMonitor } from "./ServiceMonitor.js"
import * as Story from "./story.js"
import { summarize } from "./summary.js"
import { targetsOf } from "./targets.js"

/** A Redis of our own, with a folder that is gone afterwards. */
const redis = Effect.acquireRelease(
  Effect.promise(() => startRedis()),
  (server) => Effect.promise(() => server.stop())
)

/** Reads the journal while it grows. */
const follow = (file: string, onLine: (line: Journal.Line) => Effect.Effect<void>): Effect.Effect<never> => {
  let read = 0
  return Effect.gen(function*() {
    // What comes after the last line end is not complete yet.
    const lines = readFileSync(file, "utf8").split("\n").slice(read, -1)
    read += lines.length
    for (const line of lines) yield* Effect.flatMap(Effect.orDie(Schema.decode(Journal.LineJson)(line)), onLine)
    yield* Effect.sleep("50 millis")
  }).pipe(Effect.forever)
}

/** This process takes part in the scope as well. It has no kinds: it runs nothing, but sees everything. */
const ConsoleLive = (url: string): Layer.Layer<Pogo.Pogo, PogoError.PogoError> =>
  Pogo.layer({ ...Story.settings, name: "console" }).pipe(
    Layer.provide(NodeTransportSocket.layer()),
    // A Redis that is new cannot have lost anything.
    Layer.provide(GroupRegistryRedis.layer({ url, onEmpty: "trust" }))
  )

/** Tells on the screen what happens: what the nodes write, and which of them come and go. */
const tell = (file: string, history: History, screen: Screen, pogo: Pogo.Service) =>
  Effect.gen(function*() {
    const lines = follow(file, (line) => {
      history.add(line)
      const text = describeLine(line)
      return text === undefined ? Effect.void : screen.event(text)
    })
    const losses = pogo.events.pipe(
      Stream.filter(PogoEvent.$is("NodeLeft")),
      Stream.runForEach(({ node }) => screen.event(`the session of ${node} is over`))
    )
    yield* Effect.forkScoped(lines)
    yield* Effect.forkScoped(losses)
  })

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

const bound = process.platform === "linux"
  ? { ...Story.bound, text: `the others saw its process end; on another machine, ${Story.bound.text}` }
  : Story.bound

const demo = Effect.gen(function*() {
  const targets = yield* targetsOf(process.argv.slice(2))
  const { dir, url } = yield* redis
  const file = join(dir, "journal.txt")
  writeFileSync(file, "")
  const context = yield* Layer.build(Layer.merge(ConsoleLive(url), Journal.layerFile(file)))
  const cluster = yield* Effect.provide(makeProcesses(url, file), context)
  const history = new History()
  const screen = yield* Story.screenOf(cluster, history, targets)
  yield* tell(file, history, screen, Context.get(context, Pogo.Pogo))

  const stage = { cluster, history, screen, targets }
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
