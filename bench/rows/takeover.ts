/**
 * A node is killed that ran 10,000 children: how long until all of them run elsewhere.
 */
import { atMost, type Group } from "../support/bench.js"
import { live, type Phase } from "../support/life.js"

const name = "takeover of 10,000 after SIGKILL"
const noticed = "takeover: from the first child to the last"
const young = "takeover of 10,000 that had just started"

/** Heartbeats of two seconds before the kill: whoever started before counts as proven. */
const restBeats = 8

/** The default lease, heartbeat, and a second. */
const limit = 15 + 2 + 1

export const takeover: Group = {
  title: "a node with 10,000 children is killed",
  rows: [name, noticed, young],
  run: async (bench) => {
    const killedAfter = async (phases: ReadonlyArray<Phase>) =>
      (await live(bench.size(30_000), new Set(phases), (text) => bench.say(text), false, restBeats)).killed!
    const rounds = []
    if (bench.wants(name, noticed)) {
      for (let i = 0; i < bench.rounds(2); i++) rounds.push(await killedAfter(["rest", "kill"]))
    }
    const { lost, seconds } = await killedAfter(["kill"])
    bench.tell(young, { value: seconds, unit: "s", note: `${lost} children are tried by rounds, twice as many each` })
    if (rounds.length === 0) return
    const note = `children on the killed node: ${rounds.map(({ lost }) => lost).join(", ")}`
    bench.tell(name, { value: rounds.map(({ seconds }) => seconds), unit: "s", target: atMost(limit), note })
    bench.tell(noticed, { value: rounds.map(({ span }) => span), unit: "s" })
  }
}
