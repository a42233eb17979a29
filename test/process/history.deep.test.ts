/**
 * The history between real processes on a real Redis: a process is killed, and what became of its child is read
 * afterwards, from a process that was not there.
 */
import { Effect, Logger, LogLevel } from "effect"
import { Pogo, type PogoHistory } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import { checkHistory } from "effect-pogo/PogoTest"
import { expect, test } from "vitest"
import { eventually } from "./support/fleet.js"
import { idsOf, judge, owned, scene, ttl } from "./support/scene.js"

/** Entries in short. */
const brief = (entries: ReadonlyArray<PogoHistory.HistoryEntry>): ReadonlyArray<string> =>
  entries.map(({ node, what }) => `${what} on ${node}`)

test("a child of a process that is killed: claimed, lost, and claimed elsewhere, under rising tokens", async (context) => {
  const scope = "told"
  const { fleet, redis, runs } = await scene(context, ["a", "b"], 12, { env: { POGO_SCOPE: scope } })
  const client = <A, E>(effect: Effect.Effect<A, E, Pogo.Pogo>): Promise<A> =>
    Effect.runPromise(effect.pipe(
      Effect.provide(Pogo.layerClient({ scope, name: "reader", ttl: `${ttl} millis` })),
      Effect.provide(GroupRegistryRedis.layer({ url: redis.url })),
      Logger.withMinimumLogLevel(LogLevel.Error)
    ))
  const [id] = await owned(fleet, "b")
  const killed = fleet.nodes.get("b")!
  killed.signal("SIGKILL")
  await killed.exited
  await runs(idsOf(12))
  await eventually(
    "the run is told",
    async () => brief(await client(Pogo.history(id))).slice(-2).join() === "claimed on a,running on a"
  )

  const entries = await client(Pogo.history(id))
  expect(brief(entries).slice(-5)).toEqual([
    "claimed on b",
    "running on b",
    "lost on b",
    "claimed on a",
    "running on a"
  ])
  const tokens = entries.filter(({ what }) => what === "claimed").map(({ token }) => token!)
  expect(tokens).toEqual(tokens.toSorted((x, y) => (x < y ? -1 : 1)))
  expect(new Set(tokens).size).toBe(tokens.length)
  const all = await client(Pogo.history())
  const end = all.find(({ node, what }) => node === "b" && (what === "gone" || what === "leaseLost"))
  expect(end?.session).toBe(entries.find(({ what }) => what === "lost")?.session)
  expect(checkHistory(all)).toEqual({ overlaps: [], gaps: [] })
  await judge(fleet, idsOf(12))
})
