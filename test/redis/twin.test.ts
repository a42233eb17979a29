/**
 * Random histories, played to the machine and to the Lua scripts: every reply and all data must be the same.
 * `POGO_TWIN_COUNT` plays more of them, `POGO_TWIN_SEED` others; a failure tells the seed and the steps that matter.
 */
import type { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { connect } from "../support/registryScripted.js"
import { removeAll } from "../support/registryTamper.js"
import { Difference, historyOf, type Step, Twin } from "../support/registryTwin.js"

const count = Number(process.env["POGO_TWIN_COUNT"] ?? 500)
const firstSeed = Number(process.env["POGO_TWIN_SEED"] ?? 1)
const length = 60

let redis: Redis
let scopes = 0

beforeAll(() => {
  redis = connect(inject("redisUrl"))
})

afterAll(() => redis.quit())

interface Outcome {
  readonly difference: string | undefined
  readonly told: ReadonlyArray<string>
}

const play = async (steps: ReadonlyArray<Step>, trust: boolean): Promise<Outcome> => {
  const twin = new Twin(redis, `${process.pid}.${++scopes}`, trust)
  try {
    for (const step of steps) await twin.step(step)
    return { difference: undefined, told: twin.told }
  } catch (error) {
    // An error of a script is a difference, too.
    return { difference: error instanceof Difference ? error.message : String(error), told: twin.told }
  } finally {
    await removeAll(redis, twin.keys)
  }
}

/** Leaves out whatever the difference does not need. */
const shorten = async (steps: ReadonlyArray<Step>, trust: boolean): Promise<ReadonlyArray<Step>> => {
  let left = steps
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < left.length;) {
      const without = [...left.slice(0, from), ...left.slice(from + size)]
      if ((await play(without, trust)).difference !== undefined) left = without
      else from += size
    }
  }
  return left
}

const report = async (seed: number, steps: ReadonlyArray<Step>, trust: boolean): Promise<string> => {
  const shortened = await shorten(steps, trust)
  const { difference, told } = await play(shortened, trust)
  return `seed ${seed}, ${shortened.length} of ${steps.length} steps:\n${told.join("\n")}\n${difference}`
}

describe("the Lua scripts are the machine's twin", () => {
  it(`in ${count} random histories`, async () => {
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const steps = historyOf(seed, length)
      const trust = seed % 2 === 0
      const { difference } = await play(steps, trust)
      if (difference !== undefined) expect.fail(await report(seed, steps, trust))
    }
  })
})
