/**
 * Taking and making connections, whatever carries them: who is there must prove itself in time.
 *
 * @internal
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import type { Duplex } from "node:stream"
import type { ConnectFailure, Connection, Identity } from "../../NodeTransport.js"
import { InvalidConfig } from "../../PogoError.js"
import { failure, greetAsCallee, greetAsCaller } from "./authenticate.js"
import { Link } from "./framedConnection.js"
import type { Settings } from "./options.js"

/** What a connection needs to know of the settings. */
export type Manners = Pick<Settings, "secrets" | "maxFrame" | "authTimeout" | "connections">

/** What is done with a connection that was taken. */
export type Serve = (connection: Connection) => Effect.Effect<void>

const within = <A, E, R>(manners: Manners, effect: Effect.Effect<A, E, R>, late: () => E) =>
  Effect.timeoutFail(effect, { duration: manners.authTimeout, onTimeout: late })

const linkOver = (
  duplex: Duplex,
  remote: string,
  { maxFrame }: Manners,
  answers: boolean
): Effect.Effect<Link, never, Scope.Scope> =>
  Effect.gen(function*() {
    const link = new Link(duplex, remote, maxFrame, answers)
    yield* link.open(yield* NodeSocket.fromDuplex(Effect.succeed(duplex)))
    return link
  })

/** A connection to another node, over a stream of bytes that is opened to its address. */
export const callAt = (
  manners: Manners,
  self: Identity,
  address: string,
  stream: Effect.Effect<Duplex, ConnectFailure, Scope.Scope>
): Effect.Effect<Connection, ConnectFailure, Scope.Scope> =>
  Effect.gen(function*() {
    const greeted = Effect.gen(function*() {
      const link = yield* linkOver(yield* stream, address, manners, false)
      yield* greetAsCaller(link, self, manners.secrets)
      return link
    })
    return yield* within(manners, greeted, () => failure("it did not greet in time"))
  })

/** Somebody who came. */
export interface Visitor {
  readonly remote: string
  /** The stream of bytes to him, once it is ready. */
  readonly stream: Effect.Effect<Duplex, string, Scope.Scope>
  /** Sends him away. */
  readonly leave: () => void
}

/** One connection that was taken: who is there must prove itself in time, or is gone. */
const accept = (manners: Manners, self: Identity, { remote, stream }: Visitor, serve: Serve): Effect.Effect<void> =>
  Effect.gen(function*() {
    const greeted = Effect.gen(function*() {
      const link = yield* linkOver(yield* stream, remote, manners, true)
      yield* Effect.tapError(
        greetAsCallee(link, self, manners.secrets),
        (reason) => Effect.sync(() => link.end(reason))
      )
      return link
    })
    yield* serve(yield* within(manners, greeted, () => "it did not prove itself in time"))
  }).pipe(
    Effect.catchAll((reason) => Effect.logDebug(`a connection from ${remote} was refused: ${reason}`)),
    Effect.scoped
  )

/** Takes visitors, up to a limit at a time. */
export const makeDoor = (manners: Manners, self: Identity, serve: Serve): (visitor: Visitor) => Effect.Effect<void> => {
  let taken = 0
  return (visitor) =>
    Effect.suspend(() => {
      if (taken >= manners.connections) return Effect.sync(visitor.leave)
      taken++
      return Effect.ensuring(
        accept(manners, self, visitor, serve),
        Effect.sync(() => {
          taken--
          visitor.leave()
        })
      )
    })
}

/** Makes a stream of bytes, over which nodes speak, of a connection that was taken. */
export type Receive = (raw: Net.Socket) => Effect.Effect<Duplex, string, Scope.Scope>

/** Opens a port for as long as the scope lives, and tells which one it is. */
export const openPort = (
  settings: Settings,
  self: Identity,
  serve: Serve,
  receive: Receive
): Effect.Effect<number, InvalidConfig, Scope.Scope> =>
  Effect.gen(function*() {
    const { host, port } = settings
    const server = yield* Effect.mapError(NodeSocketServer.make({ host, port }), ({ cause }) =>
      new InvalidConfig({
        setting: "host and port",
        value: `${host}:${port}`,
        rule: `an address that can be bound (${String(cause)})`,
        remedy: "choose another port, or 0 for any that is free"
      }))
    const enter = makeDoor(settings, self, serve)
    const handler = Effect.flatMap(NodeSocket.NetSocket, (raw) =>
      enter({
        remote: `${raw.remoteAddress ?? "?"}:${raw.remotePort ?? 0}`,
        stream: receive(raw),
        leave: () => raw.destroySoon()
      })) as Effect.Effect<void>
    yield* server.run(() => handler).pipe(Effect.ignoreLogged, Effect.forkScoped)
    return server.address._tag === "TcpAddress" ? server.address.port : 0
  })
