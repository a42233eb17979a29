/** The scripts on the server: their keys, data that is not ours, and bounds. */
import type { Redis } from "ioredis"
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest"
import { channelOf, keysOf, parts } from "../../src/internal/redis/scripts.js"
import type { Args, CommandName, Envelope, Reply, Value } from "../../src/internal/registry/commands.js"
import { maxBatch, minLog } from "../../src/internal/registry/commands.js"
import { dumpRedis, type Part } from "../support/registryData.js"
import { connect, executeScripted, scripts } from "../support/registryScripted.js"

const prefix = "scripts:"
const scope = `s${process.pid}`
const keys = keysOf(prefix, scope)
const keyOf = (part: Part) => keys[parts.indexOf(part)]!

/** One call of every command. */
const calls: { readonly [K in CommandName]: Args<K> } = {
  tick: { sid: "a#1" },
  open: { sid: "a#1", version: 1, record: "{}", mode: "fresh", claims: [], last: true, supersedes: "" },
  update: { sid: "a#1", version: 2, record: "{}" },
  put: { mode: "ensure", items: [{ id: "k/1", op: "x", generation: 0, body: "{}" }] },
  merge: { facts: [{ id: "k/2", kind: "spec", value: "9|9|op|||{}" }] },
  claim: { sid: "a#1", items: [{ id: "k/1", generation: 1 }] },
  report: { sid: "a#1", items: [{ id: "k/1", token: 1, stat: "1:running:0:1:0:" }] },
  release: { sid: "a#1", items: [{ id: "k/1", token: 1, refused: "v1" }] },
  save: { sid: "a#1", items: [{ id: "k/1", token: 1, birth: 1, version: 1, kindVersion: 1, body: "1" }] },
  peek: { ids: ["k/1", "k/2"] },
  finish: { sid: "a#1", items: [{ id: "k/1", generation: 1, token: 1, how: "ended", stat: "" }] },
  del: { items: [{ id: "k/1", op: "y", generation: Number.MAX_SAFE_INTEGER }] },
  changes: { cursor: 2 ** 52 },
  snap: { cursor: "" },
  nodes: {},
  direct: { name: "a", what: "drain", op: "d", by: "b", reason: "r", seen: Number.MAX_SAFE_INTEGER },
  begin: { key: "k/eu", op: "b", fence: 0 },
  history: { id: "", back: true, cursor: "", since: 0, limit: 10 },
  close: { sid: "a#1" }
}

const names = Object.keys(calls) as ReadonlyArray<CommandName>

let redis: Redis
let era = ""
let time = 1_700_000_000_000

beforeAll(() => {
  redis = connect(inject("redisUrl"))
})

afterEach(() => redis.del(...keys))

afterAll(() => redis.quit())

const envelope = (): Envelope => ({
  scope,
  era,
  notAfter: Infinity,
  high: 0,
  seconds: 0,
  bits: `bits${time}`,
  ttl: 15_000,
  maxStep: 2_500
})

const run = <K extends CommandName>(name: K, args: Args<K>): Promise<Reply<Value<K>>> =>
  executeScripted(redis, prefix, { time: ++time, run: "run0", trust: true }, envelope(), name, args)

const begin = async (): Promise<void> => {
  const reply = await run("tick", { sid: "" })
  if (reply._tag === "ERA") era = reply.era
}

/** Something in every key. */
const populate = async (): Promise<void> => {
  await begin()
  await run("open", { ...calls.open, sid: "z#1" })
  await run("close", { sid: "z#1" })
  await run("open", calls.open)
  await run("open", { ...calls.open, sid: "y#1" })
  const items = ["k/1", "k/3", "k/4"].map((id) => ({ id, op: id, generation: 0, body: "{}" }))
  const reply = await run("put", { mode: "ensure", items })
  if (reply._tag !== "OK") throw new Error(reply._tag)
  const [first] = reply.value.results
  const generation = first !== undefined && "spec" in first ? Number(first.spec.split("|")[0]) : 0
  const last = reply.value.results[2]!
  const young = { id: "k/4", generation: "spec" in last ? Number(last.spec.split("|")[0]) : 0 }
  await run("claim", { sid: "y#1", items: [young] })
  await run("close", { sid: "y#1", gone: true })
  await run("claim", { sid: "a#1", items: [young] })
  const claimed = await run("claim", { sid: "a#1", items: [{ id: "k/1", generation }] })
  const [grant] = claimed._tag === "OK" ? claimed.value.results : []
  const token = grant?._tag === "GRANTED" ? grant.token : 0
  await run("save", { sid: "a#1", items: [{ ...calls.save.items[0]!, token, birth: generation }] })
  await run("report", { sid: "a#1", items: [{ id: "k/1", token, stat: `${token}:running:0:1:0:` }] })
  await run("del", { items: [{ id: "k/3", op: "y", generation: Number.MAX_SAFE_INTEGER }] })
  await run("direct", { ...calls.direct, what: "cordon", op: "c" })
  await run("begin", { ...calls.begin, op: "first" })
}

