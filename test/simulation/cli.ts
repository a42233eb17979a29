/**
 * `--seed N` plays one history and tells it (`--shrink`: the shortest that fails the same way). `--count N` (`--from N`)
 * plays many, in `--jobs J` processes, and names those that failed. `--calls` has children called in all of them, not in
 * some, `--directives` has nodes drained and cordoned by their names in all of them, `--sets` has
 * sets reconciled in all of them, `--lists` has nodes with lists that are whole sets in all of them,
 * `--states` gives children states in all of them, `--rollouts` has revisions rolled out in all of them. `--mutations` breaks one rule after the other (`--only` those whose name contains a text), and tells what noticed.
 * Exits with 1 when something was found.
 */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { draw } from "./draw.js"
import { hunt, mutations } from "./mutations/hunt.js"
import { explain, Totals } from "./report.js"
import { play } from "./simulation.js"

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    from: { type: "string", default: "1" },
    count: { type: "string", default: "100" },
    jobs: { type: "string", default: "1" },
    shrink: { type: "boolean", default: false },
    calls: { type: "boolean", default: false },
    directives: { type: "boolean", default: false },
    sets: { type: "boolean", default: false },
    lists: { type: "boolean", default: false },
    states: { type: "boolean", default: false },
    rollouts: { type: "boolean", default: false },
    mutations: { type: "boolean", default: false },
    only: { type: "string", default: "" }
  }
})

const drawn = (seed: number) =>
  draw(seed, {}, {
    ...(values.calls ? { calls: 1 } : {}),
    ...(values.directives ? { directives: 1 } : {}),
    ...(values.sets ? { sets: 1 } : {}),
    ...(values.lists ? { lists: 1 } : {}),
    ...(values.states ? { states: 1 } : {}),
    ...(values.rollouts ? { rollouts: 1 } : {})
  })

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const one = (seed: number): boolean => {
  if (values.shrink) {
    const outcome = play(drawn(seed))
    if (outcome.failure !== undefined) print(explain(outcome, {}, 500))
    return outcome.failure === undefined
  }
  const { duration, failure, lines, settled, steps } = play(drawn(seed), { trace: true })
  for (const line of lines) print(line)
  const time = `${(duration / 1000).toFixed(1)} s of virtual time`
  print(`${steps} steps in ${time}; settled ${settled / 1000} s after the last fault`)
  print(failure === undefined ? "all as it should be" : `${failure.check} (at ${failure.at} ms): ${failure.message}`)
  return failure === undefined
}

const many = (from: number, count: number): boolean => {
  const totals = new Totals()
  for (let seed = from; seed < from + count; seed++) {
    const begin = performance.now()
    const outcome = play(drawn(seed))
    totals.add(outcome, performance.now() - begin)
    const { failure } = outcome
    if (failure !== undefined) print(`seed ${seed}: ${failure.check} (at ${failure.at} ms): ${failure.message}`)
    const played = seed - from + 1
    if (played % 500 === 0) print(`${played} of ${count} histories from ${from}, ${totals.failed} failed`)
  }
  for (const line of totals.lines()) print(line)
  return totals.failed === 0
}

/** Shares the seeds among processes, each of which prints for itself. */
const parallel = async (from: number, count: number, jobs: number): Promise<boolean> => {
  const share = Math.ceil(count / jobs)
  const codes = Array.from({ length: jobs }, (_, i) => {
    const first = from + i * share
    const seeds = ["--from", `${first}`, "--count", `${Math.min(share, from + count - first)}`]
    const also = (["calls", "directives", "sets", "lists", "states", "rollouts"] as const)
      .filter((what) => values[what])
      .map((what) => `--${what}`)
    const child = fork(fileURLToPath(import.meta.url), [...seeds, ...also])
    return new Promise<number>((resolve) => child.once("exit", (code) => resolve(code ?? 1)))
  })
  return (await Promise.all(codes)).every((code) => code === 0)
}

const mutated = async (limit: number): Promise<boolean> => {
  print("| broken rule | noticed by | histories |")
  print("| - | - | - |")
  let missed = 0
  for (const mutation of mutations.filter(({ name }) => name.includes(values.only))) {
    const caught = await hunt({ ...mutation, shownBy: undefined }, limit)
    print(`| ${mutation.name} | ${caught?.check ?? "nothing"} | ${caught?.seed ?? `none of ${limit}`} |`)
    if (caught === undefined) missed++
  }
  return missed === 0
}

const run = (): boolean | Promise<boolean> => {
  const [from, count, jobs] = [Number(values.from), Number(values.count), Number(values.jobs)]
  if (values.mutations) return mutated(count)
  if (values.seed !== undefined) return one(Number(values.seed))
  return jobs > 1 ? parallel(from, count, jobs) : many(from, count)
}

process.exitCode = await run() ? 0 : 1
