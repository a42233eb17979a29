/**
 * Connections: clients of ioredis with the settings that the ownership protocol wants. A command without a connection
 * fails at once, is never sent twice, and has a time limit. The used part of ioredis has types of our own, so that
 * neither its version 5 nor 6 shows in ours.
 *
 * @internal
 */
import { Cluster, Redis } from "ioredis"
import { type AskCredentials, askFirst, type CredentialSources, refresh } from "./credentials.js"
import { type CommonSettings, describe, type Endpoint, type RedisSettings, secretsOf } from "./redisOptions.js"
import type { ScriptClient } from "./scripts.js"

/**
 * Client of ioredis, of version 5 or 6: a `Redis` or a `Cluster`.
 *
 * @example
 * ```ts
 * import type * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { Redis } from "ioredis"
 *
 * export const client: GroupRegistryRedis.RedisClient = new Redis({ lazyConnect: true })
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisClient {
  readonly options: object
  readonly duplicate: (...args: Array<never>) => unknown
  readonly evalsha: (...args: Array<never>) => unknown
}

/** Connection to a server or a cluster: the used part of a client of ioredis. */
export interface RedisConnection extends ScriptClient {
  readonly status: string
  readonly isCluster?: boolean
  readonly on: (event: string, listener: (...args: ReadonlyArray<unknown>) => void) => unknown
  readonly off: (event: string, listener: (...args: ReadonlyArray<unknown>) => void) => unknown
  readonly info: (section: string) => Promise<string>
  readonly subscribe: (channel: string) => Promise<unknown>
  readonly unsubscribe: (channel: string) => Promise<unknown>
  readonly ping: () => Promise<unknown>
  readonly quit: () => Promise<unknown>
  readonly disconnect: (reconnect?: boolean) => void
  /** Socket of a single server's connection; none before the first attempt. */
  readonly stream?: { readonly on: (event: "error", listener: () => void) => unknown }
  /** Connections of a cluster's client to its nodes. */
  readonly nodes?: (role?: "all") => ReadonlyArray<RedisConnection>
}

/** Client that others are duplicated from. */
interface Original {
  readonly isCluster?: boolean
  readonly startupNodes?: ReadonlyArray<unknown>
  readonly duplicate: (...args: ReadonlyArray<object>) => RedisConnection
}

const isRefusedDatabase = (error: unknown): boolean =>
  error instanceof Error && "command" in error && (error.command as { readonly name?: unknown }).name === "select"

/**
 * Reconnects after a refused SELECT: ioredis would go on in database 0, whose data may belong to others.
 */
export const insistOnDatabase = (connection: RedisConnection): void => {
  connection.on("error", (error) => {
    if (isRefusedDatabase(error)) connection.disconnect(true)
  })
}

/**
 * Purpose of a connection. `tick`: renewals of leases, which bulk work must not delay. `work`: all other commands.
 * `wake`: subscriptions.
 */
export type Role = "tick" | "work" | "wake"

/** Connector: opens connections, and knows what there is to know of their other end. */
export interface Connector extends CommonSettings {
  readonly description: string
  readonly db: number
  readonly secrets: ReadonlyArray<string>
  /** Whether a failover can happen, and with it two servers that both take themselves for the primary. */
  readonly canFailOver: boolean
  readonly open: (role: Exclude<Role, "wake">, ask: AskCredentials) => RedisConnection
  /**
   * Opens the connection for subscriptions; `undefined` when no server is known at the moment. In a cluster it leads to
   * any node, since each one has all messages, and does not reconnect by itself: another node may do.
   */
  readonly openWake: (work: RedisConnection, ask: AskCredentials) => RedisConnection | undefined
}

/** Bounds of the reconnection delay, milliseconds. */
const backoff = { first: 50, most: 1_000 }

/**
 * Reconnection delay, milliseconds: exponential with jitter, and well below any lease. ioredis calls it outside of any
 * fiber: hence no `Schedule`, and no `Random`.
 */
export const retryDelay = (attempt: number): number => {
  const base = Math.min(backoff.most, backoff.first * 2 ** Math.min(attempt - 1, 10))
  return Math.round(base / 2 + Math.random() * (base / 2))
}

/** Whether a reply comes from a server that is not the primary, or no more: a new connection may find another. */
const isDemoted = (error: Error): boolean => /READONLY|MASTERDOWN|NOREPLICAS/.test(error.message)

