/**
 * Gathers what the doctor judges by: asks a server and reads a scope's keys. Writes nothing, also where it finds out what
 * a user may do: those commands name a key that does not exist, or are wrong in their form.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { keysOf, parts } from "../redis/scripts.js"
import { layoutVersion } from "../registry/commands.js"
import { parseDirective } from "../registry/state.js"
import { readMembers } from "../replica/nodeRecord.js"
import { readSpec } from "../replica/replica.js"
import type { DoctorFacts, OwnSettings, PartFacts, ScopeFacts, ServerFacts, SpecFacts, Unseen } from "./doctorFacts.js"
import type { Refused } from "./failures.js"
import type { RawRedis } from "./rawRedis.js"

/** What was not seen, while it is gathered. */
class Blind {
  readonly unseen: Array<Unseen> = []

  /** Goes on without an answer, and remembers what is not known. */
  readonly unless = <A>(what: string, instead: A) => (effect: Effect.Effect<A, Refused>): Effect.Effect<A> =>
    Effect.catchAll(effect, ({ command, said }) =>
      Effect.sync(() => {
        if (!this.unseen.some((other) => other.what === what)) this.unseen.push({ what, why: `${command}: ${said}` })
        return instead
      }))
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const texts = (value: unknown): ReadonlyArray<string> => (Array.isArray(value) ? value.map(String) : [])

/** A flat reply of names and values, or a map of RESP3. */
const pairs = (value: unknown): ReadonlyArray<readonly [string, string]> => {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value).map(([name, one]) => [name, String(one)] as const)
  }
  const flat = texts(value)
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ""] as const] : []))
}

const fieldsOf = (info: string): ReadonlyMap<string, string> =>
  new Map(
    info.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf(":")
      return at < 1 || line.startsWith("#") ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
    })
  )

/** Settings that are asked for, one by one: a pattern would bring passwords along. */
const settings = [
  "maxmemory-policy",
  "appendfsync",
  "min-replicas-to-write",
  "min-replicas-max-lag",
  "timeout",
  "maxclients"
] as const

const configOf = (redis: RawRedis) =>
  Effect.map(
    Effect.forEach(settings, (name) => Effect.map(redis.ask("CONFIG", "GET", name), pairs), {
      concurrency: "unbounded"
    }),
    (all) => new Map(all.flat())
  )

/** The script that a user tries who may run any: it does nothing. */
const nothing = "return 1"

/**
 * Commands that nodes need, as this user may give them without a trace: on a key that does not exist, or in a form that
 * the command itself refuses, after the user's rights were looked at.
 */
const probesOf = (key: string): ReadonlyArray<readonly [command: string, ...args: ReadonlyArray<string>]> => [
  ["EVAL", nothing, "0"],
  ["EVALSHA", "0".repeat(40), "0"],
  ["TIME"],
  ["HGET", key, "f"],
  ["HSET", key, "f", "v", "odd"],
  ["HDEL", key, "f"],
  ["HLEN", key],
  ["HMGET", key, "f"],
  ["HEXISTS", key, "f"],
  ["HSCAN", key, "0"],
  ["XADD", key, "no-id", "f", "v"],
  ["XLEN", key],
  ["XRANGE", key, "-", "+", "COUNT", "1"],
  ["XREVRANGE", key, "+", "-", "COUNT", "1"],
  ["ZADD", key, "no-number", "m"],
  ["ZREM", key, "m"],
  ["ZCARD", key],
  ["ZSCORE", key, "m"],
  ["ZRANGE", key, "0", "0"],
  ["ZRANGEBYSCORE", key, "0", "0"],
  ["ZREVRANGE", key, "0", "0"],
  ["ZREMRANGEBYRANK", key, "0", "0"],
  ["DEL", key],
  // Nobody listens to a channel of this name.
  ["PUBLISH", key, ""]
]

const isForbidden = (said: string): boolean => /NOPERM|no permissions|unknown command/i.test(said)

