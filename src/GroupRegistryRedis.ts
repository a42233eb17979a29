/**
 * The registry on Redis (6.2 or newer) or Valkey: standalone, behind Sentinel, or Cluster. Needs `ioredis` installed.
 *
 * Every command is one Lua script, and each scope's keys live in one slot. A layer opens three connections: one for
 * renewals of leases, one for all other commands, one for subscriptions. Without a connection calls fail at once, and no
 * command is ever sent twice: whether to try again is the supervisor's decision.
 *
 * The server should not evict (`maxmemory-policy noeviction`), and where it can fail over it should refuse writes
 * without a replica (`min-replicas-to-write 1`); the layer warns when it sees otherwise.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { GroupRegistry, makeEncoded } from "./GroupRegistry.js"
import { makeBackend } from "./internal/redis/backend.js"
import { fromClient, fromSettings, type RedisClient } from "./internal/redis/connections.js"
import { type RedisClientOptions, type RedisOptions, resolve, resolveCommon } from "./internal/redis/redisOptions.js"
import { InvalidConfig } from "./PogoError.js"

export type { RedisClient } from "./internal/redis/connections.js"

export type {
  RedisAddress as Address,
  RedisClientOptions as ClientOptions,
  RedisOptions as Options,
  RedisSecret as Secret,
  RedisSecretSource as SecretSource,
  RedisTlsOptions as TlsOptions
} from "./internal/redis/redisOptions.js"

type Registry = GroupRegistry["Type"]

/**
 * Makes a registry on Redis, whose connections close with the scope. Waits two seconds at most for the first
 * connections: a server that cannot be reached is no error, but tried again while calls fail with `RegistryUnavailable`.
 * Most programs use `layer` instead.
 *
 * @example
 * ```ts
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { Effect } from "effect"
 *
 * // The sessions that are live in a scope.
 * export const program = Effect.gen(function*() {
 *   const registry = yield* GroupRegistryRedis.make({ host: "127.0.0.1" })
 *   return yield* registry.members("default", "nodes")
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: RedisOptions = {}): Effect.Effect<Registry, InvalidConfig, Scope.Scope> =>
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
 * Makes a registry that reaches Redis as a given client does, whose connections close with the scope. The client itself
 * is neither used nor closed. Most programs use `layerClient` instead.
 *
 * @example
 * ```ts
 * import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
 * import { Effect } from "effect"
 * import { Redis } from "ioredis"
 *
 * export const program = Effect.gen(function*() {
 *   const registry = yield* GroupRegistryRedis.makeClient(new Redis({ lazyConnect: true }), { keyPrefix: "app:" })
 *   return registry.description
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeClient = (
  redis: RedisClient,
  options: RedisClientOptions = {}
): Effect.Effect<Registry, InvalidConfig, Scope.Scope> =>
  Effect.gen(function*() {
    const common = yield* resolveCommon(options)
    if (typeof redis?.duplicate !== "function" || typeof redis.evalsha !== "function") return yield* notIoredis
    return makeEncoded(yield* makeBackend(fromClient(redis, common)))
  })

/**
 * Layer of a registry on Redis, by options. It fails with `InvalidConfig` for options that break a rule, never for a
 * server that cannot be reached: that one is tried again, and until then calls fail with `RegistryUnavailable`.
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
export const layer = (options: RedisOptions = {}): Layer.Layer<GroupRegistry, InvalidConfig> =>
  Layer.scoped(GroupRegistry, make(options))

/**
 * Layer of a registry on Redis whose options are read through Effect's `Config`: from the environment, unless another
 * `ConfigProvider` is installed. The names of the variables are yours.
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
  options: Config.Config.Wrap<RedisOptions>
): Layer.Layer<GroupRegistry, ConfigError | InvalidConfig> =>
  Layer.scoped(GroupRegistry, Effect.flatMap(Config.unwrap(options), make))

/**
 * Layer of a registry that reaches Redis as a given client of ioredis does: with its address, credentials, TLS, database
 * and key prefix. The client itself is neither used nor closed.
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
  options: RedisClientOptions = {}
): Layer.Layer<GroupRegistry, InvalidConfig> => Layer.scoped(GroupRegistry, makeClient(redis, options))
