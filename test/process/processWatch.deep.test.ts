/**
 * A process that is gone is replaced at once by those that see it on the same machine, whatever its lease; one that is
 * only silent is not.
 */
import { expect, test, type TestContext } from "vitest"
import { measured, spread } from "../support/measured.js"
import { startRedis } from "../support/redisServer.js"
import { copiesOf, runningOverlaps, unfencedOverlaps } from "./support/evidence.js"
import { eventually, type Fleet, makeFleet, sleep, surely } from "./support/fleet.js"

const count = 200

const names = ["a", "b", "c", "d"]

/** The default lease: 15 seconds. */
const makeScene = async ({ onTestFinished }: TestContext, env: Record<string, string> = {}) => {
  const redis = await startRedis({ args: [] })
  onTestFinished(() => redis.stop("SIGKILL"))
  const fleet = await makeFleet({ TEST_REDIS_URL: redis.url, ...env })
  onTestFinished(fleet.close)
  for (const name of names) await fleet.start(name)
  const keys = Array.from({ length: count }, (_, i) => `k${i}`)
  await surely(fleet.nodes.get("a")!, "start", { keys })
  await allRun(fleet)
  return fleet
}

const allRun = (fleet: Fleet) =>
  eventually("all run", async () => {
    for (const node of fleet.nodes.values()) {
      const rows = await node.which()
      if (rows.filter(({ status }) => status._tag === "Running").length < count) return false
    }
    return true
  })

const owned = async (fleet: Fleet, name: string): Promise<ReadonlyArray<string>> =>
  ((await fleet.nodes.get(name)!.call("local")) as ReadonlyArray<{ id: string }>).map(({ id }) => id)

/** Children that have run for so long are above suspicion when their process dies. Milliseconds. */
const proven = 14_000

/** Milliseconds from the kill until the last of its children ran elsewhere. */
const killed = async (fleet: Fleet, name: string): Promise<ReadonlyArray<number>> => {
  await sleep(proven)
  const mine = await owned(fleet, name)
  const node = fleet.nodes.get(name)!
  const before = new Map(Array.from(copiesOf(fleet.lines()), ([id, copies]) => [id, copies.length]))
  const at = Number(process.hrtime.bigint()) / 1e6
  node.signal("SIGKILL")
  await node.exited
  const successors = () => {
    const copies = copiesOf(fleet.lines())
    return mine.flatMap((id) => copies.get(id)!.slice(before.get(id)))
  }
  await eventually("taken over", () => successors().length === mine.length)
  return successors().map(({ start }) => start - at)
}

test("[F1] SIGKILL with the default lease: taken over at once by a neighbour, one after the other", async (context) => {
  const fleet = await makeScene(context)
  const took: Array<number> = []
  for (const name of ["b", "c"]) {
    took.push(...await killed(fleet, name))
    await allRun(fleet)
  }
  const lines = fleet.lines()
  measured("F1", `with the default lease of 15 s, on one machine: takeover ${spread(took)}`)
  expect(Math.max(...took)).toBeLessThan(5_000)
  expect(runningOverlaps(lines)).toEqual([])
})

test("[F1] a lone process that is killed and started again has its children back at once", async (context) => {
  const redis = await startRedis({ args: [] })
  context.onTestFinished(() => redis.stop("SIGKILL"))
  const fleet = await makeFleet({ TEST_REDIS_URL: redis.url })
  context.onTestFinished(fleet.close)
  const first = await fleet.start("a")
  await surely(first, "start", { keys: Array.from({ length: count }, (_, i) => `k${i}`) })
  await allRun(fleet)
  const starts = () => fleet.lines().filter(({ what }) => what === "start").length
  const before = starts()
  await sleep(proven)
  first.signal("SIGKILL")
  await first.exited
  await fleet.start("a")
  const up = performance.now()
  await eventually("has its children back", () => starts() >= before + count)
  const took = performance.now() - up
  measured("F1", `with the default lease of 15 s, alone: from the start of the successor ${took.toFixed(0)} ms`)
  expect(took).toBeLessThan(5_000)
  expect(runningOverlaps(fleet.lines())).toEqual([])
})

test("[F4] a frozen process is left to its lease", async (context) => {
  const fleet = await makeScene(context, { POGO_TTL: "3 seconds" })
  const frozen = fleet.nodes.get("b")!
  frozen.signal("SIGSTOP")
  const before = fleet.lines().length
  await sleep(500)
  const started = fleet.lines().slice(before).filter(({ what }) => what === "start")
  frozen.signal("SIGCONT")
  expect(started).toEqual([])
  await allRun(fleet)
  expect(unfencedOverlaps(fleet.lines())).toEqual([])
})