/** Options of every connection, for ioredis. */
const optionsOf = (common: CommonSettings, role: Role): object => ({
  connectionName: `${common.connectionName}:${role}`,
  commandTimeout: common.commandTimeout,
  connectTimeout: common.connectTimeout,
  // Closes a connection on which nothing comes back at all: the other end may be gone without a word.
  socketTimeout: 2 * common.commandTimeout,
  keepAlive: 5_000,
  noDelay: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  enableAutoPipelining: false,
  enableReadyCheck: true,
  lazyConnect: false,
  readOnly: false,
  stringNumbers: false,
  monitor: false,
  keyPrefix: "",
  retryStrategy: retryDelay,
  reconnectOnError: isDemoted
})

/**
 * Options of a cluster's client, for ioredis. It connects to a node when it has the first command for it, which waits
 * in a queue meanwhile, no longer than the time limit of a command. A redirection is followed, since nothing was
 * executed; every other error fails the command at once.
 */
const clusterOptionsOf = (redisOptions: object): object => ({
  redisOptions: { ...redisOptions, lazyConnect: true },
  enableOfflineQueue: true,
  enableReadyCheck: true,
  enableAutoPipelining: false,
  lazyConnect: false,
  scaleReads: "master",
  keyPrefix: "",
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  retryDelayOnTryAgain: 100,
  maxRedirections: 5,
  clusterRetryStrategy: retryDelay
})

/** What a connection has to ask before it is made; `undefined` for credentials that are fixed. */
interface Asking {
  readonly sources: CredentialSources
  readonly ask: AskCredentials
}

/** A single server's connection, made with `lazyConnect` where it has something to ask first. */
const asking = <A extends Redis | RedisConnection>(connection: A, { ask, sources }: Asking): A => {
  askFirst(connection as unknown as Redis, [(connection as unknown as Redis).options], sources, ask, retryDelay)
  return connection
}

/** Where a cluster's client has the options of its connections to nodes: version 6 of ioredis keeps a copy to itself. */
const optionsOfNodes = (cluster: Cluster): ReadonlyArray<object> => {
  const { connectionPool } = cluster as unknown as { readonly connectionPool?: { readonly redisOptions?: object } }
  return [cluster.options.redisOptions, connectionPool?.redisOptions].filter((options) => options !== undefined)
}

/** A cluster's client. Its connections to nodes are made with what was asked for last, hence the question after a refusal. */
const askingCluster = (cluster: Cluster, { ask, sources }: Asking): Cluster => {
  const options = optionsOfNodes(cluster)
  cluster.on("node error", () => refresh(options, sources, ask))
  askFirst(cluster, options, sources, ask, retryDelay)
  return cluster
}

const openAnyNode = (
  common: CommonSettings,
  cluster: RedisConnection,
  asked?: Asking
): RedisConnection | undefined => {
  const nodes = cluster.nodes?.("all") ?? []
  const node = nodes[Math.floor(Math.random() * nodes.length)] as Original | undefined
  const lazyConnect = asked !== undefined
  const connection = node?.duplicate({ ...optionsOf(common, "wake"), lazyConnect, retryStrategy: null })
  return connection === undefined || asked === undefined ? connection : asking(connection, asked)
}

const hostsOf = (endpoints: ReadonlyArray<Endpoint>): Array<{ host: string; port: number }> =>
  endpoints.map(({ host, port }) => ({ host, port }))

const placeOptions = (settings: RedisSettings): object => {
  const { place } = settings
  switch (place._tag) {
    case "Tcp":
      return place.endpoint
    case "Unix":
      return { path: place.path }
    case "Sentinel":
      return {
        name: place.name,
        sentinels: hostsOf(place.hosts),
        role: "master",
        sentinelUsername: place.username,
        sentinelPassword: place.password,
        sentinelTLS: place.tls,
        enableTLSForSentinelMode: settings.tls !== undefined,
        sentinelCommandTimeout: settings.commandTimeout,
        sentinelRetryStrategy: retryDelay
      }
    case "Cluster":
      return {}
  }
}

const credentials = ({ db, password, tls, username }: RedisSettings): object => ({
  db,
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  ...(tls === undefined ? {} : { tls })
})

