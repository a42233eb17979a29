/**
 * Options of a Redis registry: their types, their rules, and the settings that follow from them.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { InvalidConfig } from "../../PogoError.js"

/**
 * Address of a server: a host, and its port unless that is the usual one.
 *
 * @example
 * ```ts
 * import type * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 *
 * export const seeds: ReadonlyArray<GroupRegistryRedis.Address> = [{ host: "redis-1" }, { host: "redis-2", port: 7000 }]
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisAddress {
  /** Name or address of the server. */
  readonly host: string
  /** Port of the server. Default 6379, for a Sentinel 26379. */
  readonly port?: number | undefined
}

/**
 * Text that no message shows.
 *
 * @since 0.2.0
 * @category models
 */
export type RedisSecret = string | Redacted.Redacted

/**
 * A user name or password: the text itself; or an Effect (a `Config` is one), or a function that gives the text, a promise
 * or an Effect of it. An Effect or a function is asked before every attempt to connect: for passwords that are rotated,
 * and for tokens that expire. It has `connectTimeout` to answer; while it fails nothing connects, and it is asked again.
 *
 * @example
 * ```ts
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { Effect, Redacted } from "effect"
 * import { readFile } from "node:fs/promises"
 *
 * // A mounted secret, read anew whenever a connection is made.
 * const password: GroupRegistryRedis.SecretSource = Effect.map(
 *   Effect.tryPromise(() => readFile("/run/secrets/redis-password", "utf8")),
 *   (text) => Redacted.make(text.trim())
 * )
 *
 * export const RegistryLive = GroupRegistryRedis.layer({ host: "redis.internal", username: "pogo", password })
 * ```
 *
 * @since 0.2.0
 * @category models
 */
export type RedisSecretSource =
  | RedisSecret
  | Effect.Effect<RedisSecret, unknown>
  | (() => RedisSecret | PromiseLike<RedisSecret> | Effect.Effect<RedisSecret, unknown>)

/**
 * Details of TLS, as Node's `tls.connect` takes them.
 *
 * @example
 * ```ts
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { readFileSync } from "node:fs"
 *
 * const tls: GroupRegistryRedis.TlsOptions = { ca: readFileSync("/etc/ssl/redis-ca.pem") }
 *
 * export const RegistryLive = GroupRegistryRedis.layer({ host: "redis.internal", tls })
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisTlsOptions {
  /** Certificates of the authorities to trust, as PEM. Default: those that Node trusts. */
  readonly ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array> | undefined
  /** Certificate of this client, as PEM. */
  readonly cert?: string | Uint8Array | undefined
  /** Private key of this client's certificate, as PEM. */
  readonly key?: string | Uint8Array | undefined
  /** Name that the server's certificate must have. Default: the host. */
  readonly servername?: string | undefined
  /** Whether the server's certificate is checked. Default `true`. */
  readonly rejectUnauthorized?: boolean | undefined
}

/**
 * Options of a registry that connects as a given client does: everything but the server's address.
 *
 * @example
 * ```ts
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { Redis } from "ioredis"
 *
 * const options: GroupRegistryRedis.ClientOptions = { keyPrefix: "app:", commandTimeout: "1 second" }
 *
 * export const RegistryLive = GroupRegistryRedis.layerClient(new Redis({ lazyConnect: true }), options)
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisClientOptions {
  /**
   * Prefix of all keys and channels, before `pogo1:`. Default none. Registries of other prefixes share nothing; no
   * braces, since the keys of a scope have a hash tag of their own.
   */
  readonly keyPrefix?: string | undefined
  /**
   * Time limit of one command. Default 2 seconds. A connection on which nothing comes back for twice as long is closed
   * and opened again. Keep it well below the supervisor's `ttl`, whose own `commandTimeout` decides when a call counts
   * as failed.
   */
  readonly commandTimeout?: Duration.DurationInput | undefined
  /** Time limit of one attempt to connect. Default 3 seconds; keep it well below the supervisor's `ttl`. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * Policy for a scope that holds no data at all. `"settle"` (the default) waits one `ttl` before it grants claims,
   * since the data may have been lost: once in a scope's life. `"trust"` takes it for a new scope: for tests and demos.
   */
  readonly onEmpty?: "settle" | "trust" | undefined
  /** Name of the connections in `CLIENT LIST`, before `:tick`, `:work` and `:wake`. Default `"effect-pogo"`. */
  readonly connectionName?: string | undefined
}

