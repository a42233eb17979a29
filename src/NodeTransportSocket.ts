/**
 * Nodes that reach each other over TCP, or TLS: one connection each way between two nodes, MessagePack in frames.
 *
 * Needs `@effect/platform-node` and `@effect/rpc` beside this package.
 *
 * @since 0.1.0
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Socket from "@effect/platform/Socket"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import { failure, greetAsCallee, greetAsCaller } from "./internal/socket/greet.js"
import { Link } from "./internal/socket/link.js"
import { formatAddress, parseAddress, resolve, type Settings } from "./internal/socket/settings.js"
import { type ConnectFailure, type Connection, type Identity, NodeTransport } from "./NodeTransport.js"
import { InvalidConfig } from "./PogoError.js"

/**
 * Encryption of the connections between nodes. All nodes of a scope use it, or none.
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsOptions {
  /** This node's private key and certificate, in PEM. */
  readonly key: string | Redacted.Redacted
  readonly cert: string
  /**
   * Authorities that sign the nodes' certificates, in PEM. If it is given, both sides must show a certificate; without
   * it the callee only, signed by an authority that the machine trusts.
   */
  readonly ca?: string | undefined
  /** The name that the nodes' certificates carry. Default: the host that is connected to. */
  readonly servername?: string | undefined
}

/**
 * Options, all optional.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Address to listen on. Default `127.0.0.1`: this machine only. Another needs a secret, or `tls.ca`. `POGO_RPC_HOST`. */
  readonly host?: string | undefined
  /** Port to listen on. Default 0: any that is free. `POGO_RPC_PORT`. */
  readonly port?: number | undefined
  /**
   * Host, or host and port, that other nodes are told. Default: what is bound; where all addresses are, the first that is
   * not the machine's own. `POGO_RPC_ADVERTISE`.
   */
  readonly advertise?: string | undefined
  /**
   * What the nodes of a scope share, at least 16 characters. Of a list, the first is used to call others, and all are
   * taken from them: to change it, add the new one everywhere, put it first everywhere, then remove the old one.
   * `POGO_RPC_SECRET`, separated by commas.
   */
  readonly secret?: string | Redacted.Redacted | ReadonlyArray<string | Redacted.Redacted> | undefined
  readonly tls?: TlsOptions | undefined
  /** Bytes that a message may have. The same on all nodes. Default 1 MiB. `POGO_RPC_MAX_FRAME`. */
  readonly maxFrame?: number | undefined
  /** How long the other side may take to prove itself. Default 5 seconds. */
  readonly authTimeout?: Duration.DurationInput | undefined
  /** How many connections are taken at a time. Default 512. */
  readonly connections?: number | undefined
}

const keyOf = ({ key }: TlsOptions): string => (typeof key === "string" ? key : Redacted.value(key))

const broken = (cause: unknown) => new Socket.SocketGenericError({ reason: "Open", cause })

/** Closes gently, then for good. */
const release = (duplex: Duplex): Effect.Effect<void> =>
  Effect.sync(() => {
    if (!duplex.destroyed) duplex.end(() => duplex.destroy())
  })

const tune = <A extends Net.Socket>(socket: A): A => {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 10_000)
  return socket
}

/** Opens a stream of bytes to an address. */
const dial = (address: string, { tls }: Settings): Effect.Effect<Net.Socket, ConnectFailure, Scope.Scope> => {
  const place = parseAddress(address)
  if (place === undefined) return Effect.fail(failure(`"${address}" is no address of this transport`))
  const { host, port, secure } = place
  if (secure !== (tls !== undefined)) {
    return Effect.fail(failure(secure ? "it uses TLS, this node does not" : "this node uses TLS, it does not"))
  }
  const open = (): Net.Socket =>
    tls === undefined
      ? Net.connect({ host, port })
      : Tls.connect({
        host,
        port,
        key: keyOf(tls),
        cert: tls.cert,
        ca: tls.ca,
        servername: tls.servername ?? nameOf(host)
      })
  return Effect.acquireRelease(
    Effect.async<Net.Socket, ConnectFailure>((resume) => {
      const socket = open()
      socket.on("error", (error) => resume(Effect.fail(failure(error.message))))
      socket.once(tls === undefined ? "connect" : "secureConnect", () => resume(Effect.succeed(tune(socket))))
      return Effect.sync(() => socket.destroy())
    }),
    release
  )
}

/** An address of numbers is no name. */
const nameOf = (host: string): string => (Net.isIP(host) === 0 ? host : "")

const within = <A, E, R>(settings: Settings, effect: Effect.Effect<A, E, R>, late: () => E) =>
  Effect.timeoutFail(effect, { duration: settings.authTimeout, onTimeout: late })

