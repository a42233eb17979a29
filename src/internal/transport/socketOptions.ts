/**
 * Options of the socket transports: their types, checks and defaults, and the addresses that nodes tell one another.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { validateHeaderName, validateHeaderValue } from "node:http"
import { isIP } from "node:net"
import * as os from "node:os"
import { createSecureContext } from "node:tls"
import { InvalidConfig } from "../../PogoError.js"

/**
 * Encryption of the connections between nodes. All nodes and clients of a scope use it, or none.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeTlsOptions {
  /** This node's private key, in PEM. */
  readonly key: string | Redacted.Redacted
  /** This node's certificate, in PEM. */
  readonly cert: string
  /**
   * The authorities that sign the nodes' certificates, in PEM. With it both sides must present a certificate. Default:
   * only the side that listens presents one, signed by an authority that the machine trusts.
   */
  readonly ca?: string | undefined
  /** The name in the nodes' certificates. Default: the host that is connected to. */
  readonly servername?: string | undefined
}

/**
 * Options of `NodeTransportSocket`, all optional.
 *
 * @since 0.1.0
 * @category models
 */
export interface SocketOptions {
  /**
   * The address to listen on. Default `127.0.0.1`, this machine only; any other needs a `secret` or `tls.ca`.
   * `POGO_RPC_HOST`.
   */
  readonly host?: string | undefined
  /** The port to listen on. Default 0, any free one. `POGO_RPC_PORT`. */
  readonly port?: number | undefined
  /**
   * The host, or host and port, that other nodes connect to, such as `10.0.0.7:7600`. Default: what is bound; for
   * `0.0.0.0` and `::`, the machine's first IPv4 address that is not a loopback one. `POGO_RPC_ADVERTISE`.
   */
  readonly advertise?: string | undefined
  /**
   * The secret that all nodes and clients of a scope share, at least 16 characters. Of a list, the first is used to
   * connect to others, and each is accepted from them: to rotate a secret, add the new one everywhere, put it first
   * everywhere, then remove the old one. Default: none. `POGO_RPC_SECRET`, separated by commas.
   */
  readonly secret?: string | Redacted.Redacted | ReadonlyArray<string | Redacted.Redacted> | undefined
  /** Encryption. Default: none. */
  readonly tls?: NodeTlsOptions | undefined
  /**
   * The largest message, bytes: 1 KiB to 64 MiB, the same on all nodes. A larger call or answer fails with
   * `PayloadTooLarge`. Default 1 MiB. `POGO_RPC_MAX_FRAME`.
   */
  readonly maxFrame?: number | undefined
  /** How long connecting may take, TLS and the proof of the secret included. Default 5 seconds. */
  readonly authTimeout?: Duration.DurationInput | undefined
  /** The number of connections that are accepted at a time. Default 512. */
  readonly connections?: number | undefined
}

/**
 * Options that all WebSocket transports have, all optional.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebSocketCallOptions
  extends Pick<SocketOptions, "secret" | "maxFrame" | "authTimeout" | "connections">
{
  /** Headers of each request for a WebSocket, for a proxy that asks for them. Default: none. */
  readonly headers?: { readonly [name: string]: string | Redacted.Redacted } | undefined
  /**
   * The authorities that sign the certificates at `wss://` addresses, in PEM, where a proxy presents them. Default: those
   * that the machine trusts.
   */
  readonly trust?: string | undefined
}

/**
 * Options of `NodeTransportWebSocket.layer`, all optional.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebSocketOptions
  extends WebSocketCallOptions, Pick<SocketOptions, "host" | "port" | "advertise" | "tls">
{
  /** The path at which upgrades are accepted. Default `/pogo`. `POGO_RPC_PATH`. */
  readonly path?: string | undefined
  /**
   * The whole url that other nodes connect to, `ws://` or `wss://`, where a proxy stands before this node. It must lead
   * to this node only. Default: what is bound or advertised. `POGO_RPC_URL`.
   */
  readonly url?: string | undefined
}

/**
 * Options of `NodeTransportWebSocket.layerMounted`. A `secret` is required.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebSocketMountOptions extends WebSocketCallOptions {
  /** The whole url that other nodes connect to, `ws://` or `wss://`. It must lead to this node only. */
  readonly url: string
}