const refusedOf = (redis: RawRedis, base: string): Effect.Effect<ServerFacts["refused"]> =>
  Effect.map(
    Effect.forEach(
      [
        ...probesOf(`${base}doctor`).map(([command, ...args]) => redis.ask(command, ...args)),
        redis.listen(`${base}wake`)
      ],
      (probe) =>
        Effect.match(probe, {
          onFailure: ({ command, said }) => (isForbidden(said) ? [{ command, said }] : []),
          onSuccess: () => []
        }),
      { concurrency: "unbounded" }
    ),
    (all) => all.flat()
  )

/** How many round trips are measured. */
const trips = 7

const roundTripsOf = (redis: RawRedis): Effect.Effect<ReadonlyArray<number>> =>
  Effect.map(
    Effect.forEach(
      Array.from({ length: trips }),
      () => Effect.map(Effect.timed(Effect.ignore(redis.ask("PING"))), ([took]) => Duration.toMillis(took))
    ),
    // The first one warms up.
    (all) => all.slice(1)
  )

const aheadOf = (redis: RawRedis): Effect.Effect<number | undefined, Refused> =>
  Effect.gen(function*() {
    const before = yield* Clock.currentTimeMillis
    const [seconds, micros] = texts(yield* redis.ask("TIME")).map(Number)
    const after = yield* Clock.currentTimeMillis
    return seconds === undefined || micros === undefined
      ? undefined
      : seconds * 1_000 + micros / 1_000 - (before + after) / 2
  })

const serverOf = (redis: RawRedis, base: string, blind: Blind): Effect.Effect<ServerFacts> =>
  Effect.gen(function*() {
    const { canFailOver, description } = redis
    const roundTrips = yield* roundTripsOf(redis)
    const ahead = yield* blind.unless<number | undefined>("the server's clock", undefined)(aheadOf(redis))
    const info = yield* blind.unless("the server's state", "")(Effect.map(redis.ask("INFO"), text))
    const config = yield* blind.unless("the server's settings", new Map<string, string>())(configOf(redis))
    const refused = yield* refusedOf(redis, base)
    return { description, canFailOver, info: fieldsOf(info), config, roundTrips, ahead, refused }
  })

const typeOf: { readonly [part: string]: string } = {
  sess: "zset",
  tombx: "zset",
  dead: "zset",
  log: "stream",
  hist: "stream"
}

const counting: { readonly [type: string]: string } = { hash: "HLEN", zset: "ZCARD", stream: "XLEN" }

const partOf = (redis: RawRedis, part: string, key: string, blind: Blind): Effect.Effect<PartFacts> =>
  Effect.gen(function*() {
    const usual = typeOf[part] ?? "hash"
    const type = yield* blind.unless("the types of keys", usual)(Effect.map(redis.ask("TYPE", key), text))
    const count = counting[type]
    const size = count === undefined
      ? 0
      : yield* blind.unless("the number of records", 0)(Effect.map(redis.ask(count, key), Number))
    const bytes = type === "none" ? 0 : yield* blind.unless<number | undefined>("the memory of the scope", undefined)(
      Effect.map(redis.ask("MEMORY", "USAGE", key, "SAMPLES", "100"), (value) => Number(value ?? 0))
    )
    return { part, key, type, count: size, bytes }
  })

/** The most fields of a hash that are read. */
const mostFields = 200_000

/** The fields of a hash, a page at a time, so that the server does other things between. */
const scanHash = (redis: RawRedis, key: string): Effect.Effect<ReadonlyArray<readonly [string, string]>, Refused> =>
  Effect.gen(function*() {
    const all = new Map<string, string>()
    for (let cursor = "0", more = true; more && all.size < mostFields; more = cursor !== "0") {
      const reply = yield* redis.ask("HSCAN", key, cursor, "COUNT", "1000")
      const [next, fields] = Array.isArray(reply) ? reply as ReadonlyArray<unknown> : []
      for (const [name, value] of pairs(fields)) all.set(name, value)
      cursor = text(next) === "" ? "0" : text(next)
    }
    return Array.from(all)
  })

