/**
 * `npm run chaos`: faults at random on real processes and a real Redis. `-- --processes 20 --children 500 --minutes 10
 * --ttl 5000 --seed 1`. Ends with an error if anything was doubled, lost, or came back.
 */
import { parseArgs } from "node:util"
import { describeVerdict, playStorm } from "./support/storm.js"

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "20" },
    children: { type: "string", default: "500" },
    minutes: { type: "string", default: "10" },
    ttl: { type: "string", default: "6000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000 + 1) }
  }
})

const tell = (line: string): void => void process.stdout.write(`${line}\n`)

const verdict = await playStorm({
  processes: Number(values.processes),
  children: Number(values.children),
  minutes: Number(values.minutes),
  ttl: Number(values.ttl),
  seed: Number(values.seed),
  tell
})
for (const line of describeVerdict(verdict)) tell(`  ${line}`)
process.exit(
  verdict.unfenced.length + verdict.lost.length + verdict.back.length + verdict.wrongly +
        verdict.history.overlaps.length > 0
    ? 1
    : 0
)
