/**
 * Making children those of a list of which few are other than before, against what that cannot do without.
 */
import { atMost, type Group, short } from "../support/bench.js"
import { until, withFleet } from "../support/fleet.js"
import { median } from "../support/numbers.js"

const name = "reconcile 10,000, 1 % changed"

/** @internal */
export const reconciling: Group = {
  title: "reconciling a set of 10,000 on 3 nodes",
  rows: [name],
  run: (bench) =>
    withFleet(3, async (fleet) => {
      const size = bench.size(10_000)
      const [first] = fleet.nodes
      await first!.start(size)
      await fleet.allRunning(size)
      const rounds = []
      // The first warms up.
      for (let round = 1; round <= bench.rounds(6) + 1; round++) {
        const { list, made, puts, replaced } = await first!.reconcile(size, round)
        if (replaced !== size / 100) throw new Error(`${replaced} were replaced`)
        const bare = list.ended - list.began + puts.ended - puts.began
        rounds.push({ bare, list: list.ended - list.began, made: made.ended - made.began })
        await until("all run again", async () => {
          const { running } = await first!.counts()
          return running === size ? true : undefined
        })
      }
      rounds.shift()
      bench.tell(name, {
        value: rounds.map(({ bare, made }) => made / bare),
        unit: "x",
        target: atMost(1.5),
        raw: { what: "a listing and as many bare puts", value: median(rounds.map(({ bare }) => bare)), unit: "ms" },
        note: `${short(median(rounds.map(({ made }) => made)))} ms; the listing ${
          short(median(rounds.map(({ list }) => list)))
        } ms`
      })
    })
}