/**
 * Options of a Redis registry. The server is named in one of five ways: `url`; `host` and `port`; `path`; `sentinels`;
 * `cluster`. Without any it is 127.0.0.1:6379.
 *
 * @example
 * ```ts
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { Redacted } from "effect"
 *
 * const options: GroupRegistryRedis.Options = {
 *   sentinels: { name: "main", hosts: [{ host: "sentinel-1" }, { host: "sentinel-2" }, { host: "sentinel-3" }] },
 *   password: Redacted.make("secret"),
 *   keyPrefix: "app:"
 * }
 *
 * export const RegistryLive = GroupRegistryRedis.layer(options)
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisOptions extends RedisClientOptions {
  /**
   * Address as a URL: `redis://user:password@host:port/db`, `rediss://...` for TLS, or `unix:///path`. All parts but the
   * scheme are optional. An option of its own goes before the part of the URL.
   */
  readonly url?: string | Redacted.Redacted | undefined
  /** Name or address of the server. */
  readonly host?: string | undefined
  /** Port of the server. Default 6379. */
  readonly port?: number | undefined
  /** Path of the server's Unix socket. */
  readonly path?: string | undefined
  /** Number of the database. Default 0. */
  readonly db?: number | undefined
  /** Name of the user, or where to ask for it. Default: the server's default user. */
  readonly username?: RedisSecretSource | undefined
  /**
   * Password of the user, or where to ask for it at every connection. Never logged. In a cluster its nodes are asked for
   * it when the cluster is connected to, and after a node refused it. The Sentinels' own password is fixed.
   */
  readonly password?: RedisSecretSource | undefined
  /** Encryption: `true`, or its details. Default: what the URL's scheme says, else none. */
  readonly tls?: boolean | RedisTlsOptions | undefined
  /** Sentinels that are asked for the primary. */
  readonly sentinels?: {
    /** Name under which the Sentinels know the primary and its replicas. */
    readonly name: string
    /** Addresses of the Sentinels; their usual port is 26379. */
    readonly hosts: ReadonlyArray<RedisAddress>
    /** Name of the user at the Sentinels themselves. Default none. */
    readonly username?: string | undefined
    /** Password at the Sentinels themselves. Default none. */
    readonly password?: string | Redacted.Redacted | undefined
    /** Encryption towards the Sentinels themselves. Default none. */
    readonly tls?: boolean | RedisTlsOptions | undefined
  } | undefined
  /** Redis Cluster. */
  readonly cluster?: {
    /** Addresses of some of its nodes; the others are discovered. */
    readonly nodes: ReadonlyArray<RedisAddress>
    /** Translation of addresses: as the nodes announce them (`host:port`) -> as they are reached. Default none. */
    readonly natMap?: { readonly [address: string]: RedisAddress } | undefined
  } | undefined
}

/** A host and a port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Where the server is. */
export type ServerPlace =
  | { readonly _tag: "Tcp"; readonly endpoint: Endpoint }
  | { readonly _tag: "Unix"; readonly path: string }
  | {
    readonly _tag: "Sentinel"
    readonly name: string
    readonly hosts: ReadonlyArray<Endpoint>
    readonly username: string | undefined
    readonly password: string | undefined
    readonly tls: RedisTlsOptions | undefined
  }
  | { readonly _tag: "Cluster"; readonly nodes: ReadonlyArray<Endpoint>; readonly natMap: NatMap | undefined }

