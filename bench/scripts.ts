/**
 * The cost of the registry's scripts on a real Redis: the time of each on the server, round trips, and memory per child.
 * `npx tsx bench/scripts.ts [children]`, 100,000 unless told. The server is a throw-away one.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Redis } from "ioredis"
import { startRedis } from "../.ci/redis.mjs"
import type { Args, CommandName, Envelope, Ok, Value } from "../src/GroupRegistry.js"
import * as GroupRegistryRedis from "../src/GroupRegistryRedis.js"
import { keysOf } from "../src/internal/redis/keys.js"
import { parts, scripts } from "../src/internal/redis/scripts.js"
import { maxBatch } from "../src/internal/registry/protocol.js"

const children = Number(process.argv[2] ?? 100_000)
const scope = "bench"
const sids = Array.from({ length: 10 }, (_, i) => `node-${i}.example#${i}123456789abcdef0123456789abcdef`)
const body = JSON.stringify({ kind: "ServiceMonitor", payload: { url: "https://example.com/".padEnd(150, "x") } })
const sidOf = (k: number): string => sids[k % sids.length]!
const idOf = (i: number): string => `ServiceMonitor/customer-${i}`

type Registry = Effect.Effect.Success<ReturnType<typeof GroupRegistryRedis.make>>

const program = (registry: Registry, redis: Redis) =>
  Effect.gen(function*() {
    let era = ""
    let high = 0
    let calls = 0
    const times = new Map<string, Array<number>>()
    const spent = new Map<string, number>()
    let current: string | undefined
    let before = 0

    const envelope = (): Envelope => ({
      scope,
      era,
      notAfter: Number.MAX_SAFE_INTEGER,
      high,
      seconds: Math.floor(Date.now() / 1000),
      bits: `bench${++calls}`,
      ttl: 1_000_000,
      maxStep: 2_500
    })

    const run = <K extends CommandName>(name: K, args: Args<K>): Effect.Effect<Ok<Value<K>>> =>
      Effect.gen(function*() {
        if (name !== current) {
          const now = yield* Effect.promise(() => cpu(redis))
          if (current !== undefined) spent.set(current, (spent.get(current) ?? 0) + now - before)
          current = name
          before = now
        }
        const start = performance.now()
        const reply = yield* Effect.orDie(registry.execute(name, envelope(), args))
        const all = times.get(name) ?? []
        times.set(name, all)
        all.push(performance.now() - start)
        if ("high" in reply) high = reply.high
        if (reply._tag !== "OK") return yield* Effect.die(new Error(`${name} answered ${JSON.stringify(reply)}`))
        return reply
      })

    const batches = Array.from(
      { length: Math.ceil(children / maxBatch) },
      (_, k) => Array.from({ length: Math.min(maxBatch, children - k * maxBatch) }, (_, i) => k * maxBatch + i)
    )
    const timesOf = (name: CommandName): ReadonlyArray<number> => times.get(name)!.toSorted((a, b) => a - b)
    const p50 = (name: CommandName): string => {
      const sorted = timesOf(name)
      return sorted[Math.floor(sorted.length / 2)]!.toFixed(2)
    }

    const begin = yield* Effect.orDie(registry.execute("tick", envelope(), { sid: "" }))
    if (begin._tag === "ERA") era = begin.era
    for (const sid of sids) {
      yield* run("open", { sid, version: 1, record: body, mode: "fresh", claims: [], last: true, supersedes: "" })
    }
    const empty = yield* Effect.promise(() => usedMemory(redis))
    const perChild = (sizes: ReadonlyArray<number>) => sizes.map((size, i) => (size - empty[i]!) / children)

    const generations = new Map<number, number>()
    for (const batch of batches) {
      const items = batch.map((i) => ({ id: idOf(i), op: `0123456789abcdef.${i}`, generation: 0, body }))
      const { value } = yield* run("put", { mode: "ensure", items })
      value.results.forEach((result, j) =>
        generations.set(batch[j]!, "spec" in result ? Number(result.spec.split("|")[0]) : 0)
      )
    }
    const tokens = new Map<number, number>()
    for (const [k, batch] of batches.entries()) {
      const items = batch.map((i) => ({ id: idOf(i), generation: generations.get(i)! }))
      const { value } = yield* run("claim", { sid: sidOf(k), items })
      value.results.forEach((result, j) => tokens.set(batch[j]!, result._tag === "GRANTED" ? result.token : 0))
    }
    for (const [k, batch] of batches.entries()) {
      const items = batch.map((i) => ({ id: idOf(i), token: tokens.get(i)!, stat: statOf(tokens.get(i)!) }))
      yield* run("report", { sid: sidOf(k), items })
    }
    const full = yield* Effect.promise(() => usedMemory(redis))

    for (let i = 0; i < 1_000; i++) yield* run("tick", { sid: sidOf(i) })
    let cursor = ""
    do {
      cursor = (yield* run("snap", { cursor })).value.next
    } while (cursor !== "")
    const newest = (yield* run("tick", { sid: sidOf(0) })).log
    for (let at = newest - 100_000, more = true; more;) {
      const { value } = yield* run("changes", { cursor: at })
      at = value.cursor
      more = value.more
    }
    yield* run("nodes", {})
    yield* run("update", { sid: sidOf(0), version: 2, record: body })

    // The first tenth changes hands in each way.
    const some = batches.slice(0, Math.ceil(batches.length / 10))
    for (const [k, batch] of some.entries()) {
      const items = batch.map((i) => ({ id: idOf(i), token: tokens.get(i)!, refused: i % 2 === 0 ? "v1" : "" }))
      yield* run("release", { sid: sidOf(k), items })
    }
    for (const [k, batch] of some.entries()) {
      const items = batch.map((i) => ({ id: idOf(i), generation: generations.get(i)! }))
      const { value } = yield* run("claim", { sid: sidOf(k + 1), items })
      value.results.forEach((result, j) => tokens.set(batch[j]!, result._tag === "GRANTED" ? result.token : 0))
    }
    for (const [k, batch] of some.entries()) {
      const items = batch.map((i) => ({
        id: idOf(i),
        generation: generations.get(i)!,
        token: tokens.get(i)!,
        how: "ended" as const,
        stat: ""
      }))
      yield* run("finish", { sid: sidOf(k + 1), items })
    }
    const others = batches.slice(some.length, 2 * some.length)
    for (const batch of others) {
      yield* run("del", { items: batch.map((i) => ({ id: idOf(i), op: `x${i}`, generation: generations.get(i)! })) })
    }
    // Tombstones that are due: each new one sweeps ten away.
    yield* Effect.promise(() => dueNow(redis))
    for (const batch of batches.slice(2 * some.length, 2 * some.length + 5)) {
      yield* run("del", { items: batch.map((i) => ({ id: idOf(i), op: `y${i}`, generation: generations.get(i)! })) })
    }
    for (const batch of batches.slice(-some.length)) {
      yield* run("merge", {
        facts: batch.map((i) => ({ id: idOf(i), kind: "spec", value: `1|${high + 10}|op|||${body}` }))
      })
    }
    for (const sid of sids) yield* run("close", { sid })

    const longest = yield* Effect.promise(() => slowest(redis))
    console.log(`${children} children, bodies of ${body.length} bytes, batches of ${maxBatch}`)
    const shares = perChild(full)
    const listed = parts.map((part, i) => `${part} ${shares[i]!.toFixed(0)}`).join(", ")
    console.log(`memory per child: ${shares.reduce((sum, share) => sum + share).toFixed(0)} bytes (${listed})`)
    console.log("command   calls  round trip p50 ms  longest ms  longest on the server us  mean CPU of the server us")
    for (const name of times.keys() as MapIterator<CommandName>) {
      const all = timesOf(name)
      console.log([
        name.padEnd(8),
        String(all.length).padStart(6),
        p50(name).padStart(18),
        all.at(-1)!.toFixed(2).padStart(11),
        String(longest.get(name) ?? "-").padStart(25),
        ((spent.get(name) ?? NaN) / all.length).toFixed(0).padStart(26)
      ].join(" "))
    }
  })

const statOf = (token: number): string => `${token}:running:0:${Date.now()}:0:`

/** Bytes of each key of the scope, exactly. */
const usedMemory = async (redis: Redis): Promise<ReadonlyArray<number>> => {
  const sizes: Array<number> = []
  for (const key of keysOf("", scope)) sizes.push((await redis.memory("USAGE", key, "SAMPLES", 0)) ?? 0)
  return sizes
}

