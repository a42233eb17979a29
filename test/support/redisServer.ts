/**
 * Throw-away Redis servers for tests. The work is done in `.ci/redis.mjs`, which the demo and the benchmarks share
 * without a build.
 */
import * as redis from "../../.ci/redis.mjs"

export type Located = redis.Located
export type RedisServer = redis.RedisServer
export type StartOptions = redis.StartOptions
export type Variant = redis.Variant

/** The releases a compatibility test can ask for: Redis 6, 7 and 8, and Valkey. */
export const variants = Object.keys(redis.variants) as ReadonlyArray<Variant>

/** Finds a server, or fetches one; see `.ci/redis.mjs` for the order. Fails with the remedy when there is none. */
export const locateRedis: (options?: { readonly version?: Variant }) => Promise<Located> = redis.locateRedis

/** Starts a server in a folder and on a port of its own; it ends with this process at the latest. */
export const startRedis: (options?: StartOptions) => Promise<RedisServer> = redis.startRedis

/** A port that was free a moment ago, and that no outgoing connection takes. */
export const freePort: () => Promise<number> = redis.freePort