/** Checked options of a port. */
export interface SocketSettings {
  readonly host: string
  readonly port: number
  /** The host that others connect to. */
  readonly advertiseHost: string
  /** The port that others connect to; 0 for the one that is bound. */
  readonly advertisePort: number
  readonly secrets: ReadonlyArray<string>
  readonly tls: NodeTlsOptions | undefined
  /** Bytes. */
  readonly maxFrame: number
  /** Milliseconds. */
  readonly authTimeout: number
  readonly connections: number
}

/** Checked options of connecting by WebSocket. */
export interface WebSocketCallSettings extends SocketSettings {
  readonly headers: { readonly [name: string]: string }
  /** In PEM. */
  readonly trust: string | undefined
}

/** Checked options of a WebSocket transport. */
export interface WebSocketSettings extends WebSocketCallSettings {
  readonly path: string
  /** The url that others connect to; empty for what is bound. */
  readonly url: string
}

const defaults = {
  host: "127.0.0.1",
  port: 0,
  maxFrame: 1024 * 1024,
  authTimeout: 5_000,
  connections: 512,
  path: "/pogo"
}

const refuse = (setting: string, value: unknown, rule: string, remedy: string): Either.Either<never, InvalidConfig> =>
  Either.left(new InvalidConfig({ setting, value: String(value), rule, remedy }))

const checkInteger = (
  setting: string,
  value: number,
  min: number,
  max: number
): Either.Either<number, InvalidConfig> =>
  Number.isInteger(value) && value >= min && value <= max
    ? Either.right(value)
    : refuse(setting, value, `a whole number from ${min} to ${max}`, "leave it out for the default")

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/

const wildcards = new Set(["0.0.0.0", "::", ""])

/** The machine's first address that other machines may reach. */
const ownAddress = (): string | undefined => {
  const all = Object.values(os.networkInterfaces()).flatMap((list) => list ?? [])
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address
}

/** The host to advertise for one that is bound. */
const advertisedHost = (host: string): Either.Either<string, InvalidConfig> => {
  if (!wildcards.has(host)) return Either.right(host)
  const own = ownAddress()
  return own === undefined
    ? refuse("advertise", "", "an address that other nodes can reach", "set POGO_RPC_ADVERTISE")
    : Either.right(own)
}

const parseAdvertise = (
  text: string
): Either.Either<{ readonly host: string; readonly port: number }, InvalidConfig> => {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text)
  const bare = isIP(text) === 6 ? text : undefined
  const host = bare ?? match?.[1] ?? match?.[2]
  const port = bare === undefined ? Number(match?.[3] ?? 0) : 0
  return host === undefined || port > 65_535
    ? refuse("advertise", text, "host, host:port or [host]:port", "write it like 10.0.0.7:7600")
    : Either.right({ host, port })
}

/** The text of a value that may be redacted. */
export const textOf = (
  text: string | Redacted.Redacted
): string => (Redacted.isRedacted(text) ? Redacted.value(text) : text)

const checkSecrets = (input: SocketOptions["secret"]): Either.Either<ReadonlyArray<string>, InvalidConfig> => {
  const list = input === undefined ? [] : Array.isArray(input) ? input : [input]
  const secrets = list.map(textOf)
  return secrets.every((secret) => typeof secret === "string" && secret.length >= 16)
    ? Either.right(secrets)
    : refuse("secret", "<redacted>", "at least 16 characters", "make one like this: openssl rand -hex 32")
}

/** A port that other machines reach needs a secret or certificates: whoever is connected may call every child. */
const checkExposure = (
  host: string,
  secrets: ReadonlyArray<string>,
  tls: NodeTlsOptions | undefined
): Either.Either<void, InvalidConfig> =>
  loopback.test(host) || secrets.length > 0 || tls?.ca !== undefined
    ? Either.right(undefined)
    : refuse(
      "host",
      host,
      "a port that others can reach has a secret, or asks for certificates",
      "set POGO_RPC_SECRET to the same secret on all nodes, or give tls with a ca"
    )

