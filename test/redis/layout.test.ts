/**
 * Two layouts of the stored records on one scope: this one, and a made-up next one. No version of either ever runs beside
 * the other.
 */
import type { Redis } from "ioredis"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest"
import { parts } from "../../src/internal/redis/scripts.js"
import type { Args, CommandName, Reply, Value } from "../../src/internal/registry/commands.js"
import { layoutVersion } from "../../src/internal/registry/commands.js"
import { connect, executeScripted, layout } from "../support/registryScripted.js"

const prefix = "layout:"
const ttl = 15_000

let redis: Redis
let scope = ""
let count = 0
let time = 1_700_000_000_000

beforeAll(() => {
  redis = connect(inject("redisUrl"))
})

beforeEach(() => {
  scope = `s${process.pid}.${++count}`
})

/** A node of one layout. */
class Node {
  private era = ""
  private high = 0
  readonly keys: ReadonlyArray<string>
  private readonly layout: ReturnType<typeof layout>

  constructor(readonly number: number, readonly sid: string) {
    this.layout = layout(number)
    this.keys = this.layout.keys(prefix, scope)
  }

  key(part: (typeof parts)[number]): string {
    return this.keys[parts.indexOf(part)]!
  }

  async send<K extends CommandName>(name: K, args: Args<K>, era = this.era): Promise<Reply<Value<K>>> {
    const { high } = this
    const bits = `e${++count}`
    const envelope = { scope, era, notAfter: Infinity, high, seconds: 0, bits, ttl, maxStep: 2_500 }
    const server = { time, run: "run0", trust: false }
    const reply = await executeScripted(redis, prefix, server, envelope, name, args, this.layout)
    if ("high" in reply) this.high = Math.max(this.high, reply.high)
    if (reply._tag === "ERA") this.era = reply.era
    return reply
  }

  /** Asks for the era, and opens a session in it; the tag of the last answer. */
  async join(): Promise<Reply<unknown>> {
    const asked = await this.send("nodes", {}, "")
    if (asked._tag !== "ERA") return asked
    const { sid } = this
    return this.send("open", { sid, version: 1, record: "{}", mode: "fresh", claims: [], last: true, supersedes: "" })
  }

  tick() {
    return this.send("tick", { sid: this.sid })
  }

  async create(id: string): Promise<number> {
    const reply = await this.send("put", {
      mode: "ensure",
      items: [{ id, op: `p${++count}`, generation: 0, body: "{}" }]
    })
    const result = reply._tag === "OK" ? reply.value.results[0] : undefined
    return result !== undefined && "spec" in result ? Number(result.spec.split("|")[0]) : Number.NaN
  }

  async claim(id: string, generation: number): Promise<string> {
    const reply = await this.send("claim", { sid: this.sid, items: [{ id, generation }] })
    return reply._tag === "OK" ? reply.value.results[0]!._tag : reply._tag
  }
}

/** Lets time pass, in which some nodes renew. */
const pass = async (millis: number, ...nodes: ReadonlyArray<Node>): Promise<void> => {
  for (let left = millis; left > 0; left -= 2_500) {
    time += 2_500
    for (const node of nodes) await node.tick()
  }
}

const close = (node: Node) => node.send("close", { sid: node.sid })

let now: Node
let next: Node

beforeEach(() => {
  now = new Node(layoutVersion, "now#1")
  next = new Node(layoutVersion + 1, "next#1")
})

afterEach(async () => {
  await redis.del(...now.keys, ...next.keys)
})

afterAll(() => redis.quit())

const refusedFor = (found: number) => ({ _tag: "VERSION", layout: String(found) })

describe("the next layout", () => {
  it("has its own keys, and one in common", () => {
    const common = now.keys.filter((key) => next.keys.includes(key))
    expect(common).toEqual(expect.arrayContaining([now.key("layout"), now.key("sess")]))
    expect(next.key("layout")).toBe(now.key("layout"))
  })

  it("is refused while a node of this one lives, or its lease may hold, and writes nothing", async () => {
    expect(await now.join()).toMatchObject({ _tag: "OK" })
    expect(await next.join()).toEqual(refusedFor(layoutVersion))
    await pass(60_000)
    expect(await next.join()).toEqual(refusedFor(layoutVersion))
    expect(await redis.exists(...parts.filter((part) => part !== "layout").map((part) => next.key(part)))).toBe(0)
    expect((await now.tick())._tag).not.toBe("VERSION")
  })

  it("is refused by nodes that were there before the guard was", async () => {
    await now.join()
    await redis.del(now.key("layout"))
    await redis.hdel(now.key("meta"), "guarded")
    expect(await next.join()).toEqual(refusedFor(layoutVersion))
    expect(await now.tick()).toMatchObject({ _tag: "OK" })
  })

  it("takes the scope over when the last node has left, and grants nothing for a ttl", async () => {
    await now.join()
    await close(now)
    expect(await next.join()).toMatchObject({ _tag: "OK" })
    await pass(ttl / 2, next)
    expect((await next.send("claim", { sid: next.sid, items: [] }))._tag).toBe("QUARANTINE")
    await pass(ttl, next)
    const generation = await next.create("k/1")
    expect(await next.claim("k/1", generation)).toBe("GRANTED")
  })
})

describe("this layout", () => {
  it("is refused, by every command and for good, once the next one has the scope", async () => {
    await now.join()
    await close(now)
    await next.join()
    expect(await now.join()).toEqual(refusedFor(layoutVersion + 1))
    expect(await now.tick()).toEqual(refusedFor(layoutVersion + 1))
    await close(next)
    await pass(60_000)
    expect(await now.join()).toEqual(refusedFor(layoutVersion + 1))
  })

  it("is refused on a scope that only the next one has ever seen", async () => {
    await next.join()
    expect(await now.join()).toEqual(refusedFor(layoutVersion + 1))
    expect(await redis.exists(now.key("meta"))).toBe(0)
  })
})

describe("where the record of the layout was lost", () => {
  it("one of the two gets the scope, with a quarantine, and the other is refused until its leases are over", async () => {
    await now.join()
    await pass(2 * ttl, now)
    const generation = await now.create("k/1")
    await close(now)
    await next.join()
    await pass(2 * ttl, next)
    expect(await next.claim("k/1", await next.create("k/1"))).toBe("GRANTED")
    await redis.del(now.key("layout"))
    const again = new Node(layoutVersion, "now#2")
    expect(await again.join()).toMatchObject({ _tag: "OK" })
    expect(await next.tick()).toEqual(refusedFor(layoutVersion))
    expect(await again.claim("k/1", generation)).toBe("QUARANTINE")
    await pass(ttl - 2_500, again)
    expect(await again.claim("k/1", generation)).toBe("QUARANTINE")
    await pass(2_500, again)
    expect(await again.claim("k/1", generation)).toBe("GRANTED")
    expect(await next.join()).toEqual(refusedFor(layoutVersion))
  })

  it("and the next one comes first, this one is refused", async () => {
    await next.join()
    await redis.del(now.key("layout"))
    expect((await next.tick())._tag).toBe("ERA")
    expect(await now.join()).toEqual(refusedFor(layoutVersion + 1))
  })
})
