/**
 * Data in Redis that is old, foreign, or spoilt, and real processes on it. Numbers in brackets are rows of
 * `docs/faults.md`.
 */
import { Redis } from "ioredis"
import { describe, expect, test, type TestContext } from "vitest"
import { measured, spread } from "../support/measured.js"
import { copiesOf, gaps, runningOverlaps } from "./support/evidence.js"
import { eventually, sleep, surely } from "./support/fleet.js"
import { idsOf, judge, nothingMoved, type RedisScene, scene, ttl } from "./support/scene.js"

interface Hand {
  readonly client: Redis
  readonly key: (part: string) => string
}

/** Writes where only scripts should. */
const handOf = async ({ onTestFinished }: TestContext, { redis }: RedisScene): Promise<Hand> => {
  const client = new Redis(redis.url)
  client.on("error", () => {})
  onTestFinished(() => client.disconnect())
  const [meta] = await client.keys("pogo1:*:meta")
  return { client, key: (part) => meta!.replace(/meta$/, part) }
}

describe.concurrent("data in Redis", () => {
  test("[F49] of wrong types, half-written, and huge: skipped and told, and everything else goes on", async (context) => {
    const on = await scene(context, ["a", "b"], 10, { ttl: 3 * ttl })
    const { fleet } = on
    const { client, key } = await handOf(context, on)
    const a = fleet.nodes.get("a")!
    // Records under ids of others: the counts fit, and the nodes hear of them by a new complete read.
    await client.hset(key("stat"), "Probe/k0", "?", "Probe/k1", "x".repeat(1_000_000))
    await client.hset(key("claim"), "Probe/k2", "not a claim")
    await client.hset(key("spec"), "Probe/k3", "1|1|op|||{\"kind\":")
    await client.del(key("log"))
    await surely(a, "start", { keys: ["one"] })
    await sleep(ttl)
    await surely(a, "start", { keys: ["two"] })
    await eventually(
      "the others run",
      () => ["one", "two"].every((name) => copiesOf(fleet.lines()).has(`Probe/${name}`))
    )
    await surely(a, "terminate", { keys: ["k2", "k3"] })
    const readable = [...idsOf(10).filter((id) => id !== "Probe/k2" && id !== "Probe/k3"), "Probe/one", "Probe/two"]
    await judge(fleet, readable)
    // 100 MB in one field: what reads it is slow or refused; what does not, goes on.
    await client.hset(key("stat"), "Probe/k4", "y".repeat(100_000_000))
    const before = Date.now()
    await a.call("startEach", { keys: ["three"] })
    const took = Date.now() - before
    await client.hdel(key("stat"), "Probe/k4")
    await surely(a, "start", { keys: ["three"] })
    await eventually("it runs", () => copiesOf(fleet.lines()).has("Probe/three"))
    // A key of another type: nothing can be done, and it is said so.
    await client.rename(key("claim"), "kept")
    await client.set(key("claim"), "a string")
    await expect(a.call("start", { keys: ["four"] })).rejects.toThrow(/another type of data/)
    await client.del(key("claim"))
    await client.rename("kept", key("claim"))
    await eventually("served again", async () => {
      const [tag] = (await a.call("startEach", { keys: ["four"] })) as ReadonlyArray<string>
      return tag === "Created" || tag === "AlreadyStarted"
    })
    await eventually("it runs", () => copiesOf(fleet.lines()).has("Probe/four"))
    expect(runningOverlaps(fleet.lines())).toEqual([])
    for (const node of fleet.nodes.values()) expect(await node.call("ready")).toBe(true)
    measured(
      "F49",
      `6 kinds of spoilt data: processes alive, overlaps 0, others served; a call beside 100 MB took ${took} ms`
    )
  })

  test("[F50] of a later version: fields that this version does not know are kept when it writes", async (context) => {
    const on = await scene(context, ["a", "b"], 2)
    const { client, key } = await handOf(context, on)
    const stored = (await client.hget(key("spec"), "Probe/k0"))!
    await client.hset(key("spec"), "Probe/k0", stored.replace(/}$/, ",\"zebra\":{\"since\":2}}"))
    await on.fleet.nodes.get("b")!.call("restartEach", { keys: ["k0"] })
    await eventually("anew", () => copiesOf(on.fleet.lines()).get("Probe/k0")!.length === 2)
    await on.runs(idsOf(2))
    const now = (await client.hget(key("spec"), "Probe/k0"))!
    expect(now).toContain("\"zebra\":{\"since\":2}")
    expect(now).not.toBe(stored)
    measured("F50", "an unknown field of a spec survives restartChild; the child runs")
    await judge(on.fleet, idsOf(2))
  })

  test("[F64] that is replaced by an older copy: nothing doubled, nothing lost, nothing back", async (context) => {
    const on = await scene(context, ["a", "b"], 10, { onEmpty: "settle" })
    const { fleet, runs } = on
    const { client } = await handOf(context, on)
    const copy = new Map<string, Buffer>()
    for (const name of await client.keys("pogo1:*")) copy.set(name, await client.dumpBuffer(name))
    await surely(fleet.nodes.get("a")!, "terminate", { keys: ["k0"] })
    await surely(fleet.nodes.get("b")!, "start", { keys: ["later"] })
    const expected = [...idsOf(10).slice(1), "Probe/later"]
    await runs(expected)
    const all = client.multi().flushall()
    for (const [name, dump] of copy) all.restore(name, 0, dump)
    await all.exec()
    await sleep(2 * ttl)
    await runs(expected)
    expect(copiesOf(fleet.lines()).get("Probe/k0")!.length).toBe(1)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F64", `the start and the end that the copy did not know stand; gaps ${spread(gaps(fleet.lines()))}`)
    await judge(fleet, expected)
  })

  test("[F53] whose log is cut behind a slow node: it reads everything anew", async (context) => {
    const on = await scene(context, ["a", "b"], 10, { ttl: 3 * ttl })
    const { client, key } = await handOf(context, on)
    on.fleet.nodes.get("b")!.signal("SIGSTOP")
    await surely(on.fleet.nodes.get("a")!, "terminate", { keys: ["k0"] })
    await surely(on.fleet.nodes.get("a")!, "start", { keys: ["unseen"] })
    await client.xtrim(key("log"), "MAXLEN", 0)
    on.fleet.nodes.get("b")!.signal("SIGCONT")
    const expected = [...idsOf(10).slice(1), "Probe/unseen"]
    await on.runs(expected)
    nothingMoved(on.fleet)
    measured("F53", "the node that missed it knows everything again; 0 moves")
    await judge(on.fleet, expected)
  })
})
