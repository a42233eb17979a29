/**
 * Nodes that reach each other over TCP, or TLS: one connection each way between two nodes, MessagePack in frames.
 *
 * Needs `@effect/platform-node` and `@effect/rpc` beside this package.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { optional, optionalText, overridden } from "./internal/runtime/configOptions.js"
import { failure } from "./internal/transport/authenticate.js"
import { callAt, openPort } from "./internal/transport/listener.js"
import { formatAddress, noAddress, parseAddress, resolve, type Settings } from "./internal/transport/options.js"
import { dial, type Place, secured, tune } from "./internal/transport/tcp.js"
import { NodeTransport } from "./NodeTransport.js"
import type { InvalidConfig } from "./PogoError.js"

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

const placeOf = (address: string, tls: TlsOptions | undefined): Either.Either<Place, string> => {
  const place = parseAddress(address)
  if (place === undefined) return Either.left(noAddress(address))
  const { host, port, secure } = place
  return secure === (tls !== undefined)
    ? Either.right({ host, port, tls })
    : Either.left(`"${address}" ${secure ? "uses TLS, this side does not" : "does not use TLS, this side does"}`)
}

const connectWith = (settings: Settings): NodeTransport["Type"]["connect"] => (self, address) =>
  Either.match(placeOf(address, settings.tls), {
    onLeft: (problem) => Effect.fail(failure(problem)),
    onRight: (place) => callAt(settings, self, address, dial(place))
  })

const listenWith = (settings: Settings): NodeTransport["Type"]["listen"] => (self, serve) => {
  const { advertiseHost, advertisePort, tls } = settings
  return Effect.map(
    openPort(settings, self, serve, (raw) => secured(tune(raw), tls)),
    (bound) => formatAddress(advertiseHost, advertisePort || bound, tls !== undefined)
  )
}

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
    Effect.map(resolve(options), (settings) => ({
      listen: listenWith(settings),
      connect: connectWith(settings)
    }))
  )

/**
 * What the environment may give.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.all({
  host: optionalText("POGO_RPC_HOST"),
  port: optional(Config.integer("POGO_RPC_PORT")),
  advertise: optionalText("POGO_RPC_ADVERTISE"),
  secret: optional(Config.map(Config.array(Config.redacted(), "POGO_RPC_SECRET"), (secrets) => {
    const given = secrets.filter((secret) => Redacted.value(secret) !== "")
    // None at all is a mistake, and is told as one: it must not pass for a node without a secret.
    return given.length === 0 ? secrets : given
  })),
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
  Layer.unwrapEffect(Effect.map(config, (options) => layer(overridden(options, overrides))))
