/**
 * Which functions of a source tree run during one start, one end and one call of a child. Three nodes of one process
 * share a registry in memory; node `a` asks, and `b` or `c` runs the child, since only they have its kind. Run by
 * `.ci/house.mjs` under tsx, which compiles file by file, so that V8 reports each under its own name. Prints JSON.
 *
 * Argument: the tree, a checkout with `src` and `node_modules`.
 */
import * as Rpc from "@effect/rpc/Rpc"
import { Context, Deferred, Effect, Layer, Logger, LogLevel, Schema } from "effect"
import { readFileSync } from "node:fs"
import { Session } from "node:inspector/promises"
import { join, relative } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { sourceFiles } from "./house-files.mjs"

const tree = process.argv[2] ?? process.cwd()
const src = join(tree, "src")

/** @param {string} file of src */
const load = (file) => import(pathToFileURL(join(src, file)).href)

/**
 * The file that exports a name: a name outlives its file's place.
 *
 * @param {string} name
 */
const exporting = (name) => {
  const found = sourceFiles(src).find((file) =>
    readFileSync(join(src, file), "utf8").includes(`export const ${name} =`)
  )
  if (found === undefined) throw new Error(`no file of ${src} exports ${name}`)
  return found
}

/** @type {typeof import("../src/index.js")} */
const { Child, GroupRegistry, NodeTransport, Pogo } = await load("index.ts")
const { makeHub } = await load(exporting("makeHub"))

const session = new Session()
session.connect()
await session.post("Profiler.enable")
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false })

/** The functions of src that were called since this was last asked; not the children's own code, which is in this file. */
const called = async () => {
  const { result } = await session.post("Profiler.takePreciseCoverage")
  return result.flatMap(({ functions, url }) => {
    const file = url.startsWith("file:") ? relative(src, fileURLToPath(url.replace(/\?.*$/, ""))) : ".."
    if (file.startsWith("..")) return []
    return functions.flatMap(({ functionName, ranges: [range] }) =>
      range === undefined || range.count === 0 ? [] : [{ file, name: functionName, at: range.startOffset }]
    )
  })
}

/**
 * @template E, R
 * @param {Effect.Effect<unknown, E, R>} effect
 */
const during = (effect) => Effect.promise(called).pipe(Effect.zipRight(effect), Effect.zipRight(Effect.promise(called)))

const program = Effect.gen(function*() {
  const runs = yield* Deferred.make()
  const ended = yield* Deferred.make()
  const Plain = Child.make("Plain", { payload: { text: Schema.String } })
  const Callable = Child.make("Callable", {
    payload: {},
    protocol: [Rpc.make("add", { payload: { by: Schema.Number }, success: Schema.Number })]
  })
  const kinds = Layer.mergeAll(
    Plain.toLayer(() =>
      Deferred.succeed(runs, undefined).pipe(
        Effect.zipRight(Effect.never),
        Effect.ensuring(Deferred.succeed(ended, undefined))
      )
    ),
    Callable.toLayer(() => ({ add: (/** @type {{ by: number }} */ { by }) => Effect.succeed(by + 1) }))
  )
  const registry = yield* GroupRegistry.makeMemory()
  const { transport } = makeHub()
  /** @param {string} name @param {Layer.Layer<never, unknown, import("../src/Pogo.js").Pogo>} layer */
  const add = (name, layer) =>
    layer.pipe(
      // Renewed so seldom that no heartbeat falls into what is measured.
      Layer.provideMerge(Pogo.layer({ name, ttl: "10 minutes", watchProcesses: false })),
      Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry)),
      Layer.provide(Layer.succeed(NodeTransport.NodeTransport, transport)),
      Layer.build,
      Effect.map((context) => Context.get(context, Pogo.Pogo))
    )
  const asked = yield* add("a", Layer.empty)
  yield* add("b", kinds)
  yield* add("c", kinds)
  yield* Effect.sleep("1 second")

  const start = yield* during(
    Effect.zipRight(asked.startChild(Plain.spec("one", { text: "one" })), Deferred.await(runs))
  )
  yield* Effect.sleep("1 second")
  const startAndReport = yield* during(
    Effect.zipRight(asked.startChild(Plain.spec("two", { text: "two" })), asked.awaitChild("Plain/two"))
  )
  yield* asked.startChild(Callable.spec("one", {}))
  const row = yield* asked.awaitChild("Callable/one")
  if (row.node === "a") throw new Error("the child runs where it is asked for")
  const clients = yield* Effect.provideService(Callable.client, Pogo.Pogo, asked)
  yield* Effect.sleep("1 second")
  const firstCall = yield* during(clients("one").add({ by: 1 }))
  yield* Effect.sleep("1 second")
  const call = yield* during(clients("one").add({ by: 1 }))
  yield* Effect.sleep("1 second")
  const end = yield* during(Effect.zipRight(asked.terminateChild("Plain/one"), Deferred.await(ended)))
  return { start, startAndReport, firstCall, call, end }
})

const traces = await Effect.runPromise(Logger.withMinimumLogLevel(Effect.scoped(program), LogLevel.None))
process.stdout.write(JSON.stringify(traces), () => process.exit(0))
