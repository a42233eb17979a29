/** Many children on a process that dies. Numbers in brackets are rows of `docs/faults.md`. */
import { expect, test } from "vitest"
import { measured, spread } from "../support/measured.js"
import { copiesOf } from "./support/evidence.js"
import { eventually, surely } from "./support/fleet.js"
import { keys, owned, scene } from "./support/scene.js"

const count = Number(process.env["POGO_SIZE"] ?? 10_000)
const ttl = 6_000

test(`[F44] a process dies with its share of ${count} children: all run again soon after its lease`, async (context) => {
  const { fleet, redis } = await scene(context, ["a", "b", "c"], 0, { ttl })
  await redis.cli("CONFIG", "SET", "slowlog-log-slower-than", "1000")
  await surely(fleet.nodes.get("a")!, "start", { keys: keys(count), every: 3_600_000 })
  await eventually("all run", () => copiesOf(fleet.lines()).size === count)
  const mine = new Set(await owned(fleet, "b"))
  expect(mine.size).toBeGreaterThan(count / 4)
  await redis.cli("SLOWLOG", "RESET")
  const victim = fleet.nodes.get("b")!
  const at = Number(process.hrtime.bigint()) / 1e6
  victim.signal("SIGKILL")
  await victim.exited
  const successors = () => {
    const copies = copiesOf(fleet.lines())
    return Array.from(mine, (id) => copies.get(id)!).filter(({ length }) => length === 2).map((two) =>
      two[1]!.start - at
    )
  }
  await eventually("taken over", () => successors().length === mine.size)
  const slow = (await redis.cli("SLOWLOG", "GET", "100")).split("\n").map(Number)
  // The third line of an entry is the duration.
  const micros = slow.filter((n, i) => Number.isInteger(n) && slow[i - 1]! > 1_600_000_000 && n < 1_600_000_000)
  const took = successors()
  measured(
    "F44",
    `${mine.size} of ${count} children taken over: ${
      spread(took)
    }, lease ${ttl} ms; scripts over 1 ms: ${micros.length}, ` +
      `longest ${(Math.max(0, ...micros) / 1000).toFixed(1)} ms`
  )
  expect(Math.max(...took)).toBeLessThan(ttl + 15_000)
})