/** Checks keys and certificates when the layer is built: else they would fail at the first connection. */
const checkPem = (
  setting: string,
  what: string,
  { ca, cert, key }: { readonly key?: string; readonly cert?: string; readonly ca?: string | undefined }
): Either.Either<void, InvalidConfig> =>
  Either.try({
    try: () => {
      // Node takes text without any PEM block for an empty list.
      const given = [key, cert, ca].filter((text) => text !== undefined)
      if (!given.every((text) => text.includes("-----BEGIN "))) throw new Error("it is no PEM")
      createSecureContext({ key, cert, ca })
    },
    catch: (error) =>
      new InvalidConfig({
        setting,
        value: "<redacted>",
        rule: `${what}, in PEM (${String(error)})`,
        remedy: "give the contents of the files, not their names"
      })
  })

const checkTls = (tls: NodeTlsOptions | undefined): Either.Either<NodeTlsOptions | undefined, InvalidConfig> => {
  if (tls === undefined) return Either.right(tls)
  const { ca, cert, key } = tls
  const what = "a key, its certificate, and certificates of authorities"
  return Either.map(checkPem("tls", what, { key: textOf(key), cert, ca }), () => tls)
}

const checkTimeout = (input: Duration.DurationInput): Either.Either<number, InvalidConfig> =>
  Duration.decodeUnknown(input).pipe(
    Option.map(Duration.toMillis),
    Option.filter((millis) => Number.isFinite(millis) && millis > 0),
    Option.match({
      onSome: Either.right,
      onNone: () => refuse("authTimeout", input, "a duration above 0, and finite", "write it like \"5 seconds\"")
    })
  )

/** Checks the options of a port, and applies defaults. */
export const resolveSocketOptions = (options: SocketOptions): Either.Either<SocketSettings, InvalidConfig> =>
  Either.gen(function*() {
    const host = options.host ?? defaults.host
    const secrets = yield* checkSecrets(options.secret)
    yield* checkExposure(host, secrets, options.tls)
    const advertised = options.advertise === undefined
      ? { host: yield* advertisedHost(host), port: 0 }
      : yield* parseAdvertise(options.advertise)
    return {
      host,
      port: yield* checkInteger("port", options.port ?? defaults.port, 0, 65_535),
      advertiseHost: advertised.host,
      advertisePort: advertised.port,
      secrets,
      tls: yield* checkTls(options.tls),
      maxFrame: yield* checkInteger("maxFrame", options.maxFrame ?? defaults.maxFrame, 1_024, 64 * 1024 * 1024),
      authTimeout: yield* checkTimeout(options.authTimeout ?? defaults.authTimeout),
      connections: yield* checkInteger("connections", options.connections ?? defaults.connections, 1, 65_535)
    }
  })

const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined)

/** Checks a url to advertise. It is published in the registry, so it must hold no credentials. */
const checkUrl = (text: string): Either.Either<string, InvalidConfig> => {
  const url = urlOf(text)
  if (url === undefined || !/^wss?:$/.test(url.protocol) || url.hash !== "") {
    const remedy = "write it like wss://node-a.example.org/pogo"
    return refuse("url", "(hidden)", "a url that begins with ws:// or wss://, without a fragment", remedy)
  }
  return url.username === "" && url.password === ""
    ? Either.right(url.href)
    : refuse("url", "(hidden)", "no user and no password", "give what a proxy wants to see as headers")
}

const checkPath = (path: string): Either.Either<string, InvalidConfig> =>
  /^\/[^\s?#]*$/.test(path)
    ? Either.right(path)
    : refuse("path", path, "a path that begins with /, without ? and #", "write it like /pogo")

const checkHeaders = (
  given: WebSocketCallOptions["headers"] = {}
): Either.Either<WebSocketCallSettings["headers"], InvalidConfig> => {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    const text = textOf(value)
    try {
      validateHeaderName(name)
      validateHeaderValue(name, text)
    } catch {
      return refuse("headers", name, "names and values that HTTP allows", "leave out what is none")
    }
    headers[name] = text
  }
  return Either.right(headers)
}

const resolveCallOptions = (options: WebSocketOptions): Either.Either<WebSocketCallSettings, InvalidConfig> =>
  Either.gen(function*() {
    const settings = yield* resolveSocketOptions(options)
    const headers = yield* checkHeaders(options.headers)
    yield* checkPem("trust", "certificates of authorities", { ca: options.trust })
    return { ...settings, headers, trust: options.trust }
  })

