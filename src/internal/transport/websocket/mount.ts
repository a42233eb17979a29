/**
 * A place in a server of the application where other nodes come in.
 *
 * @internal
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { IncomingMessage } from "node:http"
import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import type { Identity } from "../../../NodeTransport.js"
import { InvalidConfig } from "../../../PogoError.js"
import { makeDoor, type Serve } from "../listener.js"
import { release, tune } from "../tcp.js"
import { formatUrl, type WebSettings } from "./options.js"
import { examine, grant, plainAnswer, type Refused } from "./upgrade.js"

/** Whoever comes while nobody listens. */
const closed: Refused = { status: 503, reason: "nobody listens", headers: {} }

const nothing = new Uint8Array(0)

const turnAway = (socket: Duplex, refused: Refused): void =>
  void socket.end(plainAnswer(refused), () => socket.destroy())

/** @internal */
export class MountPoint {
  private enter: ((remote: string, stream: Duplex) => void) | undefined

  constructor(private readonly settings: WebSettings) {}

  readonly listen = (self: Identity, serve: Serve): Effect.Effect<string, InvalidConfig, Scope.Scope> =>
    Effect.gen(this, function*() {
      if (this.enter !== undefined) {
        return yield* Effect.fail(
          new InvalidConfig({
            setting: "mount",
            value: this.settings.url,
            rule: "one supervisor behind each",
            remedy: "give each supervisor a transport of its own, at a path of its own"
          })
        )
      }
      const door = makeDoor(this.settings, self, serve)
      const fork = yield* FiberSet.makeRuntime()
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          this.enter = (remote, stream) => {
            fork(door({ remote, stream: Effect.succeed(stream), leave: () => release(stream) }))
          }
        }),
        () => Effect.sync(() => (this.enter = undefined))
      )
      return formatUrl(this.settings, 0, self.node)
    })

  /** Lets somebody in, or says why not. */
  private admit(request: IncomingMessage, socket: Duplex, head: Uint8Array): Refused | undefined {
    const { enter } = this
    if (enter === undefined) return closed
    const asked = examine(request, undefined)
    if (Either.isLeft(asked)) return asked.left
    enter(
      `${request.socket.remoteAddress ?? "?"}:${request.socket.remotePort ?? 0}`,
      grant(asked.right, tune(socket), head)
    )
    return undefined
  }

  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
    socket.on("error", () => {})
    const refused = this.admit(request, socket, head)
    if (refused !== undefined) turnAway(socket, refused)
  }

  /** An upgraded request is over when its connection is. */
  readonly app: Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    never,
    HttpServerRequest.HttpServerRequest
  > = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ source }) =>
    Effect.async((resume) => {
      const { socket } = source as IncomingMessage
      if (!(socket instanceof Socket)) return resume(HttpServerResponse.empty({ status: 501 }))
      const refused = this.admit(source as IncomingMessage, socket, nothing)
      if (refused !== undefined) {
        const { headers, status } = refused
        if ((source as IncomingMessage).headers.upgrade === undefined) {
          return resume(HttpServerResponse.empty({ status, headers }))
        }
        // An ordinary answer would leave the connection open, and nobody who reads it.
        turnAway(socket, refused)
      }
      socket.once("close", () => resume(HttpServerResponse.empty()))
    }))
}
