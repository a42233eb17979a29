/**
 * Ways to Redis that are slow, silent, one-way or cut; requests that arrive late, or again. Numbers in brackets are rows
 * of `docs/faults.md`.
 */
import { describe, expect, test } from "vitest"
import { measured, spread } from "../support/measured.js"
import { copiesOf, gaps, runningOverlaps } from "./support/evidence.js"
import { eventually, sleep, surely } from "./support/fleet.js"
import { idsOf, judge, keys, moves, nothingMoved, owned, scene, ttl } from "./support/scene.js"

const now = (): number => Number(process.hrtime.bigint()) / 1e6

describe.concurrent("the way to Redis", () => {
  test("[F33] is slow and uneven, below the patience of a call: nothing moves", async (context) => {
    const { fleet, proxies, runs } = await scene(context, ["a", "b"], 20, { proxied: true, ttl: 3 * ttl })
    for (const proxy of proxies.values()) {
      for (const direction of ["up", "down"] as const) proxy.flow(direction, () => 50 + Math.random() * 350)
    }
    await sleep(3 * ttl)
    const before = now()
    await surely(fleet.nodes.get("a")!, "start", { keys: ["slow"] })
    const took = now() - before
    await runs([...idsOf(20), "Probe/slow"])
    nothingMoved(fleet)
    measured("F33", `100 to 800 ms there and back, a call may take 1200: 0 moves; a start took ${took.toFixed(0)} ms`)
    await judge(fleet, idsOf(20))
  })

  test("[F33] is slower than the patience of a call: children end in time, and run again when it is fast", async (context) => {
    const { fleet, proxies, runs } = await scene(context, ["a", "b"], 10, { proxied: true })
    for (const proxy of proxies.values()) proxy.flow("down", () => 800 + Math.random() * 400)
    await sleep(2 * ttl)
    for (const proxy of proxies.values()) proxy.heal()
    await runs(idsOf(10))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured(
      "F33",
      `0.8 to 1.2 s where a call may take 400 ms: overlaps 0, without a child for ${spread(gaps(fleet.lines()))}`
    )
    await judge(fleet, idsOf(10))
  })

  test("[F34] lets requests of one node arrive, and no answers: it fences, and is given nothing", async (context) => {
    const { fleet, proxies, runs } = await scene(context, ["a", "b"], 20, { proxied: true })
    const mine = await owned(fleet, "b")
    proxies.get("b")!.flow("down", "drop")
    const cut = now()
    await eventually("a runs them all", async () => (await owned(fleet, "a")).length === 20)
    const took = now() - cut
    // Requests of b still arrive: it must not be taken in again.
    await surely(fleet.nodes.get("a")!, "start", { keys: keys(10, "more") })
    await sleep(2 * ttl)
    expect((await owned(fleet, "a")).length).toBe(30)
    proxies.get("b")!.heal()
    const all = [...idsOf(20), ...keys(10, "more").map((key) => `Probe/${key}`)]
    await runs(all)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured(
      "F34",
      `${mine.length} children taken over within ${took.toFixed(0)} ms, overlaps 0, nothing given to the deaf node`
    )
    await judge(fleet, all)
  })

  test("[F35] is silent though nobody closed it: given up, and made anew", async (context) => {
    const { fleet, proxies, runs } = await scene(context, ["a", "b"], 20, { proxied: true, ttl: 3 * ttl })
    const proxy = proxies.get("b")!
    const before = proxy.made()
    for (const direction of ["up", "down"] as const) proxy.flow(direction, "drop")
    // Only what is there now is dead.
    proxy.healNew()
    const cut = now()
    await eventually("other connections", () => proxy.made() >= before + 2)
    const took = now() - cut
    await eventually("b is served", async () => {
      const [tag] = (await fleet.nodes.get("b")!.call("startEach", { keys: ["again"] })) as ReadonlyArray<string>
      return tag === "Created" || tag === "AlreadyStarted"
    })
    await sleep(2 * ttl)
    await runs([...idsOf(20), "Probe/again"])
    nothingMoved(fleet)
    measured("F35", `dead connections were replaced within ${took.toFixed(0)} ms (a call may take 1286), 0 moves`)
    await judge(fleet, idsOf(20))
  })

  test("[F36] holds requests back for long, and brings them when nobody waits any more: no effect", async (context) => {
    const { fleet, proxies, redis, runs } = await scene(context, ["a", "b"], 10, { proxied: true })
    const a = fleet.nodes.get("a")!
    const proxy = proxies.get("a")!
    proxy.flow("up", "hold", "work")
    const answers = Promise.all([
      a.call("startEach", { keys: ["late"] }),
      a.call("terminateEach", { keys: ["k0"] }),
      a.call("replaceEach", { keys: ["k1"], every: 40 })
    ])
    await sleep(ttl)
    expect(["OutcomeUnknown", "RegistryUnavailable"]).toContain(((await answers)[0] as ReadonlyArray<string>)[0])
    const held = proxy.release()
    proxy.flow("up", "pass", "work")
    expect(held).toBeGreaterThan(0)
    await runs(idsOf(10))
    await sleep(ttl)
    await runs(idsOf(10))
    expect(await redis.cli("HGETALL", await specKey(redis))).not.toContain("Probe/late")
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F36", `${held} requests arrived ${ttl} ms late: no start, no end, no replacement; overlaps 0`)
    await judge(fleet, idsOf(10))
  })

  test("[F36] brings all requests of a connection once more, at once and later: no effect", async (context) => {
    const { fleet, proxies, runs } = await scene(context, ["a", "b"], 10, { proxied: true, ttl: 2 * ttl })
    await surely(fleet.nodes.get("a")!, "terminate", { keys: ["k0"] })
    await proxies.get("a")!.replay("work")
    await runs(idsOf(10).slice(1))
    await sleep(2 * ttl)
    await Promise.all([
      proxies.get("a")!.replay("work"),
      proxies.get("b")!.replay("work"),
      proxies.get("a")!.replay("tick")
    ])
    await sleep(ttl)
    await runs(idsOf(10).slice(1))
    expect(copiesOf(fleet.lines()).get("Probe/k0")!.length).toBe(1)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F36", `all requests of both nodes replayed: nothing came back, overlaps 0, ${moves(fleet.lines())} moves`)
    await judge(fleet, idsOf(10).slice(1))
  })

  test("[F48] loses the answer to a start whose child another ends meanwhile: it stays ended", async (context) => {
    const { fleet, proxies, runs } = await scene(context, ["a", "b"], 4, { proxied: true, ttl: 2 * ttl })
    const proxy = proxies.get("a")!
    proxy.flow("down", "drop", "work")
    const answer = (await fleet.nodes.get("a")!.call("startEach", { keys: ["x"] })) as ReadonlyArray<string>
    expect(answer).toEqual(["OutcomeUnknown"])
    await eventually(
      "b knows of it",
      async () => (await fleet.nodes.get("b")!.which()).some(({ id }) => id === "Probe/x")
    )
    expect(await fleet.nodes.get("b")!.call("terminateEach", { keys: ["x"] })).toEqual(["Terminated"])
    proxy.heal()
    await sleep(2 * ttl)
    await runs(idsOf(4))
    measured("F48", "the caller was told OutcomeUnknown; the child stays ended")
    await judge(fleet, idsOf(4))
  })

  test("[F54] lets no news through: everything converges by the heartbeat", async (context) => {
    const { fleet, proxies, runs } = await scene(context, ["a", "b"], 10, { proxied: true })
    for (const proxy of proxies.values()) proxy.flow("down", "drop", "wake")
    const took: Array<number> = []
    for (let i = 0; i < 6; i++) {
      const before = now()
      await surely(fleet.nodes.get(i % 2 === 0 ? "a" : "b")!, "start", { keys: [`deaf${i}`] })
      await eventually("it runs", () => fleet.lines().some(({ id }) => id === `Probe/deaf${i}`))
      took.push(now() - before)
    }
    await runs([...idsOf(10), ...keys(6, "deaf").map((key) => `Probe/${key}`)])
    measured("F54", `a start runs after ${spread(took)}, heartbeat ${ttl * 2 / 15} ms`)
    expect(Math.max(...took)).toBeLessThan(ttl)
    await judge(fleet, idsOf(10))
  })
})

