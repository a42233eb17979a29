/**
 * `ui`: serves the dashboard on this machine, from a client of the scope, for as long as the command runs.
 *
 * @internal
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { Pogo } from "../../Pogo.js"
import * as PogoHttp from "../../PogoHttp.js"
import { printError } from "../runtime/userCode.js"
import { Failed } from "./failures.js"
import type { RedisPlace } from "./place.js"
import { connect } from "./redisSource.js"
import { Shell } from "./shell.js"

/** This machine alone: the interface refuses everybody else. */
const host = "127.0.0.1"

/** Serves the page until the command is ended. `port`: 0 for any that is free. */
export const serveUi = (place: RedisPlace, options: { readonly port: number; readonly readOnly: boolean }) =>
  Effect.scoped(Effect.gen(function*() {
    const shell = yield* Shell
    const pogo = yield* connect(place)
    const server = NodeHttpServer.layer(createServer, { host, port: options.port })
    const served = PogoHttp.layer({ actions: options.readOnly ? "none" : "all", payload: true, state: true }).pipe(
      Layer.provideMerge(server),
      Layer.provide(Layer.succeed(Pogo, pogo))
    )
    const context = yield* Effect.mapError(Layer.build(served), (error) =>
      new Failed({
        sentence: `cannot listen on port ${options.port}: ${printError(error.cause, 200)}; give another one with --port`
      }))
    const { address } = Context.get(context, HttpServer.HttpServer)
    const port = address._tag === "TcpAddress" ? address.port : options.port
    yield* shell.write(`http://localhost:${port}/\n`)
    yield* shell.say(`The dashboard of scope ${place.scope}, for this machine alone. Ctrl-C ends it.`)
    return yield* Effect.never
  }))
