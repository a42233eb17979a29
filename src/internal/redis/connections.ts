/**
 * Clients of ioredis, with the settings that the ownership protocol wants: a call without a connection fails at once, is
 * never repeated by itself, and never waits for ever. What is used of ioredis is written down here, so that neither its
 * version 5 nor 6 shows in our types.
 *
 * @internal
 */
import { Cluster, Redis } from "ioredis"
import type { RedisClient } from "../../GroupRegistryRedis.js"
import { type Common, describe, type Endpoint, secretsOf, type Settings } from "./options.js"
import type { Caller } from "./scripts.js"

/** What is used of a client. */
export interface Client extends Caller {
  readonly status: string
  readonly isCluster?: boolean
  readonly on: (event: string, listener: (...args: ReadonlyArray<unknown>) => void) => unknown
  readonly info: (section: string) => Promise<string>
  readonly subscribe: (channel: string) => Promise<unknown>
  readonly unsubscribe: (channel: string) => Promise<unknown>
  readonly ping: () => Promise<unknown>
  readonly quit: () => Promise<unknown>
  readonly disconnect: (reconnect?: boolean) => void
  /** The socket, once there is one. */
  readonly stream?: { readonly on: (event: "error", listener: () => void) => unknown }
  /** Of a cluster. */
  readonly nodes?: (role?: "all") => ReadonlyArray<Client>
}

/** A client, of a server or a cluster, as it makes others like itself. */
interface Original {
  readonly isCluster?: boolean
  readonly startupNodes?: ReadonlyArray<unknown>
  readonly duplicate: (...args: ReadonlyArray<object>) => Client
}

const isRefusedDatabase = (error: unknown): boolean =>
  error instanceof Error && "command" in error && (error.command as { readonly name?: unknown }).name === "select"

/** A connection that may not use its database would go on in another one, where others may be: it is given up. */
export const insistOnDatabase = (client: Client): void => {
  client.on("error", (error) => {
    if (isRefusedDatabase(error)) client.disconnect(true)
  })
}

/** What each connection is for. Renewals have one of their own, which bulk work cannot delay. */
export type Role = "tick" | "work" | "wake"

/** How connections are made, and what is known of their other end. */
export interface Connector extends Common {
  readonly description: string
  readonly db: number
  readonly secrets: ReadonlyArray<string>
  /** A failover can happen, and with it two servers that both take themselves for the primary. */
  readonly canFailOver: boolean
  readonly open: (role: Exclude<Role, "wake">) => Client
  /**
   * The connection that listens. `undefined` when no server is known at the moment. In a cluster every node hears
   * everything; one that ends is replaced by another.
   */
  readonly openWake: (work: Client) => Client | undefined
}

const backoff = { first: 50, most: 1_000 }

/** Milliseconds before the next attempt to connect: well below any lease, and not the same for all nodes. */
export const retryDelay = (attempt: number): number => {
  const base = Math.min(backoff.most, backoff.first * 2 ** Math.min(attempt - 1, 10))
  return Math.round(base / 2 + Math.random() * (base / 2))
}

/** A server that answers so is not the primary, or not any more: the next connection may find another. */
const isDemoted = (error: Error): boolean => /READONLY|MASTERDOWN|NOREPLICAS/.test(error.message)

/** Options of every connection. */
const optionsOf = (common: Common, role: Role): object => ({
  connectionName: `${common.connectionName}:${role}`,
  commandTimeout: common.commandTimeout,
  connectTimeout: common.connectTimeout,
  // A connection on which nothing comes back at all is dead, though nobody closed it.
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
 * Options of a cluster's client. It connects to a node when it has the first command for it: that one waits in a queue,
 * for as long as a command may take. A redirection was not executed; everything else is told to the caller at once.
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

/** The connection that listens, in a cluster: to any of its nodes. It does not come back by itself. */
const openAnyNode = (common: Common, cluster: Client): Client | undefined => {
  const nodes = cluster.nodes?.("all") ?? []
  const node = nodes[Math.floor(Math.random() * nodes.length)] as Original | undefined
  return node?.duplicate({ ...optionsOf(common, "wake"), retryStrategy: null })
}

const hostsOf = (endpoints: ReadonlyArray<Endpoint>): Array<{ host: string; port: number }> =>
  endpoints.map(({ host, port }) => ({ host, port }))

const placeOptions = (settings: Settings): object => {
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

const credentials = ({ db, password, tls, username }: Settings): object => ({
  db,
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  ...(tls === undefined ? {} : { tls })
})

const openSettings = (settings: Settings, role: Role): Client => {
  const { place, tls } = settings
  const options = { ...optionsOf(settings, role), ...credentials(settings), ...placeOptions(settings) }
  if (place._tag !== "Cluster") return new Redis(options)
  return new Cluster(hostsOf(place.nodes), {
    ...clusterOptionsOf(options),
    ...(place.natMap === undefined ? {} : { natMap: place.natMap }),
    // A certificate is for a name, not for what the name resolves to.
    ...(tls === undefined ? {} : { dnsLookup: (name: string, done: (e: null, a: string) => void) => done(null, name) })
  })
}

/** Connections by options. */
export const fromSettings = (settings: Settings): Connector => {
  const isCluster = settings.place._tag === "Cluster"
  return {
    ...settings,
    description: describe(settings),
    secrets: secretsOf(settings),
    canFailOver: isCluster || settings.place._tag === "Sentinel",
    open: (role) => openSettings(settings, role),
    openWake: (work) => isCluster ? openAnyNode(settings, work) : openSettings(settings, "wake")
  }
}

/** What is read of the options of a given client. */
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

const placeOfGiven = (given: Original, options: GivenOptions): Settings["place"] => {
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

const duplicate = (given: Original, options: GivenOptions, common: Common, role: Role): Client =>
  given.isCluster === true
    ? given.duplicate([], clusterOptionsOf({ ...options.redisOptions, ...optionsOf(common, role) }))
    : given.duplicate(optionsOf(common, role))

/** Connections as a given client has them. They are our own: the client itself is not used, and not closed. */
export const fromClient = (client: RedisClient, common: Common): Connector => {
  const given = client as unknown as Original
  const options = client.options as GivenOptions
  const isCluster = given.isCluster === true
  const inner = isCluster ? options.redisOptions ?? {} : options
  const place = placeOfGiven(given, options)
  const db = isCluster ? 0 : options.db ?? 0
  return {
    ...common,
    // The client's own prefix is made ours: ioredis would put it before keys, but not before channels.
    keyPrefix: `${options.keyPrefix ?? ""}${common.keyPrefix}`,
    db,
    description: describe({ db, place, tls: inner.tls }),
    secrets: secretsOf({ password: inner.password ?? undefined, place }),
    canFailOver: isCluster || place._tag === "Sentinel",
    open: (role) => duplicate(given, options, common, role),
    openWake: (work) => isCluster ? openAnyNode(common, work) : duplicate(given, options, common, "wake")
  }
}
