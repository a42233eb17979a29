/**
 * A child that ends its process, between real processes that a manager starts again: how many die until it is parked,
 * and how long the good children are down.
 */
import { expect, test } from "vitest"
import { spread } from "../support/measured.js"
import { startRedis } from "../support/redisServer.js"
import { copiesOf, type Line, runningOverlaps } from "./support/evidence.js"
import { eventually, type Fleet, makeFleet, sleep, surely } from "./support/fleet.js"

const names = ["a", "b", "c", "d"]
const good = 40

/** Starts a process again whenever it has ended, after half a second, until told to stop. */
const manage = (fleet: Fleet) => {
  const deaths: Array<number> = []
  let isOver = false
  const keep = async (name: string): Promise<void> => {
    for (;;) {
      const node = await fleet.start(name).catch(() => undefined)
      // One that was on its way when all others were ended.
      if (isOver) node?.signal("SIGKILL")
      await node?.exited
      if (isOver) return
      deaths.push(performance.now())
      await sleep(500)
      if (isOver) return
    }
  }
  const running = names.map(keep)
  return {
    deaths,
    end: async () => {
      isOver = true
      await fleet.close()
      await Promise.all(running)
    }
  }
}

const rowsOf = async (fleet: Fleet) => {
  for (const node of fleet.nodes.values()) {
    const rows = await node.which().catch(() => undefined)
    if (rows !== undefined) return rows
  }
  return []
}

/** How long each good child was down after a moment, milliseconds: of those that were down at all. */
const downtimes = (lines: ReadonlyArray<Line>, since: number): ReadonlyArray<number> =>
  Array.from(copiesOf(lines.filter(({ id }) => id.startsWith("Probe/")))).flatMap(([, copies]) => {
    const times = copies.slice(1).map(({ start }, i) => start - copies[i]!.last).filter((_, i) =>
      copies[i + 1]!.start > since
    )
    return times.length === 0 ? [] : [times.reduce((sum, time) => sum + time, 0)]
  })

test("a child that ends its process 0.3 s after its start is parked; the others are back soon", async (context) => {
  const redis = await startRedis({ args: [] })
  context.onTestFinished(() => redis.stop("SIGKILL"))
  const fleet = await makeFleet({ TEST_REDIS_URL: redis.url, TEST_KINDS: "Probe,Poison" })
  const manager = manage(fleet)
  context.onTestFinished(manager.end)
  await eventually("all are there", () => fleet.nodes.size === names.length)
  const keys = Array.from({ length: good }, (_, i) => `k${i}`)
  await surely(fleet.nodes.get("a")!, "start", { keys })
  await eventually(
    "all run",
    async () => (await rowsOf(fleet)).filter(({ status }) => status._tag === "Running").length === good
  )
  // They have run for a while.
  await sleep(14_000)
  const begin = performance.now()
  const since = Number(process.hrtime.bigint()) / 1e6
  await surely(fleet.nodes.get("b")!, "start", { keys: ["p"], kind: "Poison", every: 300 }).catch(() => {})
  let cause = ""
  await eventually("the poison is parked", async () => {
    const row = (await rowsOf(fleet)).find(({ id }) => id === "Poison/p")
    if (row?.status._tag === "Failed") cause = (row.status as { readonly cause?: string }).cause ?? ""
    return cause !== ""
  })
  await eventually(
    "all good ones run",
    async () => (await rowsOf(fleet)).filter(({ status }) => status._tag === "Running").length === good
  )
  const at = manager.deaths.map((time) => time - begin)
  const lines = fleet.lines()
  const down = downtimes(lines, since)
  process.stdout.write(
    `    deaths at ${
      at.map((time) => (time / 1000).toFixed(1)).join(", ")
    } s; ${down.length} of ${good} good children ` +
      `were down: ${spread(down)}\n`
  )
  expect(cause).toBe(`its process died ${at.length} times soon after it started`)
  expect(at.filter((time) => time < at[0]! + 1_000).length).toBeLessThanOrEqual(2)
  expect(at.length).toBeLessThanOrEqual(9)
  expect(runningOverlaps(lines)).toEqual([])
})
