/**
 * A node is killed that ran 10,000 children: how long until all of them run elsewhere.
 */
import { atMost, type Group } from "../support/bench.js"
import { live } from "../support/life.js"

const name = "takeover of 10,000 after SIGKILL"
const noticed = "takeover: from the first child to the last"

/** The default lease, heartbeat, and a second. */
const limit = 15 + 2 + 1

export const takeover: Group = {
  title: "a node with 10,000 children is killed",
  rows: [name, noticed],
  run: async (bench) => {
    const rounds = []
    for (let i = 0; i < bench.rounds(2); i++) {
      const { killed } = await live(bench.size(30_000), new Set(["kill"]), (text) => bench.say(text), false, 0)
      if (killed !== undefined) rounds.push(killed)
    }
    const note = `children on the killed node: ${rounds.map(({ lost }) => lost).join(", ")}`
    bench.tell(name, { value: rounds.map(({ seconds }) => seconds), unit: "s", target: atMost(limit), note })
    bench.tell(noticed, { value: rounds.map(({ span }) => span), unit: "s" })
  }
}
