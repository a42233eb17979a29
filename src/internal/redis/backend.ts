/**
 * The registry's port on Redis: connections that come and go, and scripts that are called on them.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { Encoded } from "../../GroupRegistry.js"
import type { RegistryUnavailable } from "../../PogoError.js"
import { newsDelay } from "../registry/commands.js"
import { decodeReply, encodeEnvelope, encoders } from "./codec.js"
import { Outage } from "./connectionHealth.js"
import { type Client, type Connector, insistOnDatabase, type Role } from "./connections.js"
import { disconnected, failureOf, messageOf, strange } from "./errors.js"
import { callScript, channelOf, keysOf, type Script, type Scripts, scripts } from "./scripts.js"
import { advice } from "./serverAdvice.js"
import { Wake } from "./subscription.js"

/** Which scripts are called, and with what additional arguments. Only tests have others than these. */
export interface Variant {
  readonly scripts: Scripts
  readonly extra: Effect.Effect<ReadonlyArray<string>>
}

const production: Variant = { scripts, extra: Effect.succeed([]) }

/** Milliseconds that a layer waits for its first connections, and that closing one may take. */
const patience = { first: 2_000, close: 1_000 }

/** Real time: connections know no other. */
const orLater = (millis: number, promise: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, millis)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    promise.then(done, done)
  })

/** An encrypted connection that is closed while it is being made fails once more, when ioredis no longer listens. */
const hush = (client: Client): void => {
  for (const { stream } of [client, ...client.nodes?.("all") ?? []]) stream?.on("error", () => {})
}

/** Takes leave, but not for ever. */
const close = (client: Client): Effect.Effect<void> =>
  Effect.promise(async () => {
    if (client.status === "ready") await orLater(patience.close, client.quit())
    hush(client)
    client.disconnect()
  })

const isReady = (client: Client): boolean => client.status === "ready"

const whenReady = (client: Client): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (isReady(client)) return resume(Effect.void)
    client.on("ready", () => resume(Effect.void))
  })

/** Waits until all are connected, or something went wrong. */
const firstConnections = (clients: ReadonlyArray<Client>): Effect.Effect<void> =>
  Effect.promise(() => {
    const start = performance.now()
    let failed = false
    for (const client of clients) client.on("error", () => void (failed = true))
    return new Promise<void>((resolve) => {
      const look = () => {
        const over = failed || performance.now() - start > patience.first
        if (over || clients.every(isReady)) resolve()
        else setTimeout(look, 5)
      }
      look()
    })
  })

const advise = (connector: Connector, client: Client): Effect.Effect<void> =>
  whenReady(client).pipe(
    Effect.zipRight(Effect.tryPromise(() => Promise.all([client.info("memory"), client.info("replication")]))),
    Effect.flatMap(([memory, replication]) =>
      Effect.forEach(
        advice(connector.description, memory, replication, connector.canFailOver),
        (warning) => Effect.logWarning(warning),
        { discard: true }
      )
    ),
    Effect.ignore
  )

interface Open {
  readonly tick: Client
  readonly work: Client
  readonly wake: Wake
  readonly outage: Outage
}

const refusedWake = (connector: Connector, error: unknown): Effect.Effect<void> =>
  Effect.logWarning(
    `the registry ${connector.description} lets this user not subscribe (${
      messageOf(error, connector.secrets)
    }); news ` +
      `come with the renewals only: allow the channels that begin with "${connector.keyPrefix}pogo1:"`
  )

const openAll = (connector: Connector, log: (message: Effect.Effect<void>) => void): Open => {
  const outage = new Outage(connector.description, connector.secrets, log)
  const watched = <A extends Client | undefined>(role: Role, client: A): A => {
    if (client === undefined) return client
    outage.watch(role, client)
    insistOnDatabase(client)
    return client
  }
  const tick = watched("tick", connector.open("tick"))
  const work = watched("work", connector.open("work"))
  const wake = new Wake(
    () => watched("wake", connector.openWake(work)),
    (error) => log(refusedWake(connector, error))
  )
  return { tick, work, wake, outage }
}

const closeAll = ({ outage, tick, wake, work }: Open): Effect.Effect<void> =>
  Effect.suspend(() => {
    outage.close()
    const clients = [wake.close(), tick, work].flatMap((client) => client ?? [])
    return Effect.forEach(clients, close, { concurrency: "unbounded", discard: true })
  })

/**
 * Calls a script. A rejection before the next turn of the event loop comes from a call that was not sent. The timer is
 * for what waits in the queue of a cluster; all else is bounded by ioredis itself, a little earlier.
 */
const send = (
  connector: Connector,
  client: Client,
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
    callScript(client, script, keys, args).then((raw) => resume(Effect.succeed(raw)), fail).finally(() => {
      clearImmediate(turn)
      clearTimeout(timer)
    })
  })

const makeExecute = (connector: Connector, variant: Variant, open: Open): Encoded["execute"] => {
  const { db, description, keyPrefix, trust } = connector
  return (name, envelope, args) =>
    Effect.flatMap(variant.extra, (extra) => {
      const role = name === "tick" ? "tick" : "work"
      const client = open[role]
      if (!isReady(client)) return Effect.fail(disconnected(name, description, open.outage.problemOf(role)))
      const { scope } = envelope
      const argv = [
        ...encodeEnvelope(envelope, trust, channelOf(keyPrefix, scope, db)),
        ...encoders[name](args),
        ...extra
      ]
      return Effect.flatMap(
        send(connector, client, name, variant.scripts[name], keysOf(keyPrefix, scope), argv),
        (raw) => Effect.try({ try: () => decodeReply(name, raw), catch: (error) => strange(name, error, description) })
      )
    })
}

/** @internal */
export const makeBackend = (
  connector: Connector,
  variant: Variant = production
): Effect.Effect<Encoded, never, Scope.Scope> =>
  Effect.gen(function*() {
    const runFork = Runtime.runFork(yield* Effect.runtime())
    const open = yield* Effect.acquireRelease(
      Effect.sync(() => openAll(connector, (message) => void runFork(message))),
      closeAll
    )
    yield* firstConnections([open.tick, open.work])
    yield* Effect.forkScoped(advise(connector, open.work))
    return {
      description: connector.description,
      newsDelay,
      execute: makeExecute(connector, variant, open),
      onWake: (scope, listener) => open.wake.listen(channelOf(connector.keyPrefix, scope, connector.db), listener)
    }
  })
