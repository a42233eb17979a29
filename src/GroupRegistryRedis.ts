/**
 * The registry on Redis (6.2 or newer) or Valkey: standalone, behind Sentinel, or Cluster. Needs `ioredis` installed.
 *
 * Every command is one Lua script, and each scope's keys live in one slot. Three connections are opened per layer: one
 * for renewals alone, one for everything else, one that listens. Without a connection calls fail at once, and nothing is
 * ever sent twice by itself: what to do is the supervisor's to decide.
 *
 * The server should not evict (`maxmemory-policy noeviction`), and where it can fail over it should refuse writes
 * without a replica (`min-replicas-to-write 1`); the layer warns when it sees otherwise.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { GroupRegistry, makeEncoded } from "./GroupRegistry.js"
import { makeBackend } from "./internal/redis/backend.js"
import { fromClient, fromSettings } from "./internal/redis/connections.js"
import { resolve, resolveCommon } from "./internal/redis/options.js"
import { InvalidConfig } from "./PogoError.js"

/**
 * A host, and its port if that is not the usual one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Address {
  readonly host: string
  readonly port?: number | undefined
}

/**
 * Details of TLS, as Node's `tls.connect` takes them.
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsOptions {
  /** Certificates of the authorities to trust, as PEM. Default: those that Node trusts. */
  readonly ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array> | undefined
  /** This client's certificate, as PEM. */
  readonly cert?: string | Uint8Array | undefined
  /** The key of this client's certificate, as PEM. */
  readonly key?: string | Uint8Array | undefined
  /** The name that the server's certificate must have. Default: the host. */
  readonly servername?: string | undefined
  /** Whether the server's certificate is checked. Default `true`. */
  readonly rejectUnauthorized?: boolean | undefined
}

/**
 * What can be said of a registry whose connections are given.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions {
  /**
   * What all keys and channels begin with, before `pogo1:`. Default none. Registries of other prefixes share nothing; no
   * braces, since the keys of a scope have a hash tag of their own.
   */
  readonly keyPrefix?: string | undefined
  /**
   * How long one command may take. Default 2 seconds. It bounds what hangs in a connection, and one on which nothing
   * comes back for twice as long is given up: keep it well below the supervisor's `ttl`, whose own `commandTimeout`
   * decides when a call counts as failed.
   */
  readonly commandTimeout?: Duration.DurationInput | undefined
  /** How long an attempt to connect may take. Default 3 seconds; keep it well below the supervisor's `ttl`. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * What to do when a scope holds no data at all. `"settle"` (the default) waits one `ttl` before it grants claims, since
   * the data may have been lost: once in a scope's life. `"trust"` takes it for a new scope: for tests and demos.
   */
  readonly onEmpty?: "settle" | "trust" | undefined
  /** The connections' name in `CLIENT LIST`, before `:tick`, `:work` and `:wake`. Default `"effect-pogo"`. */
  readonly connectionName?: string | undefined
}

/**
 * Options of a Redis registry. The server is named in one of five ways: `url`; `host` and `port`; `path`; `sentinels`;
 * `cluster`. Without any it is 127.0.0.1:6379.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ClientOptions {
  /**
   * `redis://user:password@host:port/db`, `rediss://...` for TLS, or `unix:///path`. All parts but the scheme are
   * optional. What is given as an option of its own goes before.
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
  /** Name of the user. Default: the server's default user. */
  readonly username?: string | undefined
  /** The user's password. Never logged. */
  readonly password?: string | Redacted.Redacted | undefined
  /** Encryption: `true`, or its details. Default: what the url's scheme says, else none. */
  readonly tls?: boolean | TlsOptions | undefined
  /** A primary that is found by asking Sentinels. */
  readonly sentinels?: {
    /** The name under which the Sentinels know the primary and its replicas. */
    readonly name: string
    /** The Sentinels; their usual port is 26379. */
    readonly hosts: ReadonlyArray<Address>
    /** Credentials for the Sentinels themselves. Default none. */
    readonly username?: string | undefined
    readonly password?: string | Redacted.Redacted | undefined
    /** Encryption towards the Sentinels themselves. Default none. */
    readonly tls?: boolean | TlsOptions | undefined
  } | undefined
  /** A Redis Cluster. */
  readonly cluster?: {
    /** Some of its nodes; the others are found. */
    readonly nodes: ReadonlyArray<Address>
    /** Addresses as the nodes tell them (`host:port`) -> as they are reachable from here. Default none. */
    readonly natMap?: { readonly [address: string]: Address } | undefined
  } | undefined
}

