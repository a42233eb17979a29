/**
 * The stage of the demos with real processes: a Redis of their own, what the nodes write, and a screen that tells it.
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
import { makeProcesses } from "./processes.js"
import type { Screen } from "./screen.js"
import * as Story from "./story.js"
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

/** The longest that a takeover may last, and why. */
export const bound = process.platform === "linux"
  ? { ...Story.bound, text: `the others saw its process end; on another machine, ${Story.bound.text}` }
  : Story.bound

/** The stage, with nobody on it. `args`: the targets that were asked for. */
export const makeStage = (args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const targets = yield* targetsOf(args)
    const { dir, url } = yield* redis
    const file = join(dir, "journal.txt")
    writeFileSync(file, "")
    const context = yield* Layer.build(Layer.merge(ConsoleLive(url), Journal.layerFile(file)))
    const cluster = yield* Effect.provide(makeProcesses(url, file), context)
    const history = new History()
    const screen = yield* Story.screenOf(cluster, history, targets)
    yield* tell(file, history, screen, Context.get(context, Pogo.Pogo))
    return { cluster, history, screen, targets }
  })
