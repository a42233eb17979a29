/** A short storm; `npm run chaos` is the long one. */
import { expect, test } from "vitest"
import { describeVerdict, playStorm } from "./support/storm.js"

const seed = Number(process.env["POGO_CHAOS_SEED"] ?? 11)

test(`a storm of faults, seed ${seed}: nothing doubled, nothing lost, nothing back`, async () => {
  const verdict = await playStorm({
    processes: 6,
    children: 100,
    minutes: 0.5,
    ttl: 4_000,
    seed,
    tell: () => {}
  })
  for (const line of describeVerdict(verdict)) process.stdout.write(`    ${line}\n`)
  expect(verdict).toMatchObject({ unfenced: [], wrongly: 0, lost: [], back: [], history: { overlaps: [] } })
})
