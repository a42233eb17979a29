/** Real registries in real time, over their public layers, and what they log. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import type { GroupRegistry } from "../../src/GroupRegistry.js"
import * as GroupRegistryRedis from "../../src/GroupRegistryRedis.js"
import type { InvalidConfig } from "../../src/PogoError.js"
import { freePort, type RedisServer, type StartOptions, startRedis } from "./redisServer.js"
import { Caller } from "./registryCaller.js"
import { connect } from "./registryScripted.js"
import { redisHand } from "./registrySubject.js"

/** A server of the test's own. */
export const server = (options: StartOptions = {}): Effect.Effect<RedisServer, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.promise(() => startRedis(options)), (server) => Effect.promise(() => server.stop()))

/** What was logged while a registry was built and used: level and text. */
export class Lines {
  readonly all: Array<string> = []

  /** Collects what an effect logs, and what its fibers and callbacks do. */
  readonly capture = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    effect.pipe(
      Effect.provide(Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ logLevel, message }) => void this.all.push(`${logLevel.label} ${String(message)}`))
      )),
      Logger.withMinimumLogLevel(LogLevel.All)
    )

  matching(pattern: RegExp): ReadonlyArray<string> {
    return this.all.filter((line) => pattern.test(line))
  }
}

let scopes = 0

/** A caller of a fresh scope of a registry. */
export const callerOf = (
  registry: GroupRegistry["Type"],
  address: RedisServer | string,
  keyPrefix = ""
): Effect.Effect<Caller, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => connect(typeof address === "string" ? address : address.url)),
      (redis) => Effect.sync(() => redis.disconnect())
    ),
    (redis) => {
      redis.on("error", () => {})
      const scope = `live-${process.pid}-${++scopes}`
      return new Caller({ registry, scope, hand: redisHand(redis, keyPrefix, scope) })
    }
  )

/** A registry that trusts empty data and is patient with a busy machine, and a caller of it. */
export const live = (
  address: RedisServer,
  options: GroupRegistryRedis.Options = {},
  lines: Lines = new Lines()
): Effect.Effect<Caller, InvalidConfig, Scope.Scope> =>
  Effect.flatMap(
    lines.capture(
      GroupRegistryRedis.make({ url: address.url, onEmpty: "trust", commandTimeout: "30 seconds", ...options })
    ),
    (registry) => callerOf(registry, address, options.keyPrefix)
  )

/** Real milliseconds. */
export const pause = (millis: number): Effect.Effect<void> =>
  Effect.promise(() => new Promise((resolve) => setTimeout(resolve, millis)))

/** Milliseconds that an effect takes, and its value. */
export const elapsed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const start = performance.now()
    const value = yield* effect
    return { value, millis: performance.now() - start }
  })

/**
 * The longest time, milliseconds, for something that is to be prompt: `millis` on an idle machine, more where what is
 * done for comparison takes a tenth of that, or longer.
 */
export const promptly = <A, E, R>(millis: number, comparison: Effect.Effect<A, E, R>) =>
  Effect.map(elapsed(comparison), (took) => Math.max(millis, 10 * took.millis))

/** Tries again until it holds. */
export const eventually = <A>(effect: Effect.Effect<A>, holds: (value: A) => boolean): Effect.Effect<A> =>
  Effect.gen(function*() {
    const end = performance.now() + 240_000
    for (;;) {
      const value = yield* effect
      if (holds(value)) return value
      if (performance.now() > end) {
        return yield* Effect.die(new Error(`never came true; last: ${JSON.stringify(value).slice(0, 500)}`))
      }
      yield* pause(20)
    }
  })

/** A server that is to be part of a cluster. The second port, too, is chosen here: the one that Redis would choose may be out of range. */
export const startClusterNode = async (): Promise<RedisServer> => {
  const settings = {
    "--cluster-enabled": "yes",
    "--cluster-node-timeout": "1000",
    "--cluster-port": String(await freePort()),
    "--cluster-replica-validity-factor": "0",
    "--repl-diskless-sync-delay": "0"
  }
  return startRedis({ args: Object.entries(settings).flat() })
}