describe("every script", () => {
  it.each(names)("%s takes the keys that it declares, and no others", async (name) => {
    await populate()
    const { lua, numberOfKeys } = scripts[name]
    expect(numberOfKeys).toBe(keys.length)
    const used = new Set(Array.from(lua.matchAll(/KEYS\[(\d+)\]/g), ([, i]) => Number(i)))
    expect(Math.max(0, ...used)).toBeLessThanOrEqual(numberOfKeys)
    // Keys are named nowhere in the text, and all of those that are given are in use.
    const before = await dumpRedis(redis, prefix, scope)
    for (const part of parts) expect(before[part]).not.toEqual([])
    expect((await run(name, calls[name]))._tag).toBe("OK")
    expect(await redis.keys(`${prefix}*${scope}*`).then((all) => all.filter((key) => !keys.includes(key)))).toEqual([])
  })

  it.each(names)("%s answers, and does nothing, when any key holds data that is not ours", async (name) => {
    await populate()
    for (const part of parts.filter((part) => part !== "hist")) {
      await redis.rename(keyOf(part), `${keyOf(part)}:aside`)
      await redis.set(keyOf(part), "not ours")
      const others = parts.filter((other) => other !== part)
      const dumps = () => Promise.all(others.map((other) => redis.dumpBuffer(keyOf(other))))
      const before = await dumps()
      expect(await run(name, calls[name])).toEqual({ _tag: "WRONGTYPE", key: keyOf(part) })
      expect(await dumps()).toEqual(before)
      expect(await redis.get(keyOf(part))).toBe("not ours")
      await redis.del(keyOf(part))
      await redis.rename(`${keyOf(part)}:aside`, keyOf(part))
    }
    expect((await run(name, calls[name]))._tag).toBe("OK")
  })

  it.each(names)("%s has its effect when the history's key holds data that is not ours", async (name) => {
    await populate()
    await redis.del(keyOf("hist"))
    await redis.set(keyOf("hist"), "not ours")
    const reply = await run(name, calls[name])
    expect(reply._tag).toBe("OK")
    // What these calls do is told.
    const isTold = ["del", "direct", "close"].includes(name)
    expect("lost" in reply && reply.lost).toBe(isTold ? 1 : 0)
    expect(await redis.get(keyOf("hist"))).toBe("not ours")
  })

  it("leaves no key that expires", async () => {
    await populate()
    for (const key of keys) expect(await redis.ttl(key)).toBe(-1)
  })

  it("has all keys of a scope in one slot, whatever the scope is called", () => {
    // What stands between the first braces decides, if there is anything.
    const tagOf = (key: string) => /^[^{]*\{([^}]+)\}/.exec(key)?.[1]
    const scopes = ["default", "a b", "a", "{a}", "}a", "a}", "{}", "%7ba%7d", "%", ""]
    for (const name of scopes) {
      const tags = new Set([...keysOf("p:", name), channelOf("p:", name, 0)].map(tagOf))
      expect([name, tags.size, tags.has(undefined)]).toEqual([name, 1, false])
    }
    expect(new Set(scopes.map((name) => keysOf("p:", name)[0])).size).toBe(scopes.length)
  })
})

describe("the log", () => {
  it("is kept short, and never shorter than its least length", async () => {
    await populate()
    const [claim] = Object.entries(await redis.hgetall(keyOf("claim")))
    const token = Number(claim![1].split(":")[0])
    const items = Array.from({ length: maxBatch }, () => ({ id: "k/1", token, stat: `${token}:running:0:1:0:` }))
    for (let i = 0; i < (2 * minLog) / maxBatch; i++) await run("report", { sid: "a#1", items })
    const length = await redis.xlen(keyOf("log"))
    expect(length).toBeGreaterThanOrEqual(minLog)
    expect(length).toBeLessThan(minLog + 500)
  })

  it("begins anew when the stream remembers a later position than there is", async () => {
    await populate()
    await redis.xadd(keyOf("log"), "9007199254740000-0", "kind", "s", "id", "foreign")
    await redis.xdel(keyOf("log"), "9007199254740000-0")
    const before = await run("nodes", {})
    const reply = await run("put", { mode: "ensure", items: [{ id: "k/9", op: "9", generation: 0, body: "{}" }] })
    expect(reply._tag).toBe("OK")
    expect(await redis.xlen(keyOf("log"))).toBe(1)
    const cursor = "log" in before ? before.log : 0
    expect((await run("changes", { cursor: cursor - 1 }))._tag).toBe("RESYNC")
    expect(await redis.hget(keyOf("spec"), "k/9")).toMatch(/^\d{16}\|/)
  })

  it.each(["log", "hist"] as const)("%s begins anew behind the last place that a stream has", async (part) => {
    await populate()
    const last = `${2n ** 64n - 1n}-${2n ** 64n - 1n}`
    await redis.xadd(keyOf(part), last, "kind", "s", "id", "foreign")
    await redis.xdel(keyOf(part), last)
    expect(await run("close", { sid: "a#1" })).toMatchObject({ _tag: "OK", lost: 0 })
    const entries = await redis.xrange(keyOf(part), "-", "+")
    expect(entries).not.toEqual([])
    expect(entries.at(-1)![1]).toContain(part === "log" ? "n" : "left")
  })

  it("with entries that are not ours is read on", async () => {
    await populate()
    const { high } = (await run("nodes", {})) as { readonly high: number }
    await redis.xadd(keyOf("log"), `${high}-7`, "what", "ever")
    await redis.xadd(keyOf("log"), `${high}-8`, "kind", "s")
    const reply = await run("changes", { cursor: high - 1 })
    expect(reply._tag).toBe("OK")
  })
})

describe("waking", () => {
  it("is told once per command, with the newest position", async () => {
    await populate()
    const listener = redis.duplicate()
    const heard: Array<string> = []
    const channel = channelOf(prefix, scope, 0)
    const last = new Promise<void>((resolve) => {
      listener.on("message", (_channel, message) => message === "the end" ? resolve() : void heard.push(message))
    })
    await listener.subscribe(channel)
    const items = Array.from({ length: 50 }, (_, i) => ({ id: `w/${i}`, op: "1", generation: 0, body: "{}" }))
    const reply = await run("put", { mode: "ensure", items })
    await run("tick", { sid: "a#1" })
    // Messages of a channel come in order.
    await redis.publish(channel, "the end")
    await last
    expect(heard).toEqual([String("log" in reply ? reply.log : 0)])
    listener.disconnect()
  })
})
