/**
 * A connection to Redis that asks single commands: for questions that no command of the registry answers. Nothing here
 * writes.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fromSettings, insistOnDatabase, type RedisConnection } from "../redis/connections.js"
import { explained, messageOf } from "../redis/errors.js"
import { describe, type RedisSettings } from "../redis/redisOptions.js"
import { Refused, Unreachable } from "./failures.js"

/** The used part of a client of ioredis, beyond what the registry uses. */
interface CommandCaller extends RedisConnection {
  readonly call: (command: string, ...args: ReadonlyArray<string>) => Promise<unknown>
}

/** A server that answers. */
export interface RawRedis {
  readonly description: string
  readonly canFailOver: boolean
  /** Asks one command. */
  readonly ask: (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown, Refused>
  /** Asks one command of each primary: there is one, save in a cluster. */
  readonly askEach: (
    command: string,
    ...args: ReadonlyArray<string>
  ) => ReadonlyArray<Effect.Effect<unknown, Refused>>
  /** Whether this user may listen to a channel. */
  readonly listen: (channel: string) => Effect.Effect<void, Refused>
}

/** How long the first connection may take. */
const patience = "4 seconds"

const place = "is it running, reachable from here, and is the address right?"

/** What is wrong with a connection, in a sentence. */
const sentence = (description: string, problem: string): string => {
  const known = explained(problem)
  return `no connection to ${description}: ${known === problem ? `${problem}; ${place}` : known}`
}

/** Waits until a connection is ready, or has failed for the first time. */
const ready = (connection: RedisConnection, description: string, secrets: ReadonlyArray<string>) =>
  Effect.async<void, Unreachable>((resume) => {
    const done = () => resume(Effect.void)
    const failed = (error: unknown) =>
      resume(Effect.fail(new Unreachable({ sentence: sentence(description, messageOf(error, secrets)) })))
    connection.on("ready", done)
    connection.on("error", failed)
    if (connection.status === "ready") done()
    return Effect.sync(() => connection.off("ready", done))
  }).pipe(
    Effect.timeoutFail({
      duration: patience,
      onTimeout: () => new Unreachable({ sentence: sentence(description, `nothing answered within ${patience}`) })
    })
  )

const opened = (open: () => RedisConnection): Effect.Effect<RedisConnection, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const connection = open()
      insistOnDatabase(connection)
      // Later errors fail commands, which tell of them.
      connection.on("error", () => {})
      return connection
    }),
    (connection) => Effect.sync(() => connection.disconnect())
  )

const noCredentials = () => Promise.reject(new Error("credentials are fixed here"))

const call = (connection: RedisConnection, secrets: ReadonlyArray<string>): RawRedis["ask"] => (command, ...args) =>
  Effect.tryPromise({
    try: () => (connection as CommandCaller).call(command, ...args),
    catch: (error) => new Refused({ command, said: messageOf(error, secrets) })
  })

/** Connects; fails where nothing answers, or something else than Redis does. */
export const openRaw = (settings: RedisSettings): Effect.Effect<RawRedis, Unreachable, Scope.Scope> =>
  Effect.gen(function*() {
    const connector = fromSettings(settings)
    const { secrets } = connector
    const description = describe(settings)
    const connection = yield* opened(() => connector.open("work", noCredentials))
    yield* ready(connection, description, secrets)
    const primaries = (): ReadonlyArray<RedisConnection> => {
      if (connection.isCluster !== true) return [connection]
      const cluster = connection as unknown as { readonly nodes: (role: "master") => ReadonlyArray<RedisConnection> }
      return cluster.nodes("master")
    }
    return {
      description,
      canFailOver: connector.canFailOver,
      ask: call(connection, secrets),
      askEach: (command, ...args) => primaries().map((node) => call(node, secrets)(command, ...args)),
      listen: (channel) =>
        Effect.scoped(Effect.gen(function*() {
          const wake = connector.openWake(connection, noCredentials)
          if (wake === undefined) return
          yield* opened(() => wake)
          yield* ready(wake, description, secrets).pipe(Effect.ignore)
          yield* Effect.tryPromise({
            try: () => wake.subscribe(channel),
            catch: (error) => new Refused({ command: "SUBSCRIBE", said: messageOf(error, secrets) })
          })
        }))
    }
  })
