/**
 * A Redis that goes away, loses data, or refuses, and real processes on it. Numbers in brackets are rows of
 * `docs/faults.md`.
 */
import { Redis } from "ioredis"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { parts } from "../../src/internal/redis/scripts.js"
import { measured, spread } from "../support/measured.js"
import type { RedisServer } from "../support/redisServer.js"
import { copiesOf, gaps, runningOverlaps } from "./support/evidence.js"
import { eventually, type Fleet, sleep, surely } from "./support/fleet.js"
import { idsOf, judge, keyOf, keys, moves, nothingMoved, owned, type RedisScene, scene, ttl } from "./support/scene.js"

const aof = ["--appendonly", "yes", "--appendfsync", "always"]

const connectTo = (redis: RedisServer): Redis => {
  const client = new Redis(redis.url)
  client.on("error", () => {})
  return client
}

describe.concurrent("Redis", () => {
  test("[F12] is restarted with its data: nothing moves, nothing is lost", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b", "c"], 20, { redis: aof, ttl: 3 * ttl })
    await redis.restart()
    await sleep(2 * ttl)
    await surely(fleet.nodes.get("b")!, "start", { keys: ["new"] })
    await runs([...idsOf(20), "Probe/new"])
    nothingMoved(fleet)
    measured("F12", "0 moves; a start is served again")
    await judge(fleet, [...idsOf(20), "Probe/new"])
  })

  test("closes idle connections, and all of them while calls are on their way: nothing moves", async (context) => {
    const redis = ["--timeout", "3"]
    const { fleet, redis: server, runs } = await scene(context, ["a", "b"], 20, { redis, ttl: 3 * ttl })
    const calls = ["a", "b"].map((name) => fleet.nodes.get(name)!.call("startEach", { keys: keys(20) }))
    await server.cli("CLIENT", "KILL", "TYPE", "normal")
    await Promise.allSettled(calls)
    // Longer than a lease, and quiet: whatever failed is not to be taken for an outage.
    await sleep(2 * 3 * ttl)
    await runs(idsOf(20))
    nothingMoved(fleet)
    await judge(fleet, idsOf(20))
  })

  test("[F15] is flushed: owners keep their children, what was terminated stays so", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b", "c"], 20, { onEmpty: "settle", ttl: 3 * ttl })
    await surely(fleet.nodes.get("c")!, "terminate", { keys: ["k0"] })
    await redis.cli("FLUSHALL")
    await sleep(ttl * 2)
    await runs(idsOf(20).slice(1))
    nothingMoved(fleet)
    measured("F15", "19 of 19 children kept by their owners, 0 moves, the terminated one stays away")
    await judge(fleet, idsOf(20).slice(1))
  })

  for (
    const [on, moment] of [["release", "a release and the next claim"], ["claim", "a grant and the start"]] as const
  ) {
    test(`[F16] is flushed between ${moment}: one owner in the end, no overlap`, async (context) => {
      const { fleet, runs, start } = await scene(context, ["a"], 12, { onEmpty: "settle" })
      await fleet.nodes.get("a")!.call("trap", { trap: { on, when: "after", action: "flush" } })
      await start("b")
      if (on === "claim") await fleet.nodes.get("a")!.call("startEach", { keys: keys(8, "more") })
      const all = [...idsOf(12), ...(on === "claim" ? keys(8, "more").map((key) => `Probe/${key}`) : [])]
      await sleep(ttl)
      await runs(all)
      expect(runningOverlaps(fleet.lines())).toEqual([])
      measured("F16", `flushed after a ${on}: overlaps 0, all ${all.length} run, gaps ${spread(gaps(fleet.lines()))}`)
      await judge(fleet, all)
    })
  }

  test("[F17] is flushed while a node that missed a termination is frozen: nothing comes back", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b", "c"], 20, { onEmpty: "settle" })
    const victim = (await owned(fleet, "a"))[0]!
    fleet.nodes.get("c")!.signal("SIGSTOP")
    await surely(fleet.nodes.get("b")!, "terminate", { keys: [keyOf(victim)] })
    await redis.cli("FLUSHALL")
    await sleep(1_000)
    fleet.nodes.get("c")!.signal("SIGCONT")
    await sleep(ttl * 2)
    await runs(idsOf(20).filter((id) => id !== victim))
    expect(copiesOf(fleet.lines()).get(victim)!.length).toBe(1)
    measured("F17", "the terminated child did not come back")
    await judge(fleet, idsOf(20).filter((id) => id !== victim))
  })

  test("[F24] is frozen for two leases: nodes fence in time, and no lease is reaped in bulk when it goes on", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 20)
    redis.kill("SIGSTOP")
    await sleep(ttl * 2)
    redis.kill("SIGCONT")
    await runs(idsOf(20))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F24", `overlaps 0, without a child for ${spread(gaps(fleet.lines()))}`)
    await judge(fleet, idsOf(20))
  })

  test("[F18] loses one key after the other: no copy doubled, nothing lost, nothing back", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 12, { onEmpty: "settle", ttl: 2 * ttl })
    await surely(fleet.nodes.get("b")!, "terminate", { keys: ["k0"] })
    const client = connectTo(redis)
    context.onTestFinished(() => client.disconnect())
    for (const part of parts) {
      for (const key of await client.keys(`pogo1:*:${part}`)) await client.del(key)
      await sleep(600)
    }
    await sleep(2 * ttl)
    await surely(fleet.nodes.get("b")!, "start", { keys: ["after"] })
    const all = [...idsOf(12).slice(1), "Probe/after"]
    await runs(all)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured(
      "F18",
      `${parts.length} keys deleted one by one: ${moves(fleet.lines())} moves, overlaps 0, none lost, none back`
    )
    await judge(fleet, all)
  })

  test("[F19] evicts whatever it likes: repaired as soon as it is noticed", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 10, { onEmpty: "settle", ttl: 2 * ttl })
    const client = connectTo(redis)
    context.onTestFinished(() => client.disconnect())
    const used = Number(/used_memory:(\d+)/.exec(await client.info("memory"))![1])
    await client.config("SET", "maxmemory-policy", "allkeys-random")
    await client.config("SET", "maxmemory", String(used + 600_000))
    const ours = async () => (await client.keys("pogo1:*")).length
    let lost = 0
    for (let i = 0; i < 400 && lost < 3; i++) {
      const before = await ours()
      await client.set(`filler:${i}`, "x".repeat(50_000)).catch(() => {})
      if (await ours() < before) lost++
    }
    expect(lost).toBeGreaterThan(0)
    await client.config("SET", "maxmemory", "0")
    await sleep(2 * ttl)
    await runs(idsOf(10))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F19", `${lost} evictions of our keys: overlaps 0, none lost, ${moves(fleet.lines())} moves`)
    await judge(fleet, idsOf(10))
  })

  test("[F22] is paused past the lease: nodes fence, and each supersedes its own old session at once", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 20)
    await redis.cli("CLIENT", "PAUSE", String(2 * ttl), "ALL")
    await sleep(2 * ttl)
    const back = Number(process.hrtime.bigint()) / 1e6
    await runs(idsOf(20))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    const late = fleet.lines().filter(({ what }) => what === "start").slice(-20).map(({ at }) => at - back)
    measured("F22", `paused for two leases: all run again ${Math.max(...late).toFixed(0)} ms after its end, overlaps 0`)
    await judge(fleet, idsOf(20))
  })

  test("[F23] [F26] ends connections and forgets scripts all the time: nothing moves, no call is lost", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 20, { ttl: 3 * ttl })
    const client = connectTo(redis)
    context.onTestFinished(() => client.disconnect())
    const started: Array<string> = []
    let kills = 0
    let refused = 0
    for (let i = 0; i < 20; i++) {
      await client.call("CLIENT", "KILL", "TYPE", i % 2 === 0 ? "normal" : "pubsub", "SKIPME", "yes")
      await client.call("SCRIPT", "FLUSH")
      kills++
      await sleep(250)
      const answer = await fleet.nodes.get(i % 2 === 0 ? "a" : "b")!.call("startEach", { keys: [`during${i}`] })
      if ((answer as ReadonlyArray<string>)[0] === "Created") started.push(`Probe/during${i}`)
      else refused++
    }
    // A start whose outcome was not told may have been made: told again, it is there in any case.
    await sleep(1_000)
    await surely(fleet.nodes.get("a")!, "start", { keys: keys(20, "during") })
    await runs([...idsOf(20), ...keys(20, "during").map((key) => `Probe/${key}`)])
    nothingMoved(fleet)
    measured(
      "F23",
      `${kills} kills: 0 moves; ${started.length} of 20 starts created at once, ${refused} refused or unknown`
    )
    measured("F26", `scripts flushed ${kills} times: 0 moves, no failed call for that reason`)
    await judge(fleet, idsOf(20))
  })
})