/** The most pages of keys that are looked through. */
const mostPages = 1_000

const escaped = (pattern: string): string => pattern.replace(/[*?[\]\\]/g, "\\$&")

/** Keys of a server that match a pattern; it may have very many of others. */
const scanKeys = (
  redis: RawRedis,
  pattern: string
): Effect.Effect<{ readonly keys: ReadonlyArray<string>; readonly whole: boolean }, Refused> =>
  Effect.gen(function*() {
    const keys = new Set<string>()
    let whole = true
    const servers = redis.askEach("PING").length
    for (let i = 0; i < servers; i++) {
      let cursor = "0"
      for (let page = 0; page === 0 || cursor !== "0"; page++) {
        if (page === mostPages) {
          whole = false
          break
        }
        const reply = yield* redis.askEach("SCAN", cursor, "MATCH", pattern, "COUNT", "1000")[i]!
        const [next, found] = Array.isArray(reply) ? reply as ReadonlyArray<unknown> : []
        for (const key of texts(found)) keys.add(key)
        cursor = text(next) === "" ? "0" : text(next)
      }
    }
    return { keys: [...keys], whole }
  })

/** The names of the scopes that a server holds, by the keys of their bookkeeping. */
export const scopesOf = (redis: RawRedis, prefix: string): Effect.Effect<ReadonlyArray<string>, Refused> =>
  Effect.map(
    scanKeys(redis, `${escaped(prefix)}pogo*:{*}:meta`),
    ({ keys }) =>
      keys.flatMap((key) => /^pogo\d+:\{(.*)\}:meta$/.exec(key.slice(prefix.length))?.[1] ?? [])
        .map((tag) => tag.replace(/%(\d+)/g, (_, code) => String.fromCharCode(Number(code))))
        .sort()
  )

/** Keys of the scope that are not ours, and layouts that they speak of. */
const strangersOf = (redis: RawRedis, prefix: string, base: string, blind: Blind) =>
  Effect.gen(function*() {
    const tag = base.slice(prefix.length).replace(/^pogo\d+/, "")
    const found = yield* blind.unless("keys of others", { keys: [] as ReadonlyArray<string>, whole: true })(
      scanKeys(redis, `${escaped(prefix)}pogo*${escaped(tag)}*`)
    )
    if (!found.whole) blind.unseen.push({ what: "some keys of others", why: "the server has more than a million keys" })
    const layouts = new Set<string>()
    const odd: Array<string> = []
    for (const key of found.keys) {
      const [, number, part] = /^pogo(\d+):\{.*\}:(.*)$/.exec(key.slice(prefix.length)) ?? []
      if (!(parts as ReadonlyArray<string>).includes(part ?? "")) odd.push(key)
      else if (number !== String(layoutVersion)) layouts.add(number!)
    }
    const strangers = yield* Effect.forEach(odd.slice(0, 100), (key) =>
      Effect.map(
        blind.unless("the types of keys", "key")(Effect.map(redis.ask("TYPE", key), text)),
        (type) => ({ key, type, expected: "none" })
      ))
    return { strangers, layouts: [...layouts] }
  })

/** Live sessions of a scope, by its own clock and by what is left of them. */
const liveOf = (
  meta: ReadonlyMap<string, string>,
  sessions: ReadonlyArray<readonly [sid: string, expiry: string]>,
  idle: number | undefined
): ReadonlySet<string> => {
  const now = Number(meta.get("now") ?? 0)
  const ttl = Number(meta.get("ttl") ?? 0)
  // The scope's clock stands still while nobody sends a command: where that is long ago, nobody renews a lease.
  if (idle !== undefined && idle > ttl) return new Set()
  return new Set(sessions.flatMap(([sid, expiry]) => (Number(expiry) > now ? [sid] : [])))
}