/** Addresses as nodes of a cluster announce them -> addresses as they are reached. */
export type NatMap = { readonly [address: string]: Endpoint }

/** Settings that do not depend on the server's place. Times in milliseconds. */
export interface CommonSettings {
  readonly keyPrefix: string
  readonly commandTimeout: number
  readonly connectTimeout: number
  /** Whether a wholly empty data set is taken for a new one. */
  readonly trust: boolean
  readonly connectionName: string
}

/** Settings of a Redis registry: its options, checked and with defaults. */
export interface RedisSettings extends CommonSettings {
  readonly place: ServerPlace
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  /** What is asked for before every attempt to connect, instead of the two above. */
  readonly asked?: Pick<RedisOptions, "username" | "password"> | undefined
  readonly tls: RedisTlsOptions | undefined
}

const invalid = (setting: string, value: unknown, rule: string, remedy: string): InvalidConfig =>
  new InvalidConfig({ setting, value: String(value), rule, remedy })

/** Throws within this module; `attempt` catches. */
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

const isAsked = (source: RedisSecretSource | undefined): source is Exclude<RedisSecretSource, RedisSecret> =>
  typeof source === "function" || (Effect.isEffect(source) && !Redacted.isRedacted(source))

const text = (value: RedisSecretSource | undefined): string | undefined => {
  if (isAsked(value)) return undefined
  const plain = Redacted.isRedacted(value) ? Redacted.value(value) : value
  return plain === "" ? undefined : plain
}

// URLs.

/** Parts of a server's URL. */
interface UrlParts {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly path: string | undefined
  readonly db: number | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: boolean
}

const urlRule = "redis://[user:password@]host[:port][/db], rediss:// for TLS, or unix:///path[?db=0]"

const urlRemedy = "percent-encode special characters of user and password, or give them as options"

/** What to do about a url that is none. It repeats nothing of it. */
const remedyOf = (url: string): string => {
  if (!url.includes("://")) return `begin it with redis:// or rediss://; ${urlRemedy}`
  const port = /:(\d+)(?:\/[^@]*)?$/.exec(url)?.[1]
  return port !== undefined && Number(port) > 65_535 ? `its port is above 65535; ${urlRemedy}` : urlRemedy
}

const decoded = (value: string): string | undefined => {
  try {
    return value === "" ? undefined : decodeURIComponent(value)
  } catch {
    return fail("url", "(hidden)", urlRule, urlRemedy)
  }
}

const dbOfUrl = (value: string): number | undefined =>
  value === ""
    ? undefined
    : /^\d{1,9}$/.test(value)
    ? Number(value)
    : fail("url", "(hidden)", urlRule, `the path is the database's number; ${urlRemedy}`)

/** Parses a URL. An error repeats nothing of it, since any part may be a password that is not encoded. */
const parseUrl = (value: string): UrlParts => {
  const whole = value.startsWith("/") ? `unix://${value}` : value
  if (!URL.canParse(whole)) return fail("url", "(hidden)", urlRule, remedyOf(whole))
  const { hash, hostname, password, pathname, port, protocol, searchParams, username } = new URL(whole)
  if (protocol !== "redis:" && protocol !== "rediss:" && protocol !== "unix:") {
    return fail("url", `${protocol}(hidden)`, urlRule, "use one of these schemes")
  }
  const isUnix = protocol === "unix:"
  const query = searchParams.get("db") ?? ""
  const namesDbTwice = !isUnix && pathname.length > 1 && query !== ""
  const hasHost = isUnix && hostname !== ""
  if (Array.from(searchParams.keys()).some((name) => name !== "db") || hash !== "" || namesDbTwice || hasHost) {
    fail("url", "(hidden)", urlRule, `give everything else as options; ${urlRemedy}`)
  }
  return {
    host: isUnix ? undefined : decoded(hostname.replace(/^\[(.*)\]$/, "$1")),
    port: port === "" ? undefined : Number(port),
    path: isUnix ? decoded(pathname) : undefined,
    db: dbOfUrl(isUnix ? query : pathname.slice(1) || query),
    username: decoded(username),
    password: decoded(password),
    tls: protocol === "rediss:"
  }
}