const makeConnect = (settings: Settings): NodeTransport["Type"]["connect"] => (self, address) =>
  Effect.gen(function*() {
    const duplex = yield* dial(address, settings)
    const link = new Link(duplex, address, settings.maxFrame)
    yield* link.open(yield* NodeSocket.fromDuplex(Effect.succeed(duplex)))
    yield* within(settings, greetAsCaller(link, self, settings.secrets), () => failure("it did not greet in time"))
    return link
  })

/**
 * The stream of bytes of a connection that was taken: encrypted, if the settings say so. The TLS server listens nowhere;
 * it is there because it checks certificates.
 */
const secured = (raw: Net.Socket, { tls }: Settings): Effect.Effect<Duplex, string, Scope.Scope> => {
  if (tls === undefined) return Effect.succeed(raw)
  const mutual = tls.ca !== undefined
  return Effect.acquireRelease(
    Effect.async<Duplex, string>((resume) => {
      const server = Tls.createServer({
        key: keyOf(tls),
        cert: tls.cert,
        ca: tls.ca,
        requestCert: mutual,
        rejectUnauthorized: mutual
      }, (socket) => {
        socket.on("error", () => {})
        resume(Effect.succeed(socket))
      })
      server.on("tlsClientError", (error) => resume(Effect.fail(error.message)))
      server.emit("connection", raw)
    }),
    release
  )
}

/** One connection that was taken: who is there must prove itself in time, or is gone. */
const accept = (
  settings: Settings,
  self: Identity,
  raw: Net.Socket,
  serve: (connection: Connection) => Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const remote = `${raw.remoteAddress ?? "?"}:${raw.remotePort ?? 0}`
    const greeted = Effect.gen(function*() {
      const duplex = yield* secured(tune(raw), settings)
      const link = new Link(duplex, remote, settings.maxFrame)
      yield* link.open(yield* NodeSocket.fromDuplex(Effect.mapError(Effect.succeed(duplex), broken)))
      yield* Effect.tapError(
        greetAsCallee(link, self, settings.secrets),
        (reason) => Effect.sync(() => link.end(reason))
      )
      return link
    })
    const link = yield* within(settings, greeted, () => "it did not prove itself in time")
    yield* serve(link)
  }).pipe(
    Effect.catchAll((reason) =>
      Effect.logDebug(`a connection from ${raw.remoteAddress ?? "?"} was refused: ${reason}`)
    ),
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => raw.destroySoon()))
  )

const makeListen = (settings: Settings): NodeTransport["Type"]["listen"] => (self, serve) =>
  Effect.gen(function*() {
    const { host, port } = settings
    const server = yield* Effect.mapError(NodeSocketServer.make({ host, port }), ({ cause }) =>
      new InvalidConfig({
        setting: "host and port",
        value: `${host}:${port}`,
        rule: `an address that can be bound (${String(cause)})`,
        remedy: "choose another port, or 0 for any that is free"
      }))
    let taken = 0
    const one = (raw: Net.Socket) =>
      Effect.suspend(() => {
        if (taken >= settings.connections) return Effect.sync(() => raw.destroy())
        taken++
        return Effect.ensuring(accept(settings, self, raw, serve), Effect.sync(() => taken--))
      })
    const handler = Effect.flatMap(NodeSocket.NetSocket, one) as Effect.Effect<void>
    yield* server.run(() => handler).pipe(Effect.ignoreLogged, Effect.forkScoped)
    const bound = server.address._tag === "TcpAddress" ? server.address.port : 0
    return formatAddress(settings.advertiseHost, settings.advertisePort || bound, settings.tls !== undefined)
  })

/**
 * The transport, with its options in code.
 *
 * @example
 * ```ts
 * import { GroupRegistry, PogoLive } from "effect-pogo"
 * import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
 * import { Layer } from "effect"
 *
 * export const SupervisorLive = PogoLive.pipe(
 *   Layer.provide(NodeTransportSocket.layer({ port: 7600 })),
 *   Layer.provide(GroupRegistry.layerMemory)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<NodeTransport, InvalidConfig> =>
  Layer.effect(
    NodeTransport,
    Effect.map(resolve(options), (settings) => ({ listen: makeListen(settings), connect: makeConnect(settings) }))
  )

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.withDefault(config as Config.Config<A | undefined>, undefined)

/**
 * What the environment may give.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.all({
  host: optional(Config.string("POGO_RPC_HOST")),
  port: optional(Config.integer("POGO_RPC_PORT")),
  advertise: optional(Config.string("POGO_RPC_ADVERTISE")),
  secret: optional(Config.array(Config.redacted(), "POGO_RPC_SECRET")),
  maxFrame: optional(Config.integer("POGO_RPC_MAX_FRAME"))
})

/**
 * The transport, with its options from `POGO_RPC_*`, and what is given here.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  overrides: Options = {}
): Layer.Layer<NodeTransport, InvalidConfig | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(config, (options) => {
    const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
    return layer({ ...options, ...given })
  }))
