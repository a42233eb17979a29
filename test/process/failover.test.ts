/**
 * One failover of each kind between real processes on a real Redis: a process that is killed, told to end, frozen, or cut
 * off, and a Redis that goes away or loses its data. The rest of the matrix is in the second tier. Numbers in brackets are
 * rows of `docs/faults.md`.
 */
import { describe, expect, test } from "vitest"
import { measured, spread } from "../support/measured.js"
import { copiesOf, gaps, runningOverlaps } from "./support/evidence.js"
import { eventually, promptly, sleep, surely } from "./support/fleet.js"
import { idsOf, judge, keys, nothingMoved, owned, scene, ttl } from "./support/scene.js"
import { tellStale } from "./support/stale.js"

/** A server that keeps its data over a restart. */
const persistent = ["--appendonly", "yes", "--appendfsync", "always"]

const now = (): number => Number(process.hrtime.bigint()) / 1e6

describe.concurrent("a process", () => {
  test("[F1] that is killed: its children run elsewhere after the lease", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b", "c"], 30)
    const mine = await owned(fleet, "b")
    expect(mine.length).toBeGreaterThan(0)
    const killed = fleet.nodes.get("b")!
    killed.signal("SIGKILL")
    await killed.exited
    await eventually("taken over", () => mine.every((id) => copiesOf(fleet.lines()).get(id)!.length === 2))
    await runs(idsOf(30))
    const lines = fleet.lines()
    expect(runningOverlaps(lines)).toEqual([])
    const took = gaps(lines)
    measured("F1", `takeover ${spread(took)}, lease ${ttl} ms`)
    expect(took.length).toBe(mine.length)
    // As many children are started, until all nodes know that they run.
    const after = await promptly(4_000, async () => {
      await surely(fleet.nodes.get("a")!, "start", { keys: keys(mine.length, "other") })
      await runs([...idsOf(30), ...keys(mine.length, "other").map((key) => `Probe/${key}`)])
    })
    expect(took.at(-1)).toBeLessThan(ttl + after)
    await judge(fleet, idsOf(30))
  })

  test("[F2] that is told to end hands its children over and leaves; nobody waits for its lease", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b", "c"], 30, { ttl: 5 * ttl })
    const leaving = fleet.nodes.get("b")!
    leaving.signal("SIGTERM")
    expect(await leaving.exited).toMatchObject({ signal: null })
    await runs(idsOf(30))
    const lines = fleet.lines()
    expect(runningOverlaps(lines)).toEqual([])
    const took = gaps(lines)
    measured("F2", `handover ${spread(took)}, lease ${5 * ttl} ms`)
    expect(took.at(-1)).toBeLessThan(5 * ttl)
    expect(leaving.log()).toContain("left the scope")
    await judge(fleet, idsOf(30))
  })

  test("[F4] that is frozen past its lease: taken over; its old copies fence themselves and write nothing", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 20)
    const mine = await owned(fleet, "b")
    const frozen = fleet.nodes.get("b")!
    frozen.signal("SIGSTOP")
    await eventually("a runs them all", async () => (await owned(fleet, "a")).length === 20)
    await sleep(500)
    const resumed = now()
    frozen.signal("SIGCONT")
    await eventually("b is back", async () => (await frozen.call("ready")) === true)
    await runs(idsOf(20))
    await judge(fleet, idsOf(20))
    tellStale("F4", fleet, mine, "b", resumed)
  })

  test("[F63] whose way to Redis is cut: its children run elsewhere, kept ones as well, and one copy of each in the end", async (context) => {
    const { fleet, proxies, runs } = await scene(context, ["a", "b"], 10, { proxied: true })
    await surely(fleet.nodes.get("a")!, "start", { keys: keys(10), kind: "Kept" })
    const all = [...idsOf(10), ...idsOf(10, "Kept")]
    await runs(all)
    proxies.get("b")!.cut()
    await eventually("a runs them all", async () => (await owned(fleet, "a")).length === 20)
    proxies.get("b")!.heal()
    await runs(all)
    const overlaps = runningOverlaps(fleet.lines())
    expect(overlaps.filter(({ id }) => id.startsWith("Probe/"))).toEqual([])
    measured(
      "F63",
      `"stop": overlaps 0; "keep": ${overlaps.length} second copies for as long as it was cut off (as documented), ` +
        `unfenced 0; writes of theirs accepted ${fleet.wrongly()}, refused ${fleet.refused()}`
    )
    await judge(fleet, all)
  })
})

describe.concurrent("Redis", () => {
  test("[F13] is away for three leases: children stop in time, kept ones go on, and all is as it was when it is back", async (context) => {
    // Long enough for both nodes to be back in time: a kept child whose node is late runs elsewhere.
    const lease = 2 * ttl
    const { fleet, redis, runs } = await scene(context, ["a", "b"], 10, { redis: persistent, ttl: lease })
    await surely(fleet.nodes.get("a")!, "start", { keys: keys(10), kind: "Kept" })
    const all = [...idsOf(10), ...idsOf(10, "Kept")]
    await runs(all)
    const down = Number(process.hrtime.bigint()) / 1e6
    await redis.stop()
    await sleep(lease * 3)
    const last = Array.from(copiesOf(fleet.lines()).values(), (copies) => copies.at(-1)!)
    const stopped = last.filter(({ stopped: is }) => is)
    expect(new Set(stopped.map(({ id }) => id))).toEqual(new Set(idsOf(10)))
    measured(
      "F13",
      `"stop": all ended, the last ${Math.max(...stopped.map((copy) => copy.last - down)).toFixed(0)} ms ` +
        `after the loss (fence at ${(lease * 8 / 15).toFixed(0)}, lease ${lease})`
    )
    await redis.restart()
    await runs(all)
    const copies = copiesOf(fleet.lines())
    for (const id of idsOf(10, "Kept")) expect(copies.get(id)!.length).toBe(1)
    measured("F13", "\"keep\": 10 of 10 went on throughout")
    await judge(fleet, all)
  })

  test("[F14] comes back empty: owners keep their children, what was terminated stays so", async (context) => {
    const { fleet, redis, runs } = await scene(context, ["a", "b", "c"], 20, { onEmpty: "settle", ttl: 2 * ttl })
    await surely(fleet.nodes.get("c")!, "terminate", { keys: ["k0"] })
    await runs(idsOf(20).slice(1))
    await redis.stop("SIGKILL")
    await redis.restart()
    await sleep(ttl * 3)
    await runs(idsOf(20).slice(1))
    nothingMoved(fleet)
    await surely(fleet.nodes.get("a")!, "start", { keys: ["new"] })
    await runs([...idsOf(20).slice(1), "Probe/new"])
    measured("F14", "19 of 19 children kept by their owners, 0 moves, the terminated one stays away")
    await judge(fleet, idsOf(20).slice(1))
  })
})