// Single settings.

const portOf = (setting: string, port: number | undefined, standard: number): number =>
  port === undefined || (Number.isInteger(port) && port > 0 && port < 65_536)
    ? port ?? standard
    : fail(setting, port, "a port is a whole number from 1 to 65535", `leave it out for ${standard}`)

const hostOf = (setting: string, host: string): string =>
  /^\S+$/.test(host) ? host : fail(setting, JSON.stringify(host), "a host is not empty", "give a name or an address")

const endpointsOf = (
  setting: string,
  addresses: ReadonlyArray<RedisAddress>,
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

const tlsOf = (tls: RedisOptions["tls"], url: UrlParts | undefined): RedisTlsOptions | undefined => {
  if (tls === undefined) return url?.tls === true ? {} : undefined
  return tls === true ? {} : tls === false ? undefined : tls
}

const commonOf = (options: RedisClientOptions): CommonSettings => {
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

/** Refuses options that name the server in more than one way. */
const onePlace = (options: RedisOptions): void => {
  const { cluster, host, path, port, sentinels, url } = options
  const ways = { url, host: host ?? port, path, sentinels, cluster }
  const given = Object.entries(ways).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (given.length > 1) {
    fail(given.join(", "), "given together", "one way of naming the server", `keep one of ${given.join(", ")}`)
  }
}

const placeOf = (options: RedisOptions, url: UrlParts | undefined): ServerPlace => {
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

const dbOf = (db: number, place: ServerPlace): number => {
  if (!Number.isInteger(db) || db < 0) fail("db", db, "a whole number from 0 on", "leave it out for 0")
  if (db !== 0 && place._tag === "Cluster") fail("db", db, "a cluster has only database 0", "use keyPrefix instead")
  return db
}

/** Credentials that are known, or what is to be asked for them. */
const credentialsOf = ({ password, username }: RedisOptions, url: UrlParts | undefined) => {
  const known = { username: text(username) ?? url?.username, password: text(password) ?? url?.password }
  if (!isAsked(username) && !isAsked(password)) return { ...known, asked: undefined }
  const asked = {
    username: isAsked(username) ? username : known.username,
    password: isAsked(password) ? password : known.password
  }
  return { username: undefined, password: undefined, asked }
}

/** Checks options. An error never has the value of a secret. */
export const resolve = (options: RedisOptions): Either.Either<RedisSettings, InvalidConfig> =>
  attempt(() => {
    onePlace(options)
    const given = text(options.url)
    if (options.url !== undefined && given === undefined) fail("url", "\"\"", "not empty", "redis://host:port/db")
    const url = given === undefined ? undefined : parseUrl(given)
    const place = placeOf(options, url)
    return {
      ...commonOf(options),
      place,
      db: dbOf(options.db ?? url?.db ?? 0, place),
      ...credentialsOf(options, url),
      tls: tlsOf(options.tls, url)
    }
  })

/** Checks the options that go with a given client. */
export const resolveCommon = (options: RedisClientOptions): Either.Either<CommonSettings, InvalidConfig> =>
  attempt(() => commonOf(options))

const joined = ({ host, port }: Endpoint): string => `${host.includes(":") ? `[${host}]` : host}:${port}`

/** Describes where the data is, in the form of a URL without secrets. */
export const describe = ({ db, place, tls }: Pick<RedisSettings, "db" | "place" | "tls">): string => {
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

/** Secrets of some settings, plain and percent-encoded: no message may show them. */
export const secretsOf = ({ password, place }: Pick<RedisSettings, "password" | "place">): ReadonlyArray<string> =>
  [password, place._tag === "Sentinel" ? place.password : undefined]
    .flatMap((secret) => (secret === undefined ? [] : [secret, encodeURIComponent(secret)]))
