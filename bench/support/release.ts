/**
 * A node of a release, as a process of its own, or one that only calls the children of others. What its children noted
 * is written to a file when it ends: a process that leaves in order has much to tell.
 *
 * `BENCH_ROLE=caller`: it runs none, and calls. `BENCH_BROKEN=1`: its release cannot start every other child.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Rpc } from "@effect/rpc"
import { Config, Effect, Layer, Random, Schedule, Schema } from "effect"
import { Child, Pogo, Restart } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import { appendFileSync } from "node:fs"
import { now } from "./clock.js"
import { type Calls, type ToldCommand, toldProgram } from "./told.js"

const Monitor = Child.make("Monitor", {
  payload: {},
  protocol: [Child.idempotent(Rpc.make("count", { success: Schema.Number }))]
})

const isBroken = process.env["BENCH_BROKEN"] === "1"

const notes: Array<readonly [id: string, what: "start" | "stop", at: number]> = []

const MonitorLive = Monitor.toLayer(() =>
  Effect.gen(function*() {
    const { id, key } = yield* Child.Current
    if (isBroken && Number(key) % 2 === 1) return yield* Effect.die(new Error("this release cannot start it"))
    let count = 0
    yield* Effect.acquireRelease(
      Effect.sync(() => notes.push([id, "start", now()])),
      () => Effect.sync(() => notes.push([id, "stop", now()]))
    )
    return { count: () => Effect.sync(() => ++count) }
  }), { restart: Restart.permanent(Schedule.spaced("100 millis")) })

process.on("exit", () => {
  const file = process.env["BENCH_NOTES"]
  if (file === undefined) return
  const node = process.env["POGO_NODE_NAME"]
  appendFileSync(file, notes.map((note) => JSON.stringify([node, ...note]) + "\n").join(""))
})

interface Command extends ToldCommand {
  readonly count?: number
}

const keys = (count = 0): ReadonlyArray<string> => Array.from({ length: count }, (_, i) => String(i))

const calling = { on: false, made: 0, failures: new Array<string>() }

/** Calls children at random, 200 a second, until it is told to end. */
const callAll = (count: number) =>
  Effect.gen(function*() {
    const monitors = yield* Monitor.client
    calling.on = true
    const one = Effect.flatMap(Random.nextIntBetween(0, count), (i) => monitors(String(i)).count()).pipe(
      Effect.catchAllCause((cause) => Effect.sync(() => calling.failures.push(String(cause)))),
      Effect.zipRight(Effect.sync(() => calling.made++))
    )
    while (calling.on) {
      yield* Effect.forkDaemon(one)
      yield* Effect.sleep(5)
    }
  })

const calls: Calls<Command, Pogo.Pogo> = {
  start: ({ count }) => Pogo.startChildren(keys(count).map((key) => Monitor.spec(key, {}))),
  counts: () => Pogo.countChildren,
  nodes: () => Effect.map(Pogo.nodes, (nodes) => nodes.map(({ children, name }) => ({ name, children }))),
  call: ({ count = 0 }) => Effect.asVoid(Effect.forkDaemon(callAll(count))),
  called: () =>
    Effect.sync(() => {
      calling.on = false
      const { failures, made } = calling
      return { made, failures: failures.slice(0, 3), failed: failures.length }
    })
}

const isCaller = process.env["BENCH_ROLE"] === "caller"

const live = (isCaller ? Layer.empty : MonitorLive).pipe(
  Layer.provideMerge(isCaller ? Pogo.layerClient({}) : Pogo.layerConfig({})),
  Layer.provide(NodeTransportSocket.layer()),
  Layer.provide(
    GroupRegistryRedis.layerConfig({
      url: Config.redacted("BENCH_REDIS_URL"),
      onEmpty: Config.succeed("trust" as const)
    })
  )
)

NodeRuntime.runMain(toldProgram(calls, live), { disablePrettyLogger: true })