/** Microseconds of CPU that the server has used. */
const cpu = async (redis: Redis): Promise<number> => {
  const info = await redis.info("cpu")
  const seconds = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(info)?.[1])
  return 1e6 * (seconds("used_cpu_user") + seconds("used_cpu_sys"))
}

const dueNow = async (redis: Redis): Promise<void> => {
  const key = keysOf("", scope)[parts.indexOf("tombx")]!
  const all = await redis.zrange(key, 0, -1)
  for (let i = 0; i < all.length; i += 1_000) {
    await redis.zadd(key, ...all.slice(i, i + 1_000).flatMap((id) => [0, id]))
  }
}

const slowest = async (redis: Redis): Promise<Map<string, number>> => {
  const names = new Map(Object.entries(scripts).map(([name, { sha }]) => [sha, name]))
  const entries = await redis.slowlog("GET", -1) as ReadonlyArray<[number, number, number, ReadonlyArray<string>]>
  const longest = new Map<string, number>()
  for (const [, , micros, [, sha]] of entries) {
    const name = names.get(sha ?? "")
    if (name !== undefined) longest.set(name, Math.max(longest.get(name) ?? 0, micros))
  }
  return longest
}

const server = await startRedis({ args: ["--slowlog-log-slower-than", "200", "--slowlog-max-len", "100000"] })
const redis = new Redis(server.url)
try {
  await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(
        GroupRegistryRedis.make({ url: Redacted.make(server.url), onEmpty: "trust" }),
        (registry) => program(registry, redis)
      )
    )
  )
} finally {
  redis.disconnect()
  await server.stop()
}
