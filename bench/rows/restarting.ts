/**
 * Crash and restart cycles without any delay, over the raw loop; and what they leave to a sibling.
 */
import { atLeast, atMost, type Group } from "../support/bench.js"
import { median } from "../support/numbers.js"
import { program } from "../support/program.js"

const names = {
  one: "restart cycles of one child over the raw loop",
  all: "restart cycles across 10,000 over the raw loop",
  sibling: "a sibling's tick beside one crash loop is late by",
  siblings: "a sibling's tick beside 10,000 crash loops is late by"
}

interface Rate {
  readonly perSecond: number
  readonly late: number
  readonly late99: number
}

interface Crashes {
  readonly quiet: Rate
  readonly one: Rate
  readonly all: Rate
  readonly raw: Rate
  readonly rawMany: Rate
}

export const restarting: Group = {
  title: "crash loops",
  rows: Object.values(names),
  run: async (bench) => {
    const rounds: Array<Crashes> = []
    for (let i = 0; i < (bench.quick ? 1 : 5); i++) {
      const args = [bench.quick ? "500" : "2000", String(bench.size(10_000))]
      rounds.push(await program<Crashes>(new URL("../support/crashes.ts", import.meta.url), args))
    }
    const of = (pick: (crashes: Crashes) => number) => rounds.map(pick)
    const over = (name: string, pick: (crashes: Crashes) => Rate, raw: (crashes: Crashes) => Rate) =>
      bench.tell(name, {
        value: of((crashes) => pick(crashes).perSecond / raw(crashes).perSecond),
        unit: "x",
        target: atLeast(0.8),
        raw: { what: "raw loop", value: median(of((crashes) => raw(crashes).perSecond)), unit: "/s" }
      })
    over(names.one, ({ one }) => one, ({ raw }) => raw)
    over(names.all, ({ all }) => all, ({ rawMany }) => rawMany)
    const raw = { what: "beside the raw loop", value: median(of(({ raw: loop }) => loop.late)) }
    const late = (name: string, pick: (crashes: Crashes) => Rate) =>
      bench.tell(name, {
        value: of((crashes) => pick(crashes).late),
        unit: "ms",
        target: atMost(5),
        raw,
        note: `p99 ${median(of((crashes) => pick(crashes).late99)).toPrecision(3)}, beside the raw loop ` +
          median(of(({ raw: loop }) => loop.late99)).toPrecision(3)
      })
    late(names.sibling, ({ one }) => one)
    late(names.siblings, ({ all }) => all)
  }
}
