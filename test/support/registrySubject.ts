/**
 * Registries to be tested, each with a hand behind its back. Both have their time from the Effect clock, so that a
 * `TestClock` moves it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Cluster, Redis } from "ioredis"
import { type GroupRegistry, makeEncoded } from "../../src/GroupRegistry.js"
import { makeBackend } from "../../src/internal/redis/backend.js"
import { fromSettings } from "../../src/internal/redis/connections.js"
import type { ServerPlace } from "../../src/internal/redis/redisOptions.js"
import { keysOf, parts } from "../../src/internal/redis/scripts.js"
import { makeBackend as makeMemory } from "../../src/internal/registry/memory.js"
import { emptyState, type RegistryState } from "../../src/internal/registry/state.js"
import { type Dump, dumpMachine, dumpRedis, type Part } from "./registryData.js"
import { scripts } from "./registryScripted.js"

/** A number of the bookkeeping. */
export type MetaNumber = "high" | "log" | "collected" | "now" | "quarantine" | "last" | "ttl" | "maxStep"

/** What tests do to stored data. */
export interface Hand {
  readonly remove: (part: Part) => Effect.Effect<void>
  /** Stores a record that no command would. */
  readonly write: (
    part: "spec" | "tomb" | "claim" | "stat" | "node" | "direct" | "sessx" | "trial" | "round" | "state",
    id: string,
    value: string
  ) => Effect.Effect<void>
  /** Keeps the newest entries of the log only. */
  readonly trimLog: (keep: number) => Effect.Effect<void>
  /** Loses the newest entry of the log. */
  readonly loseNewest: Effect.Effect<void>
  /** Adds an entry to the log that no command would. */
  readonly appendLog: (at: number) => Effect.Effect<void>
  /** Stores a number of the bookkeeping that no command would. */
  readonly meta: (field: MetaNumber, value: number) => Effect.Effect<void>
  /** The bookkeeping lacks the count of states, as after an era that an older script began. */
  readonly forgetStates: Effect.Effect<void>
  /** Adds an entry to the history that no command would. */
  readonly appendHistory: (ms: number, at: number) => Effect.Effect<void>
  /** Removes the newest entry of the history. The stream remembers its place. */
  readonly loseNewestEntry: Effect.Effect<void>
  readonly lowerCounter: (by: number) => Effect.Effect<void>
  /** Makes all tombstones older. */
  readonly age: (by: number) => Effect.Effect<void>
  /** The data was written by another server process. */
  readonly otherServer: Effect.Effect<void>
  readonly layout: (layout: string) => Effect.Effect<void>
  /** The scope belongs to another layout. */
  readonly ownedBy: (layout: string) => Effect.Effect<void>
  readonly dump: Effect.Effect<Dump>
}

/** @internal */
export interface Subject {
  readonly registry: GroupRegistry["Type"]
  readonly scope: string
  readonly hand: Hand
}

export type EmptyPolicy = "settle" | "trust"

const oddEntry = { id: "k/odd", token: 1, node: "odd#1", attempt: 0, what: "claimed", note: "", n: 1 }

const memoryHand = (state: () => RegistryState): Hand => {
  const act = (change: (state: RegistryState) => void) => Effect.sync(() => change(state()))
  return {
    remove: (part) =>
      act((state) => {
        if (part === "meta") state.meta = undefined
        else if (part === "log" || part === "hist") state[part] = []
        else state[part].clear()
      }),
    write: (part, id, value) => act((state) => void state[part].set(id, value)),
    trimLog: (keep) =>
      act((state) => {
        state.log = state.log.slice(-keep)
      }),
    loseNewest: act((state) => void state.log.pop()),
    appendLog: (at) => act((state) => void state.log.push({ at, kind: "c", id: "k/odd" })),
    meta: (field, value) =>
      act((state) => {
        state.meta![field] = value
      }),
    forgetStates: act((state) => {
      state.meta!.states = undefined
    }),
    appendHistory: (ms, at) => act((state) => void state.hist.push({ ...oddEntry, ms, at })),
    loseNewestEntry: act((state) => void state.hist.pop()),
    lowerCounter: (by) =>
      act((state) => {
        state.meta!.high -= by
      }),
    age: (by) =>
      act((state) => {
        for (const [id, at] of state.tombx) state.tombx.set(id, at - by)
      }),
    otherServer: act((state) => {
      state.meta!.run = "another"
    }),
    layout: (layout) =>
      act((state) => {
        state.meta!.layout = layout
      }),
    ownedBy: (layout) => act((state) => void state.layout.set("layout", layout)),
    dump: Effect.sync(() => dumpMachine(state()))
  }
}