interface Refusal {
  readonly row: string
  readonly what: string
  readonly code: RegExp
  readonly begin: (redis: RedisServer) => Promise<unknown>
  readonly end: (redis: RedisServer) => Promise<unknown>
}

const noReply = (promise: Promise<unknown>) => void promise.catch(() => {})

const refusals: ReadonlyArray<Refusal> = [
  {
    row: "F20",
    what: "is out of memory",
    code: /OOM/,
    begin: (redis) => redis.cli("CONFIG", "SET", "maxmemory", "1"),
    end: (redis) => redis.cli("CONFIG", "SET", "maxmemory", "0")
  },
  {
    row: "F21",
    what: "cannot save to its disk",
    code: /MISCONF/,
    begin: async (redis) => {
      mkdirSync(join(redis.dir, "dump.rdb", "in-the-way"), { recursive: true })
      await redis.cli("CONFIG", "SET", "save", "3600 1")
      await redis.cli("BGSAVE")
      await eventually("the save fails", async () => (await redis.cli("INFO", "persistence")).includes("status:err"))
    },
    end: (redis) => redis.cli("CONFIG", "SET", "save", "")
  },
  {
    row: "F27",
    what: "is made a replica",
    code: /READONLY|connection/,
    begin: (redis) => redis.cli("REPLICAOF", "127.0.0.1", "1"),
    end: (redis) => redis.cli("REPLICAOF", "NO", "ONE")
  },
  {
    row: "F55",
    what: "takes our permissions away",
    code: /NOPERM/,
    begin: (redis) => redis.cli("ACL", "SETUSER", "default", "-evalsha", "-eval"),
    end: (redis) => redis.cli("ACL", "SETUSER", "default", "+@all")
  },
  {
    row: "F25",
    what: "is busy with another's script",
    code: /BUSY|Timeout|did not answer|no answer/,
    begin: async (redis) => {
      await redis.cli("CONFIG", "SET", "lua-time-limit", "50")
      noReply(redis.cli("EVAL", "while true do end", "0"))
      await sleep(300)
    },
    end: (redis) => redis.cli("SCRIPT", "KILL")
  },
  {
    row: "F22",
    what: "is paused",
    code: /Timeout|did not answer|no answer/,
    // Longer than the command timeout of these nodes (2/15 of their lease of 5 ttl), shorter than what fences them.
    begin: (redis) => redis.cli("CLIENT", "PAUSE", String(ttl), "ALL"),
    end: async () => {}
  }
]

