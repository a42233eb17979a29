/**
 * A node that is drained by its name, between real processes on a real Redis: from a process that only calls, through a
 * restart of the node, and until the undo.
 */
import { Effect, Logger, LogLevel } from "effect"
import { Pogo, type PogoNode } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import { expect, test } from "vitest"
import { runningOverlaps } from "./support/evidence.js"
import { eventually, sleep, surely } from "./support/fleet.js"
import { idsOf, judge, keys, owned, scene, ttl } from "./support/scene.js"

test("a client drains a node: its children move, its restart stays drained, and an undo brings them back", async (context) => {
  const scope = "directed"
  const { fleet, redis, runs, start } = await scene(context, ["a", "b"], 20, { env: { POGO_SCOPE: scope } })
  const client = <A, E>(effect: Effect.Effect<A, E, Pogo.Pogo>): Promise<A> =>
    Effect.runPromise(effect.pipe(
      Effect.provide(Pogo.layerClient({ scope, name: "operator", ttl: `${ttl} millis` })),
      Effect.provide(GroupRegistryRedis.layer({ url: redis.url })),
      Logger.withMinimumLogLevel(LogLevel.Error)
    ))
  const rowOfB = async (): Promise<PogoNode.PogoNode | undefined> => {
    const rows = (await fleet.nodes.get("a")!.call("nodes")) as ReadonlyArray<PogoNode.PogoNode>
    return rows.find(({ name }) => name === "b")
  }
  expect((await owned(fleet, "b")).length).toBeGreaterThan(0)

  const drained = await client(Pogo.drainNode("b", { reason: "kernel | update" }))
  expect(drained).toEqual({ _tag: "Obeyed", node: "b", sessions: 1, survivesRestart: true })
  await eventually("b has given everything up", async () => (await owned(fleet, "b")).length === 0)
  await runs(idsOf(20))
  expect(await rowOfB()).toMatchObject({
    draining: true,
    children: 0,
    directive: { what: "drain", by: "operator", reason: "kernel | update", obeyed: true }
  })

  const before = fleet.nodes.get("b")!
  before.signal("SIGKILL")
  await before.exited
  const again = await start("b")
  await surely(fleet.nodes.get("a")!, "start", { keys: keys(40) })
  await eventually("b is back, and drained", async () => (await rowOfB())?.directive?.obeyed === true)
  await eventually("the old session is gone", async () => (await rowOfB())?.duplicate === false)
  await sleep(ttl)
  expect(await owned(fleet, "b")).toEqual([])
  expect(again.log()).toMatch(/a directive of operator \(kernel \| update\) drains/)

  expect((await client(Pogo.uncordonNode("b")))._tag).toBe("Obeyed")
  await eventually("children move back", async () => (await owned(fleet, "b")).length > 0)
  await runs(idsOf(40))
  expect((await rowOfB())?.directive).toBeUndefined()
  expect(await client(Pogo.cordonNode("nobody"))).toEqual({ _tag: "NoSuchNode", node: "nobody" })
  expect(runningOverlaps(fleet.lines())).toEqual([])
  await judge(fleet, idsOf(40))
})
