/**
 * A primary that fails over in order, and two primaries at once. Numbers in brackets are rows of `docs/faults.md`.
 */
import { describe, expect, test } from "vitest"
import { measured } from "../support/measured.js"
import { startRedis } from "../support/redisServer.js"
import { gaps, runningOverlaps, unfencedOverlaps } from "./support/evidence.js"
import { eventually, sleep } from "./support/fleet.js"
import { makeProxy } from "./support/proxy.js"
import { isPrimary, portsOf, replicated, sentinelsOf, times } from "./support/replication.js"
import { idsOf, judge, owned, sceneOn, ttl } from "./support/scene.js"

describe.concurrent("behind Sentinel", () => {
  test("[F28] a failover in order: nothing moves, or little", async (context) => {
    const { primary, replica } = await replicated(context)
    const sentinels = await sentinelsOf(context, primary)
    const env = { ...times(4 * ttl), TEST_SENTINELS: portsOf(sentinels) }
    const { fleet, runs } = await sceneOn(context, ["a", "b"], 20, env)
    const before = Date.now()
    // Refused or given up now and then: asked for again.
    await eventually("the replica serves", async () => {
      if (await isPrimary(replica)) return true
      await sentinels[0]!.cli("SENTINEL", "FAILOVER", "main").catch(() => {})
      await sleep(500)
      return isPrimary(replica)
    })
    const took = Date.now() - before
    await eventually("calls are served", async () => {
      const [tag] = (await fleet.nodes.get("a")!.call("startEach", { keys: ["after"] })) as ReadonlyArray<string>
      return tag === "Created" || tag === "AlreadyStarted"
    })
    await runs([...idsOf(20), "Probe/after"])
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured(
      "F28",
      `failover in ${took} ms, lease ${4 * ttl}: ${gaps(fleet.lines()).length} moves, overlaps 0, none lost`
    )
    await judge(fleet, [...idsOf(20), "Probe/after"])
  })
})

describe.concurrent("two primaries at once", () => {
  for (const guarded of [true, false]) {
    test(`[F30] ${guarded ? "with" : "without"} min-replicas-to-write`, async (context) => {
      const args = guarded ? ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "1"] : []
      const { link, primary, replica } = await replicated(context, args)
      // The replica of the new primary: it takes writes only with one.
      const third = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] })
      context.onTestFinished(() => third.stop("SIGKILL"))
      const ways = { a: await makeProxy(primary.port), b: await makeProxy(primary.port) }
      for (const way of Object.values(ways)) context.onTestFinished(way.close)
      const { fleet, runs } = await sceneOn(context, ["a", "b"], 16, times(ttl), async (name) => ({
        TEST_REDIS_URL: ways[name as "a" | "b"].url
      }))
      const mine = await owned(fleet, "b")
      expect(mine.length).toBeGreaterThan(0)
      // The net splits: b stays with the old primary, all others go over to the new one.
      link.cut()
      await replica.cli("REPLICAOF", "NO", "ONE")
      await third.cli("REPLICAOF", "127.0.0.1", String(replica.port))
      ways.a.redirect(replica.port)
      await eventually("a runs them all", async () => (await owned(fleet, "a")).length === 16)
      await sleep(1_000)
      const overlaps = unfencedOverlaps(fleet.lines())
      const refused = fleet.refused()
      if (guarded) expect(overlaps).toEqual([])
      else expect(overlaps.length).toBeGreaterThan(0)
      expect(fleet.wrongly()).toBe(0)
      measured(
        "F30",
        guarded
          ? `with it: unfenced overlaps 0, ${mine.length} children taken over`
          : `without it (W4): ${overlaps.length} of 16 children ran twice unfenced; their writes refused ${refused}, accepted 0`
      )
      // The split ends.
      ways.b.redirect(replica.port)
      await runs(idsOf(16))
      expect(fleet.wrongly()).toBe(0)
    })
  }
})