/** Checks the options of a WebSocket port, and applies defaults. */
export const resolveWebSocketOptions = (options: WebSocketOptions): Either.Either<WebSocketSettings, InvalidConfig> =>
  Either.gen(function*() {
    const path = yield* checkPath(options.path ?? defaults.path)
    const url = options.url === undefined ? "" : yield* checkUrl(options.url)
    return { ...yield* resolveCallOptions(options), path, url }
  })

/** Checks the options of a mounted transport. Who reaches the server is unknown here, so a secret is required. */
export const resolveMountOptions = (options: WebSocketMountOptions): Either.Either<WebSocketSettings, InvalidConfig> =>
  Either.gen(function*() {
    const url = yield* checkUrl(options.url)
    const settings = yield* resolveCallOptions(options)
    if (settings.secrets.length === 0) {
      return yield* refuse("secret", "", "a transport in another server has one", "set the same secret on all nodes")
    }
    return { ...settings, path: "", url }
  })

/** Where to open a socket, and how. `tls`: with encryption. */
export interface SocketEndpoint {
  readonly host: string
  readonly port: number
  readonly tls: Partial<NodeTlsOptions> | undefined
}

/** The address that others connect to, such as `tcp://10.0.0.7:7600`. */
export const formatAddress = (host: string, port: number, secure: boolean): string =>
  `${secure ? "tls" : "tcp"}://${host.includes(":") ? `[${host}]` : host}:${port}`

/** Parses an address of `formatAddress`, or says what is wrong with it. `tls`: this side's encryption. */
export const parseAddress = (
  address: string,
  tls: NodeTlsOptions | undefined
): Either.Either<SocketEndpoint, string> => {
  const match = /^(tcp|tls):\/\/(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address)
  const host = match?.[2] ?? match?.[3]
  if (match === null || host === undefined) {
    return Either.left(
      `"${address}" is no address of this transport, whose addresses look like tcp://10.0.0.7:7600; all nodes and ` +
        "clients of a scope use one transport"
    )
  }
  const secure = match[1] === "tls"
  return secure === (tls !== undefined)
    ? Either.right({ host, port: Number(match[4]), tls })
    : Either.left(`"${address}" ${secure ? "uses TLS, this side does not" : "does not use TLS, this side does"}`)
}

/** The url that others connect to. Its fragment is the node's name, since the url must lead to that node only. */
export const formatUrl = (
  { advertiseHost, advertisePort, path, tls, url }: WebSocketSettings,
  bound: number,
  node: string
): string => {
  const host = advertiseHost.includes(":") ? `[${advertiseHost}]` : advertiseHost
  const own = `${tls === undefined ? "ws" : "wss"}://${host}:${advertisePort || bound}${path}`
  return `${url === "" ? own : url}#${encodeURIComponent(node)}`
}

/** A parsed url of `formatUrl`. */
export interface WebSocketEndpoint {
  readonly url: URL
  /** The node that must answer there; `undefined` in a url without a fragment. */
  readonly node: string | undefined
  readonly endpoint: SocketEndpoint
}

const noUrl = (address: string): string =>
  `"${address}" is no address of this transport, whose addresses look like ws://10.0.0.7:7600/pogo; all nodes and ` +
  "clients of a scope use one transport"

/** Parses a url of `formatUrl`, or says what is wrong with it. */
export const parseUrl = (
  address: string,
  { tls, trust }: WebSocketCallSettings
): Either.Either<WebSocketEndpoint, string> => {
  const url = urlOf(address)
  if (url === undefined || !/^wss?:$/.test(url.protocol)) return Either.left(noUrl(address))
  const secure = url.protocol === "wss:"
  if (!secure && tls !== undefined) return Either.left(`"${address}" does not use TLS, this side does`)
  return Either.try({
    try: () => ({
      url,
      node: url.hash === "" ? undefined : decodeURIComponent(url.hash.slice(1)),
      endpoint: {
        host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: Number(url.port) || (secure ? 443 : 80),
        tls: secure ? tls ?? { ca: trust } : undefined
      }
    }),
    catch: () => noUrl(address)
  })
}
