/**
 * What depends on the number of nodes: real processes, small ones.
 */
import { type Bench, type Group, short } from "../support/bench.js"
import { now } from "../support/clock.js"
import { sleep, until, withFleet } from "../support/fleet.js"
import { movedTo } from "../support/placement.js"

const sizes = [3, 10, 30]
const children = 1_000
const seconds = 6

const names = (count: number) => ({
  commands: `idle commands per second, ${count} nodes`,
  settle: `membership change settled, ${count} nodes`
})

const measure = (bench: Bench, count: number): Promise<void> =>
  withFleet(count, async (fleet) => {
    await fleet.nodes[0]!.start(children)
    await fleet.allRunning(children)
    await sleep(3_000)
    const scripts = async () => (await fleet.commands()).get("evalsha") ?? 0
    const before = await scripts()
    await sleep(seconds * 1_000)
    const perSecond = (await scripts() - before) / seconds
    const { commands, settle } = names(count)
    bench.tell(commands, { value: perSecond, unit: "/s", note: `${short(perSecond / count)} per node` })
    const busy = await scripts()
    const ids = Array.from({ length: children }, (_, i) => `Idle/c-${i}`)
    const old = fleet.nodes.map(({ name }) => name)
    const [newcomer] = await fleet.add(1)
    const began = now()
    const expected = movedTo(newcomer!.name, old, ids).size
    const last = await until("all moved children run", async () => {
      const { lastStart, running } = await newcomer!.running()
      return running >= expected ? lastStart : undefined
    })
    const note = `one joins ${count}, ${expected} children move, one second of debounce included; ` +
      `${short(await scripts() - busy)} scripts`
    bench.tell(settle, { value: (last - began) / 1_000, unit: "s", note })
  })

export const nodes: Group = {
  title: "3, 10 and 30 node processes",
  rows: sizes.flatMap((count) => Object.values(names(count))),
  run: async (bench) => {
    for (const count of sizes) {
      if (bench.quick && count > 10 || !bench.wants(...Object.values(names(count)))) continue
      bench.say(`${count} nodes`)
      await measure(bench, count)
    }
  }
}