const orUndefined = (value: string | undefined): number | undefined => {
  const read = value === undefined ? NaN : Number(value)
  return Number.isFinite(read) ? read : undefined
}

const scopeOf = (
  redis: RawRedis,
  { prefix, scope }: KeySpace,
  ahead: number | undefined,
  blind: Blind
): Effect.Effect<ScopeFacts> =>
  Effect.gen(function*() {
    const keys = keysOf(prefix, scope)
    const base = keys[0]!.slice(0, -parts[0].length)
    const keyOf = (part: (typeof parts)[number]) => keys[parts.indexOf(part)]!
    const all = yield* Effect.forEach(parts, (part, i) => partOf(redis, part, keys[i]!, blind), {
      concurrency: "unbounded"
    })
    const isOurs = (part: string) => all.some((one) => one.part === part && one.type === (typeOf[part] ?? "hash"))
    const hash = (part: (typeof parts)[number]) =>
      isOurs(part) ?
        blind.unless<ReadonlyArray<readonly [string, string]>>(`the records of ${part}`, [])(
          scanHash(redis, keyOf(part))
        ) :
        Effect.succeed([])
    const meta = new Map(yield* hash("meta"))
    const nodes = yield* hash("node")
    const specs = (yield* hash("spec")).map(([id, raw]): SpecFacts => ({ id, spec: readSpec(id, raw) }))
    const directives = (yield* hash("direct")).flatMap(([name, raw]) => {
      const found = parseDirective(raw)
      return found === undefined || found.what === "undo" ? [] : [{ name, what: found.what }]
    })
    const sessions = isOurs("sess")
      ? yield* blind.unless<ReadonlyArray<readonly [string, string]>>("the sessions", [])(
        Effect.map(redis.ask("ZRANGE", keyOf("sess"), "0", "-1", "WITHSCORES"), pairs)
      )
      : []
    const last = orUndefined(meta.get("last"))
    const idle = last === undefined || ahead === undefined
      ? undefined
      : (yield* Clock.currentTimeMillis) + ahead - last
    const live = liveOf(meta, sessions, idle)
    const others = yield* strangersOf(redis, prefix, base, blind)
    const own = new Map(yield* hash("layout")).get("layout") ?? meta.get("layout")
    return {
      scope,
      exists: all.some(({ part, type }) =>
        type !== "none" && (part === "meta" || part === "spec" || part === "layout")
      ),
      layout: String(layoutVersion),
      layouts: [...new Set([...(own === undefined ? [] : [own]), ...others.layouts])],
      ttl: orUndefined(meta.get("ttl")),
      maxStep: orUndefined(meta.get("maxStep")),
      idle,
      members: readMembers(nodes.flatMap(([sid, record]) => (live.has(sid) ? [{ sid, record }] : []))),
      specs,
      truncated: specs.length < (all.find(({ part }) => part === "spec")?.count ?? 0),
      directives,
      parts: all,
      strangers: [
        ...all.flatMap(({ key, part, type }) => {
          const expected = typeOf[part] ?? "hash"
          return type === "none" || type === expected ? [] : [{ key, type, expected }]
        }),
        ...others.strangers
      ]
    }
  })

/** Where the doctor looks. */
export interface KeySpace {
  /** Prefix of all keys; empty for none. */
  readonly prefix: string
  readonly scope: string
}

/** Gathers all facts. `own`: the settings of a node with this environment, by the scope's own ttl if it has one. */
export const gather = (
  redis: RawRedis,
  target: KeySpace,
  own: (ttl: number | undefined) => OwnSettings
): Effect.Effect<DoctorFacts> =>
  Effect.gen(function*() {
    const blind = new Blind()
    const base = keysOf(target.prefix, target.scope)[0]!.slice(0, -parts[0].length)
    const server = yield* serverOf(redis, base, blind)
    const scope = yield* scopeOf(redis, target, server.ahead, blind)
    return { server, scope, own: own(scope.ttl), unseen: blind.unseen }
  })
