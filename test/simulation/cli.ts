import { draw } from "./draw.js"
import { play } from "./simulation.js"

const argument = (name: string): string | undefined => {
  const i = process.argv.indexOf(`--${name}`)
  return i < 0 ? undefined : process.argv[i + 1]
}
const seed = argument("seed")
if (seed !== undefined) {
  const outcome = play(draw(Number(seed)), { trace: true })
  console.log(outcome.lines.join("\n"))
  console.log(outcome.failure, outcome.steps, outcome.duration, outcome.settled)
} else {
  const from = Number(argument("from") ?? 1)
  const count = Number(argument("count") ?? 100)
  const begin = performance.now()
  const failures = new Map<string, Array<number>>()
  let steps = 0, ms = 0, settled: number[] = []
  for (let s = from; s < from + count; s++) {
    const o = play(draw(s))
    if (process.argv.includes("--progress") && s % 100 === 0) {
      console.error(s, ((performance.now() - begin) / (s - from + 1)).toFixed(1))
    }
    steps += o.steps
    ms += o.duration
    settled.push(o.settled)
    if (o.failure) {
      const k = o.failure.check
      failures.set(k, [...failures.get(k) ?? [], s])
      if (failures.get(k)!.length < 4) console.log(s, o.failure)
    }
  }
  settled.sort((a, b) => a - b)
  console.log(
    count,
    "histories",
    (performance.now() - begin) / count,
    "ms each",
    steps / count,
    "steps",
    ms / count / 1000,
    "s",
    "settled",
    settled[count >> 1],
    settled.at(-1),
    [...failures].map(([k, v]) => `${k}: ${v.length}`)
  )
}
