/**
 * Subscriptions: one connection that listens to a channel per scope, for the wake-ups that tell of news.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { decodeWake, type WakeListener } from "./codec.js"
import { type RedisConnection, retryDelay } from "./connections.js"

/** Interval of pings. One that is not answered closes a connection that is dead without having been closed. */
const pingInterval = "30 seconds"

/** Delays between connections: the first one again after a connection that was ready (its input). */
const reconnection = Schedule.forever.pipe(
  Schedule.addDelay((attempt) => retryDelay(attempt + 1)),
  Schedule.passthrough<number, boolean, never>,
  Schedule.resetWhen((wasReady) => wasReady)
)

/** Subscriptions of one registry. */
export interface Subscriptions {
  /**
   * Calls a listener with each wake-up of a channel, until the scope closes. Never fails: without a connection there
   * are no wake-ups, and one call with nothing when they come again, since some were missed.
   */
  readonly listen: (channel: string, listener: WakeListener) => Effect.Effect<void, never, Scope.Scope>
}

/** Waits until a connection has ended for good; succeeds with whether it was ready before. */
const ended = (connection: RedisConnection, onReady: () => void): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    let wasReady = false
    connection.on("ready", () => {
      wasReady = true
      onReady()
    })
    connection.on("end", () => resume(Effect.succeed(wasReady)))
  })

/**
 * Makes subscriptions.
 *
 * @param open opens a connection, which closes with the scope; `undefined` when no server is known at the moment
 * @param warnOfRefusal called once, if the user may not subscribe
 */
export const makeSubscriptions = (
  open: Effect.Effect<RedisConnection | undefined, never, Scope.Scope>,
  warnOfRefusal: (error: unknown) => Effect.Effect<void>
): Effect.Effect<Subscriptions, never, Scope.Scope> =>
  Effect.gen(function*() {
    const run = yield* FiberSet.makeRuntime()
    const listenersOf = new Map<string, Set<WakeListener>>()
    let connection: RedisConnection | undefined
    let isRefused = false

    const ready = (): RedisConnection | undefined => (connection?.status === "ready" ? connection : undefined)

    const notify = (channel: string, ...news: Parameters<WakeListener>): void => {
      for (const listener of listenersOf.get(channel) ?? []) listener(...news)
    }

    const onRefusal = (current: RedisConnection, error: unknown): Effect.Effect<void> => {
      if (isRefused || current.status !== "ready") return Effect.void
      isRefused = true
      return warnOfRefusal(error)
    }

    /** Subscribes to a channel. Messages before this moment were missed. */
    const subscribe = (channel: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        const current = ready()
        if (current === undefined) return Effect.void
        return Effect.tryPromise({ try: () => current.subscribe(channel), catch: (error) => error }).pipe(
          Effect.matchEffect({
            onSuccess: () => Effect.sync(() => notify(channel, undefined)),
            onFailure: (error) => onRefusal(current, error)
          })
        )
      })

    const connect = Effect.gen(function*() {
      connection = yield* open
      if (connection === undefined) return false
      connection.on("message", (channel, message) => notify(String(channel), ...decodeWake(message)))
      return yield* ended(connection, () => {
        for (const channel of listenersOf.keys()) run(subscribe(channel))
      })
    }).pipe(Effect.scoped)

    yield* Effect.forkScoped(Effect.repeat(connect, reconnection))

    const ping = Effect.ignore(Effect.tryPromise(async () => ready()?.ping()))
    yield* Effect.forkScoped(Effect.schedule(ping, Schedule.spaced(pingInterval)))

    const add = (channel: string, listener: WakeListener): void => {
      const listeners = listenersOf.get(channel)
      if (listeners === undefined) {
        listenersOf.set(channel, new Set([listener]))
        run(subscribe(channel))
        return
      }
      listeners.add(listener)
      listener(undefined)
    }

    const remove = (channel: string, listener: WakeListener): void => {
      const listeners = listenersOf.get(channel)
      listeners?.delete(listener)
      if (listeners === undefined || listeners.size > 0) return
      listenersOf.delete(channel)
      ready()?.unsubscribe(channel).catch(() => {})
    }

    return {
      listen: (channel, listener) => {
        // The same function may listen twice.
        const entry: WakeListener = (...news) => listener(...news)
        return Effect.acquireRelease(
          Effect.sync(() => add(channel, entry)),
          () => Effect.sync(() => remove(channel, entry))
        )
      }
    }
  })
