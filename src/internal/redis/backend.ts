/**
 * Backend of the registry on Redis: opens the connections, and runs each command as a script on one of them.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { RegistryUnavailable } from "../../PogoError.js"
import { withAsked } from "../registry/asked.js"
import type { Encoded } from "../registry/commands.js"
import { newsDelay } from "../registry/commands.js"
import { logWarning } from "../runtime/userCode.js"
import { decodeReply, encodeEnvelope, encoders } from "./codec.js"
import { ConnectionHealth, serverWarnings } from "./connectionHealth.js"
import { type Connector, insistOnDatabase, type RedisConnection, type Role } from "./connections.js"
import type { Credentials } from "./credentials.js"
import { disconnected, failureOf, messageOf, unfit, unreadable } from "./errors.js"
import { callScript, channelOf, keysOf, type Script, type Scripts, scripts } from "./scripts.js"
import { makeSubscriptions } from "./subscription.js"

/** Scripts to run, and arguments that follow those of each command. Tests alone have others than `production`. */
export interface Variant {
  readonly scripts: Scripts
  readonly extra: Effect.Effect<ReadonlyArray<string>>
}

const production: Variant = { scripts, extra: Effect.succeed([]) }

/** Time limits: of the wait for the first connections, and of a farewell to the server. */
const limits = { first: "2 seconds", close: "1 second" } as const

/** Clock of connections: real time, since servers and sockets know nothing of a clock that a test installs. */
const realClock = Clock.make()

const isReady = (connection: RedisConnection): boolean => connection.status === "ready"

/** Waits for an event of a connection. */
const event = (connection: RedisConnection, name: "ready" | "error"): Effect.Effect<void> =>
  Effect.async((resume) => {
    const listener = () => resume(Effect.void)
    connection.on(name, listener)
    return Effect.sync(() => connection.off(name, listener))
  })

const whenReady = (connection: RedisConnection): Effect.Effect<void> =>
  Effect.suspend(() => (isReady(connection) ? Effect.void : event(connection, "ready")))

/** Waits until all connections are ready or one of them has failed, or for the time limit. */
const firstConnections = (connections: ReadonlyArray<RedisConnection>): Effect.Effect<void> =>
  Effect.forEach(connections, whenReady, { concurrency: "unbounded", discard: true }).pipe(
    Effect.race(Effect.raceAll(connections.map((connection) => event(connection, "error")))),
    Effect.timeoutOption(limits.first)
  )

/**
 * Closes a connection, with a farewell if it is ready. An encrypted one that is closed while it is being made fails once
 * more, when ioredis listens no longer.
 */
const close = (connection: RedisConnection): Effect.Effect<void> =>
  Effect.tryPromise(async () => isReady(connection) && connection.quit()).pipe(
    // The time limit ends it, even where nothing else may.
    Effect.interruptible,
    Effect.timeoutOption(limits.close),
    Effect.withClock(realClock),
    Effect.ignore,
    Effect.zipRight(Effect.sync(() => {
      for (const { stream } of [connection, ...connection.nodes?.("all") ?? []]) stream?.on("error", () => {})
      connection.disconnect()
    }))
  )

/** Opens a connection that closes with the scope, and whose health is followed. */
const acquire = <A extends RedisConnection | undefined>(
  health: ConnectionHealth,
  role: Role,
  open: () => A
): Effect.Effect<A, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const connection = open()
        if (connection === undefined) return { connection, leave: () => {} }
        insistOnDatabase(connection)
        return { connection, leave: health.watch(role, connection) }
      }),
      ({ connection, leave }) =>
        Effect.suspend(() => {
          leave()
          return connection === undefined ? Effect.void : close(connection)
        })
    ),
    ({ connection }) => connection
  )

/** Warns of settings of the server that weaken the guarantees, if this user may read them. */
const warnOfServer = (connector: Connector, connection: RedisConnection): Effect.Effect<void> =>
  whenReady(connection).pipe(
    Effect.zipRight(Effect.tryPromise(() => Promise.all([connection.info("memory"), connection.info("replication")]))),
    Effect.flatMap(([memory, replication]) =>
      Effect.forEach(
        serverWarnings(connector.description, memory, replication, connector.canFailOver),
        (warning) => logWarning(warning),
        { discard: true }
      )
    ),
    Effect.ignore
  )

