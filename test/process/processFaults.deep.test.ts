/**
 * Real processes, a real Redis, real signals. The lease is 3 seconds, so that a fault takes seconds and not minutes; all
 * other times scale with it. Numbers in brackets are rows of `docs/faults.md`.
 */
import { describe, expect, test } from "vitest"
import { measured, spread } from "../support/measured.js"
import { copiesOf, gaps, runningOverlaps } from "./support/evidence.js"
import { eventually, sleep, surely } from "./support/fleet.js"
import { idsOf, judge, keys, moves, nothingMoved, owned, scene, ttl } from "./support/scene.js"
import { tellStale } from "./support/stale.js"

const now = (): number => Number(process.hrtime.bigint()) / 1e6

describe.concurrent("a process", () => {
  test("[F61] that is told twice ends at once, though a child is still ending", async (context) => {
    const { fleet } = await scene(context, ["a"], 0)
    const node = fleet.nodes.get("a")!
    await surely(node, "start", { keys: ["slow"], stopTakes: 60_000 })
    await node.call("await", { keys: ["slow"] })
    node.signal("SIGTERM")
    await sleep(1_000)
    const before = Date.now()
    node.signal("SIGTERM")
    expect(await node.exited).toMatchObject({ signal: "SIGTERM" })
    measured("F61", `gone ${Date.now() - before} ms after the second signal`)
    expect(Date.now() - before).toBeLessThan(2_000)
  })

  test("[F3] [F5] that is frozen or blocked for less than its lease: nothing moves", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 20, { ttl: 3 * ttl })
    const node = fleet.nodes.get("b")!
    node.signal("SIGSTOP")
    await sleep(1_000)
    node.signal("SIGCONT")
    await sleep(1_000)
    await node.call("block", { millis: 1_000 })
    await sleep(3 * ttl)
    await runs(idsOf(20))
    nothingMoved(fleet)
    measured("F3", `frozen for 1 s of a lease of ${3 * ttl} ms: 0 moves`)
    measured("F5", `blocked for 1 s of a lease of ${3 * ttl} ms: 0 moves`)
  })

  test("[F5] whose event loop is blocked past its lease: as if frozen", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 20)
    const mine = await owned(fleet, "b")
    const blocked = fleet.nodes.get("b")!.call("block", { millis: ttl * 2 }).then(now)
    await eventually("a runs them all", async () => (await owned(fleet, "a")).length === 20)
    await blocked
    await sleep(ttl)
    await runs(idsOf(20))
    await judge(fleet, idsOf(20))
    // The answer comes last: the loop was free for a little longer than that.
    tellStale("F5", fleet, mine, "b", await blocked - 5)
  })

  test("[F6] that dies with a grant in its hand: what it was granted runs elsewhere after the lease", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 4)
    const victim = fleet.nodes.get("b")!
    await victim.call("trap", { trap: { on: "claim", when: "after", action: "die" } })
    await surely(fleet.nodes.get("a")!, "start", { keys: keys(20) })
    expect(await victim.exited).toMatchObject({ signal: "SIGKILL" })
    const died = now()
    await runs(idsOf(20))
    const late = Array.from(copiesOf(fleet.lines()).values(), (copies) => copies.at(-1)!.start - died)
    measured("F6", `all run ${Math.max(...late).toFixed(0)} ms after the death, lease ${ttl} ms`)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    await judge(fleet, idsOf(20))
  })

  test("[F7] that dies between stopping a child and saying so: it runs elsewhere after the lease, never twice", async (context) => {
    const { fleet, runs, start } = await scene(context, ["a", "b"], 20)
    const victim = fleet.nodes.get("a")!
    await victim.call("trap", { trap: { on: "release", when: "before", action: "die" } })
    await start("c")
    expect(await victim.exited).toMatchObject({ signal: "SIGKILL" })
    await runs(idsOf(20))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F7", `gaps ${spread(gaps(fleet.lines()))}, lease ${ttl} ms, overlaps 0`)
    await judge(fleet, idsOf(20))
  })

  test("[F8] and all others are killed and started again: everything comes back from Redis", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b", "c"], 20)
    await surely(fleet.nodes.get("a")!, "terminate", { keys: ["k0"] })
    const killed = now()
    for (const node of Array.from(fleet.nodes.values())) {
      node.signal("SIGKILL")
      await node.exited
    }
    await Promise.all(["a", "b"].map((name) => fleet.start(name)))
    await runs(idsOf(20).slice(1))
    measured("F8", `all 19 run again ${(now() - killed).toFixed(0)} ms after the kill, start of Node included`)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    await judge(fleet, idsOf(20).slice(1))
  })

  test("[F9] after another is restarted in order, under load: few moves, nothing lost", async (context) => {
    const { fleet, runs, start } = await scene(context, ["a", "b", "c"], 24)
    let more = 0
    for (const name of ["a", "b", "c"]) {
      const old = fleet.nodes.get(name)!
      old.signal("SIGTERM")
      const caller = Array.from(fleet.nodes.values()).find((node) => node !== old)!
      await surely(caller, "start", { keys: [`during${more++}`, `during${more++}`] })
      await old.exited
      await start(name)
    }
    const all = [...idsOf(24), ...keys(more, "during").map((key) => `Probe/${key}`)]
    await runs(all)
    await sleep(2_000)
    await runs(all)
    const lines = fleet.lines()
    expect(runningOverlaps(lines)).toEqual([])
    const each = Array.from(copiesOf(lines).values(), (copies) => copies.length - 1)
    measured(
      "F9",
      `3 restarts, ${all.length} children: ${(moves(lines) / all.length).toFixed(1)} moves each, at most ${
        Math.max(...each)
      }; gaps ${spread(gaps(lines))}`
    )
    expect(Math.max(...each)).toBeLessThanOrEqual(6)
    await judge(fleet, all)
  })

  test("[F45] with the name of another that lives: a warning, and still nothing runs twice", async (context) => {
    const { fleet, runs, start } = await scene(context, ["a", "b"], 20)
    const twin = await start("twin", { POGO_NODE_NAME: "b" })
    await eventually("told", () => twin.log().includes("two live nodes are called"))
    await runs(idsOf(20))
    await sleep(2_000)
    await runs(idsOf(20))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F45", `warned; overlaps 0, moves ${moves(fleet.lines())}`)
    await judge(fleet, idsOf(20))
  })

  test("[F62] that ends by an exception which nobody catches: as if killed", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 20)
    const victim = fleet.nodes.get("b")!
    void victim.call("crash").catch(() => {})
    expect(await victim.exited).toMatchObject({ signal: null })
    await runs(idsOf(20))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F62", `takeover ${spread(gaps(fleet.lines()))}, lease ${ttl} ms`)
    await judge(fleet, idsOf(20))
  })

  test("[F38] whose wall clock jumps by an hour, and back by two: nothing happens", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 20, { ttl: 2 * ttl })
    const hour = 3_600_000
    for (const millis of [hour, -2 * hour]) {
      await fleet.nodes.get("b")!.call("shift", { millis })
      await sleep(1_500)
      await surely(fleet.nodes.get("b")!, "start", { keys: [`at${millis}`] })
    }
    await sleep(2 * ttl)
    const all = [...idsOf(20), `Probe/at${hour}`, `Probe/at${-2 * hour}`]
    await runs(all)
    nothingMoved(fleet)
    measured("F38", "+1 h, then -2 h: 0 moves, calls as before")
    await judge(fleet, all)
  })

  test("[F39] whose clock runs a third too slow: its fence is late, still before others may start", async (context) => {
    const { fleet, proxies, start } = await scene(context, ["a"], 0, { proxied: true })
    await start("b", { TEST_CLOCK_RATE: "0.77" })
    await surely(fleet.nodes.get("a")!, "start", { keys: keys(20) })
    await fleet.nodes.get("a")!.call("await", { keys: keys(20) })
    const mine = await owned(fleet, "b")
    expect(mine.length).toBeGreaterThan(0)
    proxies.get("b")!.cut()
    await eventually("taken over", async () => (await owned(fleet, "a")).length === 20)
    const lines = fleet.lines()
    const copies = copiesOf(lines)
    const margins = mine.map((id) => copies.get(id)!.find(({ node }) => node === "a")!.start - copies.get(id)![0]!.last)
    measured("F39", `rate 0.77: old copies ended ${Math.min(...margins).toFixed(0)} ms or more before the new began`)
    await judge(fleet, mine)
  })
})
