/**
 * Options of the WebSocket transport: checked, and with defaults.
 *
 * @internal
 */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { validateHeaderName, validateHeaderValue } from "node:http"
import type { MountedOptions, Options } from "../../../NodeTransportWebSocket.js"
import { InvalidConfig } from "../../../PogoError.js"
import { checkPem, resolve, type Settings } from "../options.js"
import type { Place } from "../tcp.js"

/** What calling others needs. */
export interface CallSettings extends Settings {
  readonly headers: { readonly [name: string]: string }
  /** In PEM. */
  readonly trust: string | undefined
}

/** @internal */
export interface WebSettings extends CallSettings {
  readonly path: string
  /** What others are told; empty for what is bound. */
  readonly url: string
}

const refuse = (setting: string, value: string, rule: string, remedy: string): Either.Either<never, InvalidConfig> =>
  Either.left(new InvalidConfig({ setting, value, rule, remedy }))

const parsed = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined)

const checkUrl = (text: string): Either.Either<string, InvalidConfig> => {
  const remedy = "write it like wss://node-a.example.org/pogo"
  const url = parsed(text)
  if (url === undefined || !/^wss?:$/.test(url.protocol) || url.hash !== "") {
    return refuse("url", "(hidden)", "a url that begins with ws:// or wss://, without a fragment", remedy)
  }
  // Every node of the scope reads it.
  return url.username === "" && url.password === ""
    ? Either.right(url.href)
    : refuse("url", "(hidden)", "no user and no password", "give what a proxy wants to see as headers")
}

const checkPath = (path: string): Either.Either<string, InvalidConfig> =>
  /^\/[^\s?#]*$/.test(path)
    ? Either.right(path)
    : refuse("path", path, "a path that begins with /, without ? and #", "write it like /pogo")

const checkHeaders = (given: Options["headers"] = {}): Either.Either<CallSettings["headers"], InvalidConfig> => {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    const text = Redacted.isRedacted(value) ? Redacted.value(value) : value
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

const checkTrust = (trust: Options["trust"]): Either.Either<Options["trust"], InvalidConfig> =>
  Either.map(checkPem("trust", "certificates of authorities", { ca: trust }), () => trust)

const resolveCalls = (options: Options): Either.Either<CallSettings, InvalidConfig> =>
  Either.gen(function*() {
    const [settings, headers] = [yield* resolve(options), yield* checkHeaders(options.headers)]
    return { ...settings, headers, trust: yield* checkTrust(options.trust) }
  })

/** Of a node that opens a port of its own. */
export const resolveListening = (options: Options): Either.Either<WebSettings, InvalidConfig> =>
  Either.gen(function*() {
    const path = yield* checkPath(options.path ?? "/pogo")
    const url = options.url === undefined ? "" : yield* checkUrl(options.url)
    return { ...yield* resolveCalls(options), path, url }
  })

/** Of a node that is found in another server. Who can reach that is not known here. */
export const resolveMounted = (options: MountedOptions): Either.Either<WebSettings, InvalidConfig> =>
  Either.gen(function*() {
    const url = yield* checkUrl(options.url)
    const settings = yield* resolveCalls(options)
    if (settings.secrets.length === 0) {
      return yield* refuse("secret", "", "a transport in another server has one", "set the same secret on all nodes")
    }
    return { ...settings, path: "", url }
  })

/** What others are told. A url must lead to one node only, so it says which. */
export const formatUrl = (
  { advertiseHost, advertisePort, path, tls, url }: WebSettings,
  bound: number,
  node: string
) => {
  const host = advertiseHost.includes(":") ? `[${advertiseHost}]` : advertiseHost
  const own = `${tls === undefined ? "ws" : "wss"}://${host}:${advertisePort || bound}${path}`
  return `${url === "" ? own : url}#${encodeURIComponent(node)}`
}

/** Somewhere to call. */
export interface Target {
  readonly url: URL
  /** The node that is to answer there, if it is known. */
  readonly node: string | undefined
  readonly place: Place
}

const noUrl = (address: string): string =>
  `"${address}" is no address of this transport, whose addresses look like ws://10.0.0.7:7600/pogo; all nodes and ` +
  "clients of a scope use one transport"

/** Reads an address; a text says what is wrong with it. */
export const readTarget = (address: string, { tls, trust }: CallSettings): Either.Either<Target, string> => {
  const url = parsed(address)
  if (url === undefined || !/^wss?:$/.test(url.protocol)) {
    return Either.left(noUrl(address))
  }
  const secure = url.protocol === "wss:"
  if (!secure && tls !== undefined) return Either.left(`"${address}" does not use TLS, this side does`)
  return Either.try({
    try: () => ({
      url,
      node: url.hash === "" ? undefined : decodeURIComponent(url.hash.slice(1)),
      place: {
        host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: Number(url.port) || (secure ? 443 : 80),
        tls: secure ? tls ?? { ca: trust } : undefined
      }
    }),
    catch: () => noUrl(address)
  })
}