/**
 * A client of ioredis, of version 5 or 6: a `Redis` or a `Cluster`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisClient {
  readonly options: object
  readonly duplicate: (...args: Array<never>) => unknown
  readonly evalsha: (...args: Array<never>) => unknown
}

type Registry = GroupRegistry["Type"]

/**
 * Opens connections, which end with the scope. Waits for them for two seconds at most: a server that cannot be reached
 * is no error, it is tried again and again while calls fail with `RegistryUnavailable`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Registry, InvalidConfig, Scope.Scope> =>
  Effect.flatMap(
    Effect.suspend(() => resolve(options)),
    (settings) => Effect.map(makeBackend(fromSettings(settings)), makeEncoded)
  )

const notIoredis = new InvalidConfig({
  setting: "redis",
  value: "(another client)",
  rule: "a client of ioredis: a Redis or a Cluster",
  remedy: "pass one of these, or use layer with options"
})

/**
 * Opens connections like those of a client of yours. The client itself is neither used nor closed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeClient = (
  redis: RedisClient,
  options: ClientOptions = {}
): Effect.Effect<Registry, InvalidConfig, Scope.Scope> =>
  Effect.gen(function*() {
    const common = yield* resolveCommon(options)
    if (typeof redis?.duplicate !== "function" || typeof redis.evalsha !== "function") return yield* notIoredis
    return makeEncoded(yield* makeBackend(fromClient(redis, common)))
  })

/**
 * A registry on Redis.
 *
 * @example
 * ```ts
 * import { PogoLive } from "effect-pogo"
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { Layer } from "effect"
 *
 * export const SupervisorLive = PogoLive.pipe(
 *   Layer.provide(GroupRegistryRedis.layer({ host: "127.0.0.1", keyPrefix: "app:" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<GroupRegistry, InvalidConfig> =>
  Layer.scoped(GroupRegistry, make(options))

/**
 * A registry on Redis whose options come through Effect's `Config`, each on its own: from the environment, unless another
 * `ConfigProvider` is installed. No names are given: they are yours.
 *
 * @example
 * ```ts
 * import { PogoLive } from "effect-pogo"
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { Config, Layer } from "effect"
 *
 * export const SupervisorLive = PogoLive.pipe(
 *   Layer.provide(GroupRegistryRedis.layerConfig({
 *     url: Config.redacted("REDIS_URL"),
 *     keyPrefix: Config.withDefault(Config.string("REDIS_PREFIX"), "")
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<GroupRegistry, ConfigError | InvalidConfig> =>
  Layer.scoped(GroupRegistry, Effect.flatMap(Config.unwrap(options), make))

/**
 * A registry that reaches Redis as a client of yours does: its address, credentials, TLS, database, and key prefix.
 *
 * @example
 * ```ts
 * import { PogoLive } from "effect-pogo"
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { Layer } from "effect"
 * import { Redis } from "ioredis"
 *
 * const redis = new Redis({ lazyConnect: true })
 *
 * export const SupervisorLive = PogoLive.pipe(Layer.provide(GroupRegistryRedis.layerClient(redis)))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClient = (
  redis: RedisClient,
  options: ClientOptions = {}
): Layer.Layer<GroupRegistry, InvalidConfig> => Layer.scoped(GroupRegistry, makeClient(redis, options))