/** The hand behind a scope on Redis. */
export const redisHand = (redis: Redis | Cluster, prefix: string, scope: string): Hand => {
  const keys = keysOf(prefix, scope)
  const key = (part: Part) => keys[parts.indexOf(part)]!
  const act = (change: () => Promise<unknown>) => Effect.asVoid(Effect.promise(change))
  return {
    remove: (part) => act(() => redis.del(key(part))),
    write: (part, id, value) => act(() => redis.hset(key(part), id, value)),
    trimLog: (keep) => act(() => redis.xtrim(key("log"), "MAXLEN", keep)),
    loseNewest: act(async () => {
      const [newest] = await redis.xrevrange(key("log"), "+", "-", "COUNT", 1)
      await redis.xdel(key("log"), newest![0])
    }),
    appendLog: (at) => act(() => redis.xadd(key("log"), `${at}-0`, "kind", "c", "id", "k/odd")),
    meta: (field, value) => act(() => redis.hset(key("meta"), field, String(BigInt(value)))),
    forgetStates: act(() => redis.hdel(key("meta"), "states")),
    appendHistory: (ms, at) =>
      act(() => {
        const fields = Object.entries(oddEntry).flatMap(([name, value]) => [name, String(value)])
        return redis.xadd(key("hist"), `${ms}-${at}`, ...fields)
      }),
    loseNewestEntry: act(async () => {
      const [newest] = await redis.xrevrange(key("hist"), "+", "-", "COUNT", 1)
      await redis.xdel(key("hist"), newest![0])
    }),
    lowerCounter: (by) =>
      act(async () => {
        const high = Number(await redis.hget(key("meta"), "high"))
        await redis.hset(key("meta"), "high", String(high - by))
      }),
    age: (by) =>
      act(async () => {
        for (const id of await redis.zrange(key("tombx"), 0, -1)) await redis.zincrby(key("tombx"), -by, id)
      }),
    otherServer: act(() => redis.hset(key("meta"), "run", "another")),
    layout: (layout) => act(() => redis.hset(key("meta"), "layout", layout)),
    ownedBy: (layout) => act(() => redis.hset(key("layout"), "layout", layout)),
    dump: Effect.promise(() => dumpRedis(redis, prefix, scope))
  }
}

let scopes = 0
const freshScope = (): string => `scope-${process.pid}-${++scopes}`

/** The registry inside this process. */
export const memorySubject = (onEmpty: EmptyPolicy): Effect.Effect<Subject> =>
  Effect.map(makeMemory(onEmpty), ({ encoded, states }) => {
    const scope = freshScope()
    const state = () => {
      const known = states.get(scope) ?? emptyState()
      states.set(scope, known)
      return known
    }
    return { registry: makeEncoded(encoded), scope, hand: memoryHand(state) }
  })

const prefix = "conformance:"

/** Where a test server is, by its address. */
export const placeOf = (url: string): ServerPlace => {
  if (!url.includes("://")) return { _tag: "Unix", path: url }
  const { hostname, port } = new URL(url)
  return { _tag: "Tcp", endpoint: { host: hostname, port: Number(port) } }
}

/** Scripts that are told the time, on a real server. */
export const redisSubject =
  (redis: Redis | Cluster, place: ServerPlace) => (onEmpty: EmptyPolicy): Effect.Effect<Subject, never, Scope.Scope> =>
    Effect.gen(function*() {
      const connector = fromSettings({
        place,
        keyPrefix: prefix,
        commandTimeout: 5_000,
        connectTimeout: 3_000,
        trust: onEmpty === "trust",
        connectionName: "conformance",
        db: 0,
        username: undefined,
        password: undefined,
        tls: undefined
      })
      const extra = Effect.clockWith((clock) => Effect.sync(() => [String(clock.unsafeCurrentTimeMillis()), "run0"]))
      const encoded = yield* makeBackend(connector, { scripts, extra })
      const scope = freshScope()
      yield* Effect.addFinalizer(() => Effect.promise(() => redis.del(...keysOf(prefix, scope))))
      return { registry: makeEncoded(encoded), scope, hand: redisHand(redis, prefix, scope) }
    })
