/**
 * `--seed N` plays one history and tells it; `--count N` (`--from N`) plays many, and names those that failed. Exits with
 * 1 when one did.
 */
import { parseArgs } from "node:util"
import { draw } from "./draw.js"
import { play } from "./simulation.js"

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    from: { type: "string", default: "1" },
    count: { type: "string", default: "100" }
  }
})

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const one = (seed: number): boolean => {
  const { duration, failure, lines, settled, steps } = play(draw(seed), { trace: true })
  for (const line of lines) print(line)
  print(
    `${steps} steps in ${(duration / 1000).toFixed(1)} s of virtual time; settled ${
      settled / 1000
    } s after the last fault`
  )
  print(failure === undefined ? "all as it should be" : `${failure.check} (at ${failure.at} ms): ${failure.message}`)
  return failure === undefined
}

const many = (from: number, count: number): boolean => {
  const begin = performance.now()
  const settled: Array<number> = []
  let failed = 0
  let steps = 0
  for (let seed = from; seed < from + count; seed++) {
    const outcome = play(draw(seed))
    steps += outcome.steps
    settled.push(outcome.settled)
    if (outcome.failure !== undefined) {
      failed++
      print(`seed ${seed}: ${outcome.failure.check} (at ${outcome.failure.at} ms): ${outcome.failure.message}`)
    }
    const played = seed - from + 1
    if (played % 500 === 0) print(`${played} of ${count} histories, ${failed} failed`)
  }
  settled.sort((a, b) => a - b)
  const each = (performance.now() - begin) / count
  print(`${count} histories of ${Math.round(steps / count)} steps, ${each.toFixed(1)} ms each: ${failed} failed`)
  print(`settled after the last fault: p50 ${settled[count >> 1]} ms, slowest ${settled.at(-1)} ms`)
  return failed === 0
}

const well = values.seed === undefined ? many(Number(values.from), Number(values.count)) : one(Number(values.seed))
process.exitCode = well ? 0 : 1
