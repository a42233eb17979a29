/**
 * Options of a Redis registry: checked, and with defaults.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Address, ClientOptions, Options, TlsOptions } from "../../GroupRegistryRedis.js"
import { InvalidConfig } from "../../PogoError.js"
import { parseUrl, type UrlParts } from "./url.js"

/** A host and a port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Where the server is. */
export type Place =
  | { readonly _tag: "Tcp"; readonly endpoint: Endpoint }
  | { readonly _tag: "Unix"; readonly path: string }
  | {
    readonly _tag: "Sentinel"
    readonly name: string
    readonly hosts: ReadonlyArray<Endpoint>
    readonly username: string | undefined
    readonly password: string | undefined
    readonly tls: TlsOptions | undefined
  }
  | { readonly _tag: "Cluster"; readonly nodes: ReadonlyArray<Endpoint>; readonly natMap: NatMap | undefined }

/** Addresses as nodes of a cluster tell them -> addresses that are reachable from here. */
export type NatMap = { readonly [address: string]: Endpoint }

/** What does not depend on the place. */
export interface Common {
  readonly keyPrefix: string
  /** Milliseconds. */
  readonly commandTimeout: number
  /** Milliseconds. */
  readonly connectTimeout: number
  readonly trust: boolean
  readonly connectionName: string
}

/** @internal */
export interface Settings extends Common {
  readonly place: Place
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: TlsOptions | undefined
}

const invalid = (setting: string, value: unknown, rule: string, remedy: string): InvalidConfig =>
  new InvalidConfig({ setting, value: String(value), rule, remedy })

/** Thrown inside of this module only. */
const fail = (setting: string, value: unknown, rule: string, remedy: string): never => {
  throw invalid(setting, value, rule, remedy)
}

const attempt = <A>(resolve: () => A): Either.Either<A, InvalidConfig> => {
  try {
    return Either.right(resolve())
  } catch (error) {
    if (error instanceof InvalidConfig) return Either.left(error)
    throw error
  }
}

const text = (value: string | Redacted.Redacted | undefined): string | undefined => {
  const plain = Redacted.isRedacted(value) ? Redacted.value(value) : value
  return plain === "" ? undefined : plain
}

const portOf = (setting: string, port: number | undefined, standard: number): number =>
  port === undefined || (Number.isInteger(port) && port > 0 && port < 65_536)
    ? port ?? standard
    : fail(setting, port, "a port is a whole number from 1 to 65535", `leave it out for ${standard}`)

const hostOf = (setting: string, host: string): string =>
  /^\S+$/.test(host) ? host : fail(setting, JSON.stringify(host), "a host is not empty", "give a name or an address")

const endpointsOf = (
  setting: string,
  addresses: ReadonlyArray<Address>,
  standard: number
): ReadonlyArray<Endpoint> =>
  addresses.length === 0
    ? fail(setting, "[]", "at least one address", "name as many as there are: one of them must be reachable")
    : addresses.map(({ host, port }) => ({
      host: hostOf(`${setting}.host`, host),
      port: portOf(`${setting}.port`, port, standard)
    }))

const millis = (setting: string, value: Duration.DurationInput | undefined, standard: number): number => {
  if (value === undefined) return standard
  const given = Option.match(Duration.decodeUnknown(value), { onNone: () => 0, onSome: Duration.toMillis })
  return given > 0 && Number.isFinite(given)
    ? Math.ceil(given)
    : fail(setting, value, "a finite duration above 0", `leave it out for ${standard} ms`)
}

const tlsOf = (tls: Options["tls"], url: UrlParts | undefined): TlsOptions | undefined => {
  if (tls === undefined) return url?.tls === true ? {} : undefined
  return tls === true ? {} : tls === false ? undefined : tls
}

const commonOf = (options: ClientOptions): Common => {
  const { connectionName = "effect-pogo", keyPrefix = "", onEmpty = "settle" } = options
  if (/[{}]/.test(keyPrefix)) {
    fail("keyPrefix", keyPrefix, "no braces", "leave them out: the keys of a scope have a hash tag of their own")
  }
  if (!/^[\x21-\x7e]+$/.test(connectionName)) {
    fail("connectionName", connectionName, "visible ASCII characters only", "use letters, digits, and hyphens")
  }
  if (onEmpty !== "settle" && onEmpty !== "trust") {
    fail("onEmpty", onEmpty, "\"settle\" or \"trust\"", "leave it out in production")
  }
  return {
    keyPrefix,
    connectionName,
    trust: onEmpty === "trust",
    commandTimeout: millis("commandTimeout", options.commandTimeout, 2_000),
    connectTimeout: millis("connectTimeout", options.connectTimeout, 3_000)
  }
}