describe.concurrent("children that do not end", () => {
  test("[F58] when their node is cut off: fenced at once, superseded, one copy in the end", async (context) => {
    const { fleet, proxies, runs } = await scene(context, ["a", "b"], 0, { proxied: true })
    // The stop budget is a fifth of the lease: 600 ms.
    const slow = [0, 300, 600, 900, 1_200]
    for (const stopTakes of slow) {
      await surely(fleet.nodes.get("a")!, "start", { keys: keys(4, `s${stopTakes}-`), stopTakes })
    }
    const all = slow.flatMap((stopTakes) => keys(4, `s${stopTakes}-`).map((key) => `Probe/${key}`))
    await runs(all)
    proxies.get("b")!.cut()
    await eventually("a runs them all", async () => (await owned(fleet, "a")).length === 20)
    proxies.get("b")!.heal()
    await runs(all)
    const lines = fleet.lines()
    const inTime = runningOverlaps(lines).filter(({ id }) => /s(0|300|600)-/.test(id))
    expect(inTime).toEqual([])
    measured(
      "F58",
      `stops of up to a stop budget: overlaps 0; of up to two: ${runningOverlaps(lines).length}, unfenced 0`
    )
    await judge(fleet, all)
  })

  test("[F40] and whose kind says so: the process ends instead", async (context) => {
    const { fleet, proxies, runs, start } = await scene(context, ["a"], 0, { proxied: true })
    const b = await start("b", { TEST_ON_OVERDUE: "exit" })
    await surely(fleet.nodes.get("a")!, "start", { keys: keys(8), deaf: true })
    await runs(idsOf(8))
    const mine = await owned(fleet, "b")
    expect(mine.length).toBeGreaterThan(0)
    proxies.get("b")!.cut()
    const ended = await b.exited
    expect(b.log()).toContain("onOverdue")
    await runs(idsOf(8))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F40", `the process ended (code ${ended.code}); overlaps 0`)
    await judge(fleet, idsOf(8))
  })

  test("[F40] and are terminated: overdue, never doubled, gone with their process", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b"], 0)
    await surely(fleet.nodes.get("a")!, "start", { keys: keys(4), deaf: true })
    await runs(idsOf(4))
    await surely(fleet.nodes.get("a")!, "terminate", { keys: ["k0"] })
    await fleet.nodes.get("a")!.call("replaceEach", { keys: ["k1"], every: 40, deaf: true })
    await eventually("overdue", async () => {
      const rows = await fleet.nodes.get("a")!.which()
      return rows.filter(({ status }) => status._tag === "Overdue").length >= 1
    })
    await sleep(ttl)
    const copies = copiesOf(fleet.lines())
    for (const id of idsOf(4)) expect([id, copies.get(id)!.length]).toEqual([id, 1])
    measured("F40", "terminated and replaced while deaf: reported as overdue, 0 second copies")
    for (const node of Array.from(fleet.nodes.values())) node.signal("SIGKILL")
  })
})

const specKey = async (redis: { readonly cli: (...args: Array<string>) => Promise<string> }): Promise<string> =>
  (await redis.cli("--scan", "--pattern", "pogo1:*:spec")).split("\n")[0]!