const openSettings = (settings: RedisSettings, role: Role, asked: Asking | undefined): RedisConnection => {
  const { place, tls } = settings
  const lazyConnect = asked !== undefined
  const options = { ...optionsOf(settings, role), ...credentials(settings), ...placeOptions(settings), lazyConnect }
  if (place._tag !== "Cluster") return asked === undefined ? new Redis(options) : asking(new Redis(options), asked)
  const cluster = new Cluster(hostsOf(place.nodes), {
    ...clusterOptionsOf(options),
    lazyConnect,
    ...(place.natMap === undefined ? {} : { natMap: place.natMap }),
    // A certificate is for the name, not for the address that the name resolves to.
    ...(tls === undefined ? {} : { dnsLookup: (name: string, done: (e: null, a: string) => void) => done(null, name) })
  })
  return asked === undefined ? cluster : askingCluster(cluster, asked)
}

/** Makes a connector from options. */
export const fromSettings = (settings: RedisSettings): Connector => {
  const isCluster = settings.place._tag === "Cluster"
  const secrets = Array.from(secretsOf(settings))
  const { asked, connectTimeout } = settings
  const askingOf = (ask: AskCredentials): Asking | undefined =>
    asked === undefined
      ? undefined
      : { ask, sources: { username: asked.username, password: asked.password, connectTimeout, secrets } }
  return {
    ...settings,
    description: describe(settings),
    secrets,
    canFailOver: isCluster || settings.place._tag === "Sentinel",
    open: (role, ask) => openSettings(settings, role, askingOf(ask)),
    openWake: (work, ask) =>
      isCluster ? openAnyNode(settings, work, askingOf(ask)) : openSettings(settings, "wake", askingOf(ask))
  }
}

/** Options of a given client, as far as they are read. */
interface GivenOptions {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly db?: number
  readonly name?: string
  readonly password?: string
  readonly sentinelPassword?: string
  readonly sentinels?: ReadonlyArray<{ readonly host?: string; readonly port?: number }> | null
  readonly tls?: object
  readonly keyPrefix?: string
  readonly redisOptions?: GivenOptions
}

const endpointOf = ({ host, port }: { readonly host?: string; readonly port?: number }): Endpoint => ({
  host: host ?? "127.0.0.1",
  port: port ?? 6_379
})

const placeOfGiven = (given: Original, options: GivenOptions): RedisSettings["place"] => {
  const { name, path, sentinels } = options
  if (given.isCluster === true) {
    const nodes = (given.startupNodes ?? []).filter((node): node is GivenOptions =>
      typeof node === "object" && node !== null
    )
    return { _tag: "Cluster", nodes: nodes.map(endpointOf), natMap: undefined }
  }
  if (sentinels) {
    return {
      _tag: "Sentinel",
      name: name ?? "",
      hosts: sentinels.map(endpointOf),
      username: undefined,
      password: options.sentinelPassword ?? undefined,
      tls: undefined
    }
  }
  return path ? { _tag: "Unix", path } : { _tag: "Tcp", endpoint: endpointOf(options) }
}

const duplicate = (given: Original, options: GivenOptions, common: CommonSettings, role: Role): RedisConnection =>
  given.isCluster === true
    ? given.duplicate([], clusterOptionsOf({ ...options.redisOptions, ...optionsOf(common, role) }))
    : given.duplicate(optionsOf(common, role))

/** Makes a connector from a given client: it opens duplicates, and neither uses nor closes the client itself. */
export const fromClient = (client: RedisClient, common: CommonSettings): Connector => {
  const given = client as unknown as Original
  const options = client.options as GivenOptions
  const isCluster = given.isCluster === true
  const inner = isCluster ? options.redisOptions ?? {} : options
  const place = placeOfGiven(given, options)
  const db = isCluster ? 0 : options.db ?? 0
  return {
    ...common,
    // The client's prefix becomes part of ours: ioredis would put it before keys, but not before channels.
    keyPrefix: `${options.keyPrefix ?? ""}${common.keyPrefix}`,
    db,
    description: describe({ db, place, tls: inner.tls }),
    secrets: secretsOf({ password: inner.password ?? undefined, place }),
    canFailOver: isCluster || place._tag === "Sentinel",
    open: (role) => duplicate(given, options, common, role),
    openWake: (work) => isCluster ? openAnyNode(common, work) : duplicate(given, options, common, "wake")
  }
}