/** At most one way of saying where the server is. */
const onePlace = (options: Options): void => {
  const { cluster, host, path, port, sentinels, url } = options
  const ways = { url, host: host ?? port, path, sentinels, cluster }
  const given = Object.entries(ways).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (given.length > 1) {
    fail(given.join(", "), "given together", "one way of naming the server", `keep one of ${given.join(", ")}`)
  }
}

const placeOf = (options: Options, url: UrlParts | undefined): Place => {
  const { cluster, sentinels } = options
  if (sentinels !== undefined) {
    if (sentinels.name === "") fail("sentinels.name", "\"\"", "not empty", "give the name of the primary's group")
    return {
      _tag: "Sentinel",
      name: sentinels.name,
      hosts: endpointsOf("sentinels.hosts", sentinels.hosts, 26_379),
      username: text(sentinels.username),
      password: text(sentinels.password),
      tls: tlsOf(sentinels.tls, undefined)
    }
  }
  if (cluster !== undefined) {
    const natMap = cluster.natMap === undefined ? undefined : Object.fromEntries(
      Object.entries(cluster.natMap).map(([from, to]) => [from, endpointsOf("cluster.natMap", [to], 6_379)[0]!])
    )
    return { _tag: "Cluster", nodes: endpointsOf("cluster.nodes", cluster.nodes, 6_379), natMap }
  }
  const path = options.path ?? url?.path
  if (path !== undefined) return { _tag: "Unix", path: hostOf("path", path) }
  const host = hostOf("host", url?.host ?? options.host ?? "127.0.0.1")
  return { _tag: "Tcp", endpoint: { host, port: portOf("port", url?.port ?? options.port, 6_379) } }
}

const dbOf = (db: number, place: Place): number => {
  if (!Number.isInteger(db) || db < 0) fail("db", db, "a whole number from 0 on", "leave it out for 0")
  if (db !== 0 && place._tag === "Cluster") fail("db", db, "a cluster has only database 0", "use keyPrefix instead")
  return db
}

/** Checks options. Values of secrets are never part of the error. */
export const resolve = (options: Options): Either.Either<Settings, InvalidConfig> =>
  attempt(() => {
    onePlace(options)
    const given = text(options.url)
    if (options.url !== undefined && given === undefined) fail("url", "\"\"", "not empty", "redis://host:port/db")
    const url = given === undefined ? undefined : parseUrl(given, fail)
    const place = placeOf(options, url)
    return {
      ...commonOf(options),
      place,
      db: dbOf(options.db ?? url?.db ?? 0, place),
      username: text(options.username) ?? url?.username,
      password: text(options.password) ?? url?.password,
      tls: tlsOf(options.tls, url)
    }
  })

/** Checks what is said of a given client. */
export const resolveCommon = (options: ClientOptions): Either.Either<Common, InvalidConfig> =>
  attempt(() => commonOf(options))

const joined = ({ host, port }: Endpoint): string => `${host.includes(":") ? `[${host}]` : host}:${port}`

/** Where the data is, in the form of a URL without secrets. */
export const describe = ({ db, place, tls }: Pick<Settings, "db" | "place" | "tls">): string => {
  const scheme = tls === undefined ? "redis" : "rediss"
  switch (place._tag) {
    case "Tcp":
      return `${scheme}://${joined(place.endpoint)}/${db}`
    case "Unix":
      return `unix://${place.path}?db=${db}`
    case "Sentinel":
      return `${scheme}+sentinel://${place.hosts.map(joined).join(",")}/${place.name}/${db}`
    case "Cluster":
      return `${scheme}+cluster://${place.nodes.map(joined).join(",")}`
  }
}

/** What must never be logged. */
export const secretsOf = ({ password, place }: Pick<Settings, "password" | "place">): ReadonlyArray<string> =>
  [password, place._tag === "Sentinel" ? place.password : undefined]
    .flatMap((secret) => (secret === undefined ? [] : [secret, encodeURIComponent(secret)]))