/** Refuses for a while, with a call in the middle; then serves again. */
const refuse = async ({ fleet, redis }: RedisScene, refusal: Refusal): Promise<void> => {
  const node = fleet.nodes.get("a")!
  await refusal.begin(redis)
  const answer = node.call("start", { keys: [`during${refusal.row}`] })
  await expect(answer).rejects.toThrow(refusal.code)
  await refusal.end(redis)
  await eventually(`${refusal.row}: serves again`, async () => {
    const [tag] = (await node.call("startEach", { keys: [`after${refusal.row}`] })) as ReadonlyArray<string>
    return tag === "Created" || tag === "AlreadyStarted"
  })
  await surely(node, "terminate", { keys: [`during${refusal.row}`, `after${refusal.row}`] })
}

const movesOf = (fleet: Fleet, ids: ReadonlyArray<string>): number =>
  gaps(fleet.lines().filter(({ id }) => ids.includes(id))).length

describe.concurrent("Redis", () => {
  test("[F20] [F21] [F22] [F25] [F27] [F55] refuses for a moment: calls fail typed, and nothing moves", async (context) => {
    const on = await scene(context, ["a", "b"], 10, { ttl: 5 * ttl, redis: ["--enable-protected-configs", "yes"] })
    for (const refusal of refusals) {
      await refuse(on, refusal)
      expect([refusal.row, movesOf(on.fleet, idsOf(10))]).toEqual([refusal.row, 0])
      measured(refusal.row, `${refusal.what} for a moment: the call failed typed, 0 moves`)
      await sleep(1_000)
    }
    await on.runs(idsOf(10))
    await judge(on.fleet, idsOf(10))
  })

  test("[F20] is out of memory past the lease: leases are renewed, children go on, terminations work", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 10)
    await redis.cli("CONFIG", "SET", "maxmemory", "1")
    await sleep(2 * ttl)
    await surely(fleet.nodes.get("b")!, "terminate", { keys: ["k0"] })
    await expect(fleet.nodes.get("a")!.call("start", { keys: ["x"] })).rejects.toThrow(/OOM/)
    await runs(idsOf(10).slice(1))
    nothingMoved(fleet)
    await redis.cli("CONFIG", "SET", "maxmemory", "0")
    await surely(fleet.nodes.get("a")!, "start", { keys: ["x"] })
    await runs([...idsOf(10).slice(1), "Probe/x"])
    measured("F20", "full for two leases: 0 moves, a termination served, a start refused")
    await judge(fleet, idsOf(10).slice(1))
  })

  test("[F55] takes our permissions away past the lease: children end in time, and run again once they are given back", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 10)
    await redis.cli("ACL", "SETUSER", "default", "-evalsha", "-eval")
    await eventually(
      "all ended",
      () => Array.from(copiesOf(fleet.lines()).values()).every((copies) => copies.at(-1)!.stopped)
    )
    await sleep(ttl)
    await redis.cli("ACL", "SETUSER", "default", "+@all")
    await runs(idsOf(10))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F55", `away past the lease: overlaps 0, all back, without a child for ${spread(gaps(fleet.lines()))}`)
    await judge(fleet, idsOf(10))
  })
})
