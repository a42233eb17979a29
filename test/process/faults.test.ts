/**
 * Real processes, a real Redis, real signals. The lease is 3 seconds, so that a fault takes seconds and not minutes; all
 * other times scale with it.
 */
import { describe, expect, test, type TestContext } from "vitest"
import { type RedisServer, startRedis } from "../support/redisServer.js"
import { copiesOf, gaps, type Overlap, runningOverlaps, unfencedOverlaps } from "./support/evidence.js"
import { eventually, type Fleet, makeFleet, sleep } from "./support/fleet.js"

const ttl = 3_000

const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`)

interface Scene {
  readonly redis: RedisServer
  readonly fleet: Fleet
  /** Until exactly these children run, as every node sees it, and their fenced writes are accepted. */
  readonly runs: (expected: ReadonlyArray<string>, millis?: number) => Promise<void>
}

interface Setting {
  readonly redis?: ReadonlyArray<string>
  /** What an empty Redis means. Tests that empty it need `settle`, which costs them a lease at the beginning. */
  readonly onEmpty?: "settle" | "trust"
  /** Longer where an outage must stay below it, however busy the machine is. */
  readonly ttl?: number
}

/** Until every node knows that every node can run the children: otherwise some would move as soon as it does. */
const acquainted = (fleet: Fleet) =>
  eventually("all nodes know each other", async () => {
    for (const node of fleet.nodes.values()) {
      const members = (await node.call("nodes")) as ReadonlyArray<{ readonly kinds: Record<string, unknown> }>
      if (members.filter(({ kinds }) => "Kept" in kinds && "Probe" in kinds).length < fleet.nodes.size) return false
    }
    return true
  })

const scene = async (
  { onTestFinished }: TestContext,
  names: ReadonlyArray<string>,
  count: number,
  setting: Setting = {}
): Promise<Scene> => {
  const redis = await startRedis({ args: setting.redis ?? [] })
  onTestFinished(() => redis.stop("SIGKILL"))
  const fleet = await makeFleet(redis.url, {
    POGO_TTL: `${setting.ttl ?? ttl} millis`,
    TEST_ON_EMPTY: setting.onEmpty ?? "trust",
    // As if each process had a machine of its own: only leases tell.
    POGO_WATCH_PROCESSES: "false"
  })
  onTestFinished(fleet.close)
  await Promise.all(names.map((name) => fleet.start(name)))
  await acquainted(fleet)
  const runs: Scene["runs"] = (expected, millis) =>
    eventually(`running: ${expected.join(" ")}`, async () => {
      for (const node of fleet.nodes.values()) {
        const rows = await node.which()
        const running = rows.filter(({ status }) => status._tag === "Running").map(({ id }) => id).sort()
        if (running.join() !== [...expected].sort().join() || rows.length !== expected.length) return false
      }
      return true
    }, millis)
  if (count > 0) {
    await fleet.nodes.get(names[0]!)!.call("start", { keys: keys(count) })
    await runs(keys(count).map((key) => `Probe/${key}`))
  }
  return { redis, fleet, runs }
}

const idsOf = (count: number) => keys(count).map((key) => `Probe/${key}`)

const owned = async (fleet: Fleet, name: string): Promise<ReadonlyArray<string>> =>
  ((await fleet.nodes.get(name)!.call("local")) as ReadonlyArray<{ id: string }>).map(({ id }) => id)

const describeOverlaps = (found: ReadonlyArray<Overlap>) =>
  found.map(({ id, millis, older, younger }) => `${id}: ${older.node} ${millis.toFixed(1)} ms beside ${younger.node}`)

/** No two unfenced copies, tokens that rise, and a resource that accepts the newest owner of every child. */
const judge = async (fleet: Fleet, ids: ReadonlyArray<string>) => {
  const lines = fleet.lines()
  expect(describeOverlaps(unfencedOverlaps(lines))).toEqual([])
  const copies = copiesOf(lines)
  await eventually(
    "the resource accepts the last owner of every child",
    () => ids.every((id) => fleet.accepted.get(id) === copies.get(id)!.at(-1)!.token)
  )
}

const p50 = (sorted: ReadonlyArray<number>) => sorted[Math.floor(sorted.length / 2)]

const tell = (what: string, sorted: ReadonlyArray<number>) =>
  process.stdout.write(
    `    ${what}: p50 ${p50(sorted)?.toFixed(0)} ms, worst ${sorted.at(-1)?.toFixed(0)} ms (${sorted.length})\n`
  )

describe.concurrent("processes", () => {
  test("SIGKILL: the children of a killed process run elsewhere after the lease", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b", "c"], 30)
    const mine = await owned(fleet, "b")
    expect(mine.length).toBeGreaterThan(0)
    const killed = fleet.nodes.get("b")!
    killed.signal("SIGKILL")
    await killed.exited
    await eventually("taken over", () => mine.every((id) => copiesOf(fleet.lines()).get(id)!.length === 2), ttl * 4)
    await runs(idsOf(30))
    const lines = fleet.lines()
    expect(runningOverlaps(lines)).toEqual([])
    const took = gaps(lines)
    tell("takeover after SIGKILL", took)
    expect(took.length).toBe(mine.length)
    expect(took.at(-1)).toBeLessThan(ttl + 2_000)
    await judge(fleet, idsOf(30))
  })

  test("SIGTERM: a process hands its children over and leaves; nobody waits for its lease", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b", "c"], 30)
    const leaving = fleet.nodes.get("b")!
    leaving.signal("SIGTERM")
    expect(await leaving.exited).toMatchObject({ signal: null })
    await runs(idsOf(30))
    const lines = fleet.lines()
    expect(runningOverlaps(lines)).toEqual([])
    const took = gaps(lines)
    tell("handover at SIGTERM", took)
    expect(took.at(-1)).toBeLessThan(1_000)
    expect(leaving.log()).toContain("left the scope")
    await judge(fleet, idsOf(30))
  })

  test("a second signal ends a process that is still draining", async (context) => {
    const { fleet } = await scene(context, ["a"], 0)
    const node = fleet.nodes.get("a")!
    await node.call("start", { keys: ["slow"], stopTakes: 60_000 })
    await node.call("await", { keys: ["slow"] })
    node.signal("SIGTERM")
    await sleep(1_000)
    const before = Date.now()
    node.signal("SIGTERM")
    expect(await node.exited).toMatchObject({ signal: "SIGTERM" })
    expect(Date.now() - before).toBeLessThan(1_000)
  })

  test("SIGSTOP for less than the lease: nothing moves", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 20, { ttl: 2 * ttl })
    fleet.nodes.get("b")!.signal("SIGSTOP")
    await sleep(1_000)
    fleet.nodes.get("b")!.signal("SIGCONT")
    await sleep(2 * ttl)
    await runs(idsOf(20))
    expect(gaps(fleet.lines())).toEqual([])
  })

  test("SIGSTOP past the lease: taken over; on SIGCONT the old copies fence themselves and write nothing", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 20)
    const mine = await owned(fleet, "b")
    const frozen = fleet.nodes.get("b")!
    frozen.signal("SIGSTOP")
    await eventually("a runs them all", async () => (await owned(fleet, "a")).length === 20)
    await sleep(500)
    frozen.signal("SIGCONT")
    await eventually("b is back", async () => (await frozen.call("ready")) === true)
    await runs(idsOf(20))
    const lines = fleet.lines()
    expect(describeOverlaps(unfencedOverlaps(lines))).toEqual([])
    const copies = copiesOf(lines)
    const windows = mine.map((id) => {
      const stale = copies.get(id)!.find(({ node }) => node === "b")!
      return stale.last -
        lines.findLast(({ at, id: of, token }) => of === id && BigInt(token) === stale.token && at < stale.last - 500)!
          .at
    })
    expect(windows.length).toBe(mine.length)
    const stale = lines.filter(({ what }) => what === "fenced").length
    process.stdout.write(
      `    stale copies: ${mine.length}, beats after SIGCONT: ${stale}, refused writes: ${fleet.refused()}\n`
    )
    await judge(fleet, idsOf(20))
  })

  test("an event loop that is blocked past the lease: as SIGSTOP", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 20)
    void fleet.nodes.get("b")!.call("block", { millis: ttl * 2 }).catch(() => {})
    await eventually("a runs them all", async () => (await owned(fleet, "a")).length === 20)
    await sleep(ttl)
    await runs(idsOf(20))
    await judge(fleet, idsOf(20))
  })

  test("all processes are killed and started again: everything comes back from Redis", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b", "c"], 20)
    await fleet.nodes.get("a")!.call("terminate", { keys: ["k0"] })
    for (const node of Array.from(fleet.nodes.values())) {
      node.signal("SIGKILL")
      await node.exited
    }
    await Promise.all(["a", "b"].map((name) => fleet.start(name)))
    await runs(idsOf(20).slice(1), ttl * 4)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    await judge(fleet, idsOf(20).slice(1))
  })
})

describe.concurrent("Redis", () => {
  const aof = ["--appendonly", "yes", "--appendfsync", "always"]

  test("is restarted with its data: nothing moves, nothing is lost", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b", "c"], 20, { redis: aof, ttl: 3 * ttl })
    await redis.restart()
    await sleep(3 * ttl)
    await runs(idsOf(20))
    expect(gaps(fleet.lines())).toEqual([])
    await fleet.nodes.get("b")!.call("start", { keys: ["new"] })
    await runs([...idsOf(20), "Probe/new"])
    await judge(fleet, [...idsOf(20), "Probe/new"])
  })

  test("comes back empty: owners keep their children, what was terminated stays so", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b", "c"], 20, { onEmpty: "settle", ttl: 2 * ttl })
    await fleet.nodes.get("c")!.call("terminate", { keys: ["k0"] })
    await runs(idsOf(20).slice(1))
    await redis.stop("SIGKILL")
    await redis.restart()
    await sleep(ttl * 4)
    await runs(idsOf(20).slice(1))
    expect(gaps(fleet.lines())).toEqual([])
    await fleet.nodes.get("a")!.call("start", { keys: ["new"] })
    await runs([...idsOf(20).slice(1), "Probe/new"])
    await judge(fleet, idsOf(20).slice(1))
  })

  test("is flushed: owners keep their children, what was terminated stays so", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b", "c"], 20, { onEmpty: "settle" })
    await fleet.nodes.get("c")!.call("terminate", { keys: ["k0"] })
    await redis.cli("FLUSHALL")
    await sleep(ttl * 3)
    await runs(idsOf(20).slice(1))
    expect(gaps(fleet.lines())).toEqual([])
    await judge(fleet, idsOf(20).slice(1))
  })

  test("is flushed while a node that missed a termination is frozen: nothing comes back", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b", "c"], 20, { onEmpty: "settle" })
    const victim = (await owned(fleet, "a"))[0]!
    fleet.nodes.get("c")!.signal("SIGSTOP")
    await fleet.nodes.get("b")!.call("terminate", { keys: [victim.slice("Probe/".length)] })
    await redis.cli("FLUSHALL")
    await sleep(1_000)
    fleet.nodes.get("c")!.signal("SIGCONT")
    await sleep(ttl * 3)
    await runs(idsOf(20).filter((id) => id !== victim))
    await judge(fleet, idsOf(20).filter((id) => id !== victim))
  })

  test("is away for three leases: children stop in time, kept ones go on, and all is as it was when it is back", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 10, { redis: aof })
    await fleet.nodes.get("a")!.call("start", { keys: keys(10), kind: "Kept" })
    const all = [...idsOf(10), ...keys(10).map((key) => `Kept/${key}`)]
    await runs(all)
    await redis.stop()
    await sleep(ttl * 3)
    const stopped = Array.from(copiesOf(fleet.lines()).values(), (copies) => copies.at(-1)!).filter(({ stopped: is }) =>
      is
    )
    expect(new Set(stopped.map(({ id }) => id))).toEqual(new Set(idsOf(10)))
    await redis.restart()
    await runs(all, ttl * 6)
    const copies = copiesOf(fleet.lines())
    for (const key of keys(10)) expect(copies.get(`Kept/${key}`)!.length).toBe(1)
    await judge(fleet, all)
  })

  test("is frozen for two leases: nodes fence in time, and no lease is reaped in bulk when it goes on", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 20)
    redis.kill("SIGSTOP")
    await sleep(ttl * 2)
    redis.kill("SIGCONT")
    await runs(idsOf(20), ttl * 4)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    await judge(fleet, idsOf(20))
  })
})