const warnOfRefusedSubscription = (connector: Connector, error: unknown): Effect.Effect<void> =>
  logWarning(
    `this user may not subscribe to channels of the registry ${connector.description} (${
      messageOf(error, connector.secrets)
    }); news come with the renewals only: allow the channels that begin with "${connector.keyPrefix}pogo1:"`
  )

/**
 * Calls a script. A rejection before the next turn of the event loop means that nothing was sent. ioredis has a time
 * limit for each of the two calls that a script may take, but not for one that waits in the queue of a cluster's client:
 * this one is a little longer, and for all. Timer and turn belong to the socket, hence to real time and no fiber.
 */
const send = (
  connector: Connector,
  connection: RedisConnection,
  name: string,
  script: Script,
  keys: ReadonlyArray<string>,
  args: ReadonlyArray<string>
): Effect.Effect<unknown, RegistryUnavailable> =>
  Effect.async((resume) => {
    let atOnce = true
    const turn = setImmediate(() => {
      atOnce = false
    })
    const fail = (error: unknown) => resume(Effect.fail(failureOf(name, error, { ...connector, atOnce })))
    const timer = setTimeout(() => fail(new Error("Command timed out")), 1.2 * connector.commandTimeout)
    callScript(connection, script, keys, args).then((raw) => resume(Effect.succeed(raw)), fail).finally(() => {
      clearImmediate(turn)
      clearTimeout(timer)
    })
  })

const makeExecute = (
  connector: Connector,
  variant: Variant,
  connections: { readonly tick: RedisConnection; readonly work: RedisConnection },
  health: ConnectionHealth
): Encoded["execute"] => {
  const { db, description, keyPrefix, trust } = connector
  return (name, envelope, args) =>
    Effect.flatMap(variant.extra, (extra) => {
      const role = name === "tick" ? "tick" : "work"
      const connection = connections[role]
      if (!isReady(connection)) return Effect.fail(disconnected(name, description, health.problemOf(role)))
      if (health.unfit !== undefined) return Effect.fail(unfit(name, description, health.unfit))
      const { scope } = envelope
      const argv = [
        ...encodeEnvelope(withAsked(envelope, args), trust, channelOf(keyPrefix, scope, db)),
        ...encoders[name](args),
        ...extra
      ]
      return Effect.flatMap(
        send(connector, connection, name, variant.scripts[name], keysOf(keyPrefix, scope), argv),
        (raw) =>
          Effect.try({ try: () => decodeReply(name, raw), catch: (error) => unreadable(name, error, description) })
      )
    })
}

/** Makes the backend. Its connections close with the scope, all at the same time. */
export const makeBackend = (
  connector: Connector,
  variant: Variant = production
): Effect.Effect<Encoded, never, Scope.Scope> =>
  Effect.gen(function*() {
    const run = yield* FiberSet.makeRuntime()
    const health = new ConnectionHealth(
      connector.description,
      connector.secrets,
      (message) => void run(message),
      () => realClock.unsafeCurrentTimeMillis()
    )
    const ask = yield* FiberSet.makeRuntimePromise<never, Credentials>()
    const tick = yield* acquire(health, "tick", () => connector.open("tick", ask))
    const work = yield* acquire(health, "work", () => connector.open("work", ask))
    const subscriptions = yield* makeSubscriptions(
      acquire(health, "wake", () => connector.openWake(work, ask)),
      (error) => warnOfRefusedSubscription(connector, error)
    )
    yield* firstConnections([tick, work])
    yield* Effect.forkScoped(warnOfServer(connector, work))
    return {
      description: connector.description,
      newsDelay,
      execute: makeExecute(connector, variant, { tick, work }, health),
      onWake: (scope, listener) => subscriptions.listen(channelOf(connector.keyPrefix, scope, connector.db), listener)
    } satisfies Encoded
  }).pipe(Effect.parallelFinalizers, Effect.withClock(realClock))
