/**
 * Children that store how far they are, between real processes on a real Redis that are killed, frozen, and leave in order:
 * what was answered never goes back, and only with the data of Redis and all who knew it is it gone.
 */
import { expect, test } from "vitest"
import { copiesOf, setBacks } from "./support/evidence.js"
import { eventually, type Fleet, sleep } from "./support/fleet.js"
import { acquainted, idsOf, keys, scene, ttl } from "./support/scene.js"

const count = 12

/** How far each child is, as it was told. */
const counts = (fleet: Fleet): ReadonlyMap<string, number> =>
  new Map(fleet.lines().filter(({ what }) => what === "stored").map(({ count = 0, id }) => [id, count]))

/** Until every child has been told of so many more than now. */
const goesOn = async (fleet: Fleet, what: string): Promise<void> => {
  const before = counts(fleet)
  await eventually(`${what}: all children store`, () => {
    const now = counts(fleet)
    return idsOf(count, "Offset").every((id) => (now.get(id) ?? 0) > (before.get(id) ?? 0) + 3)
  })
}

test(
  "offsets never go back: processes are killed, frozen and stopped, children move, and Redis loses its data",
  async (context) => {
    const { fleet, redis, start } = await scene(context, ["a", "b", "c"], 0, {
      onEmpty: "settle",
      env: { TEST_KINDS: "Offset" }
    })
    await acquainted(fleet, ["Offset"])
    await fleet.nodes.get("a")!.call("start", { kind: "Offset", keys: keys(count), every: 20 })
    await goesOn(fleet, "at first")

    const killed = fleet.nodes.get("a")!
    killed.signal("SIGKILL")
    await killed.exited
    await goesOn(fleet, "after a kill")
    await start("a")
    await acquainted(fleet, ["Offset"])
    await goesOn(fleet, "after a move back")

    const frozen = fleet.nodes.get("b")!
    frozen.signal("SIGSTOP")
    await sleep(2 * ttl)
    frozen.signal("SIGCONT")
    await goesOn(fleet, "after a freeze")

    const left = fleet.nodes.get("c")!
    left.signal("SIGTERM")
    await left.exited
    await goesOn(fleet, "after an orderly end")

    await redis.cli("FLUSHALL")
    await goesOn(fleet, "after a loss of all data")
    const again = fleet.nodes.get("b")!
    again.signal("SIGKILL")
    await again.exited
    await goesOn(fleet, "after a kill in the new data set")

    expect(setBacks(fleet.lines())).toEqual([])
    // It was about something.
    const copies = copiesOf(fleet.lines())
    expect(Array.from(copies.values()).flat().length).toBeGreaterThan(count + 6)
  },
  400_000
)
