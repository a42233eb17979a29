/**
 * The demo as a scene to look at: the story is told again and again, until Ctrl-C, while a browser shows the dashboard.
 * Beside the monitors there are two children that do not run, since a page on which all is well shows little.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Cause, Effect, Layer, Schedule, type Scope } from "effect"
import { Child, ChildSpec, GroupRegistry, Pogo, Restart } from "effect-pogo"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { createServer } from "node:http"
import { buildDashboard } from "../../.ci/dashboard.mjs"
import { busiest, comeBack, crash, Missed, type Stage } from "./story.js"

/** Where the page is, for this machine alone. */
const host = "127.0.0.1"

const Report = Child.make("Report", { payload: {} })

/** A child that gives up: it is shown as failed, and may be restarted by hand. */
export const ReportLive = Report.toLayer(
  () => Effect.fail(new Error("the mail server refused: 550 no such user")),
  { restart: Restart.transient(Schedule.stop) }
)

const troubled = [
  Report.spec("weekly", {}),
  new ChildSpec.ChildSpec({ kind: "ServiceMonitor", key: "tape-robot", payload: {}, requires: { rack: "basement" } })
]

/**
 * The dashboard, served by a client of the scope: whichever node crashes, the page stays. At the next free port, if
 * another program has this one.
 */
const pageLive = (registry: GroupRegistry.GroupRegistry["Type"], port: number) =>
  PogoHttp.layer({ actions: "all", payload: true }).pipe(
    Layer.provide(Pogo.layerClient({ name: "page" })),
    Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry)),
    Layer.provide(NodeHttpServer.layer(createServer, { host, port }))
  )

/** Serves the page from the first of some ports that is free. */
const serveAt = (
  registry: GroupRegistry.GroupRegistry["Type"],
  port: number
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.as(Layer.build(pageLive(registry, port)), `http://${host}:${port}/`).pipe(
    Effect.sandbox,
    Effect.catchAll((cause) =>
      port < 4730 && Cause.pretty(cause).includes("EADDRINUSE")
        ? serveAt(registry, port + 1)
        : Effect.die(Cause.squash(cause))
    )
  )

/** Builds the page, serves it until the scope is closed, and tells its address. */
export const servePage = (registry: GroupRegistry.GroupRegistry["Type"]): Effect.Effect<string, never, Scope.Scope> =>
  Effect.zipRight(Effect.promise(() => buildDashboard()), serveAt(registry, 4710))

/** Whoever looks at the page may drain or cordon nodes: then not all happens as told, and the story goes on. */
const goOn = <A, E>(stage: Stage<E>, part: Effect.Effect<A, E | Missed>): Effect.Effect<void, E> =>
  Effect.catchAll(
    Effect.asVoid(part),
    (error) => error instanceof Missed ? stage.screen.event(error.message) : Effect.fail(error)
  )

/** Tells the story for ever. */
export const tellForEver = <E>(stage: Stage<E>, address: string): Effect.Effect<never, E> =>
  Effect.gen(function*() {
    yield* Effect.orDie(stage.cluster.pogo()!.startChildren(troubled))
    for (;;) {
      yield* stage.screen.event(`look at ${address} (Ctrl-C ends it)`)
      yield* Effect.sleep("15 seconds")
      const { ids, name } = yield* busiest(stage)
      yield* goOn(stage, crash(stage))
      yield* Effect.sleep("15 seconds")
      yield* goOn(stage, comeBack(stage, name, ids))
    }
  })
