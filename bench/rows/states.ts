/**
 * The states of children, on a Redis of their own: until one is stored, and how many are stored at once.
 */
import { startRedis } from "../../.ci/redis.mjs"
import { atLeast, atMost, type Group, short } from "../support/bench.js"
import { median } from "../support/numbers.js"
import { program } from "../support/program.js"

const names = {
  one: "state.set acknowledged",
  many: "states of 1,000 children stored at once"
}

interface Stored {
  readonly trip: number
  readonly set: number
  readonly perSecond: number
}

export const states: Group = {
  title: "states of children",
  rows: Object.values(names),
  run: async (bench) => {
    const rounds: Array<Stored> = []
    for (let i = 0; i < bench.rounds(5); i++) {
      const redis = await startRedis()
      const args = [redis.url, String(bench.size(1_000)), "20"]
      rounds.push(await program<Stored>(new URL("../support/states.ts", import.meta.url), args))
      await redis.stop("SIGKILL")
    }
    const trip = median(rounds.map((round) => round.trip))
    bench.tell(names.one, {
      value: rounds.map((round) => round.set / round.trip),
      unit: "round trips",
      target: atMost(3),
      raw: { what: "round trip", value: trip, unit: "ms" },
      note: `${short(median(rounds.map(({ set }) => set)))} ms; 100 bytes, one child`
    })
    bench.tell(names.many, {
      value: rounds.map(({ perSecond }) => perSecond),
      unit: "/s",
      target: atLeast(30_000),
      note: "100 bytes each; every one of them waits for its answer before it stores the next"
    })
  }
}
