/**
 * Calls that race from several processes, and processes with other code. Numbers in brackets are rows of
 * `docs/faults.md`.
 */
import { describe, expect, test } from "vitest"
import { measured } from "../support/measured.js"
import { copiesOf, runningOverlaps } from "./support/evidence.js"
import { eventually, sleep, surely } from "./support/fleet.js"
import type { NodeProcess } from "./support/process.js"
import type { Row } from "./support/process.js"
import { idsOf, judge, keys, scene } from "./support/scene.js"

/** Random numbers that a seed repeats. */
const dice = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor(state / 2 ** 32 * below)
  }
}

/** A call whose outcome is unknown, on a busy machine, is safe to repeat: it finds what it has done. */
const startSurely = async (
  node: NodeProcess,
  some: ReadonlyArray<string>,
  every: number
): Promise<ReadonlyArray<string>> => {
  const answers = [...(await node.call("startEach", { keys: some, every })) as ReadonlyArray<string>]
  for (let i = 0; i < some.length; i++) {
    while (answers[i] === "OutcomeUnknown" || answers[i] === "RegistryUnavailable") {
      const [again] = (await node.call("startEach", { keys: [some[i]!], every })) as ReadonlyArray<string>
      answers[i] = again === "AlreadyStarted" ? "Created" : again!
    }
  }
  return answers
}

describe.concurrent("calls from several processes", () => {
  test("[F46] start one id with different content at the same moment: one creates, one is refused", async (context) => {
    const { fleet } = await scene(context, ["a", "b"], 0)
    const count = 1_000
    const all = keys(count)
    const pairs: Array<string> = []
    for (let from = 0; from < count; from += 50) {
      const some = all.slice(from, from + 50)
      const answers = await Promise.all([
        startSurely(fleet.nodes.get("a")!, some, 600_000),
        startSurely(fleet.nodes.get("b")!, some, 600_001)
      ])
      pairs.push(...some.map((_, i) => `${answers[0][i]},${answers[1][i]}`))
    }
    expect(pairs.filter((pair) => !/^(Created,ChildSpecConflict|ChildSpecConflict,Created)$/.test(pair))).toEqual([])
    const won = pairs.filter((pair) => pair.startsWith("Created")).length
    await eventually("all run once", () => copiesOf(fleet.lines()).size === count)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured("F46", `${count} ids: one Created and one ChildSpecConflict each (${won} to ${count - won})`)
  })

  test("[F47] [F57] start, end, replace and restart the same children: the last word stands everywhere", async (context) => {
    const { fleet, runs } = await scene(context, ["a", "b", "c"], 0)
    const names = ["a", "b", "c"]
    const roll = dice(7)
    const calls = ["startEach", "terminateEach", "replaceEach", "restartEach"]
    const tags = new Map<string, number>()
    const one = async (): Promise<void> => {
      const node = fleet.nodes.get(names[roll(3)]!)!
      const call = calls[roll(4)]!
      const of = Array.from({ length: 5 }, () => `k${roll(12)}`)
      const answers = (await node.call(call, { keys: of, every: 50 + roll(2) })) as ReadonlyArray<string>
      for (const tag of answers) tags.set(tag, (tags.get(tag) ?? 0) + 1)
    }
    for (let i = 0; i < 60; i++) await Promise.all([one(), one(), one(), one()])
    // The last word on each, one after the other, from different nodes.
    const expected: Array<string> = []
    for (const [i, key] of keys(12).entries()) {
      const node = fleet.nodes.get(names[i % 3]!)!
      await node.call("terminateEach", { keys: [key] })
      if (i % 2 === 0) continue
      await node.call("startEach", { keys: [key] })
      expected.push(`Probe/${key}`)
    }
    await runs(expected)
    await sleep(500)
    await runs(expected)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    const told = Array.from(tags, ([tag, n]) => `${tag} ${n}`).join(", ")
    measured("F47", `1,200 calls on 12 ids from 3 processes: ${told}; overlaps 0, the last word stands`)
    measured("F57", "among them replacements and restarts: overlaps 0, the last word stands")
    await judge(fleet, expected)
  })
})

const statusOf = async (
  node: { readonly which: () => Promise<ReadonlyArray<Row>> },
  id: string
): Promise<Row | undefined> => (await node.which()).find((row) => row.id === id)

describe.concurrent("other code", () => {
  test("[F51] that no node has: the child waits, with the reason, and runs as soon as one has it", async (context) => {
    const { fleet, runs, start } = await scene(context, ["a"], 2)
    const a = fleet.nodes.get("a")!
    await surely(a, "start", { keys: ["new"], kind: "Newer" })
    const waiting = await statusOf(a, "Newer/new")
    expect(waiting?.status).toMatchObject({ _tag: "Pending", reason: expect.stringContaining("Newer") })
    await start("b", { TEST_KINDS: "Probe,Newer" })
    await runs([...idsOf(2), "Newer/new"])
    expect((await statusOf(a, "Newer/new"))?.node).toBe("b")
    measured("F51", `"${waiting!.status.reason}", then it runs on the node that has the kind`)
    await judge(fleet, ["Newer/new"])
  })

  test("[F52] that cannot read a payload: it runs where it can be read; nowhere, and the child has failed", async (context) => {
    const env = { TEST_KINDS: "Probe,Newer" }
    const { fleet, runs, start } = await scene(context, ["a"], 2, { env })
    await start("b", { TEST_STRICT: "yes" })
    const ids = idsOf(8, "Newer")
    await surely(fleet.nodes.get("a")!, "start", { keys: keys(8), kind: "Newer" })
    await runs([...idsOf(2), ...ids])
    const rows = await fleet.nodes.get("b")!.which()
    expect(new Set(rows.filter(({ id }) => ids.includes(id)).map(({ node }) => node))).toEqual(new Set(["a"]))
    fleet.nodes.get("a")!.signal("SIGTERM")
    await eventually("failed", async () => {
      const now = await fleet.nodes.get("b")!.which()
      return now.filter(({ id, status }) => ids.includes(id) && status._tag === "Failed").length === 8
    })
    const failed = (await statusOf(fleet.nodes.get("b")!, ids[0]!))!.status as unknown as { readonly cause: string }
    measured("F52", `8 of 8 ran on the node that reads them; then: "${failed.cause.slice(0, 60)}"`)
  })
})
