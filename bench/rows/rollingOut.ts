/**
 * A release is rolled out over six nodes with 600 children: how often each moves, for how long it is away, and whether
 * calls get through; beside the same without revisions, as it was before there were any.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { atMost, exactly, type Group } from "../support/bench.js"
import { quantile } from "../support/numbers.js"
import { inShort, type RolledOut, rollOut } from "../support/rolling.js"
import { rolloutPicture } from "../support/rolloutPicture.js"

const names = {
  moves: "rollout of 6 nodes: moves per child",
  gap: "rollout: a move, p50",
  away: "rollout: away in all, p99",
  calls: "rollout: calls that failed"
}

const folder = new URL("../pictures/", import.meta.url)

const draw = (name: string, title: string, rollout: RolledOut): void => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(`${name}.svg`, folder), rolloutPicture(rollout, title))
}

export const rollingOut: Group = {
  title: "a release is rolled out",
  rows: Object.values(names),
  run: async (bench) => {
    const children = bench.size(600)
    const say = (text: string) => bench.say(text)
    const after = await rollOut({ children, revisions: true, say })
    draw("rollout", "A rollout with revisions: each child moves once", after)
    const before = bench.quick ? undefined : await rollOut({ children, revisions: false, say })
    if (before !== undefined) draw("rollout-without", "The same rollout without revisions", before)
    const note = (of: (rollout: RolledOut) => string) =>
      before === undefined ? of(after) : `${of(after)}; without revisions: ${of(before)}`
    bench.tell(names.moves, {
      value: after.moves,
      unit: "",
      target: atMost(1),
      note: note(({ moves, overlaps, shares }) =>
        `${moves.toFixed(2)}, shares ${shares.join(" ")}, ${overlaps} overlaps`
      )
    })
    bench.tell(names.gap, {
      value: quantile(after.gaps, 0.5),
      unit: "ms",
      target: atMost(15),
      note: note(({ gaps }) => inShort(gaps))
    })
    bench.tell(names.away, {
      value: quantile(after.away, 0.99),
      unit: "ms",
      target: atMost(50),
      note: note(({ away }) => inShort(away))
    })
    bench.tell(names.calls, {
      value: after.calls.failed,
      unit: `of ${after.calls.made}`,
      target: exactly(0),
      note: note(({ calls }) => `${calls.failed} of ${calls.made}${calls.failed > 0 ? `, ${calls.failures[0]}` : ""}`)
    })
  }
}
