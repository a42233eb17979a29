/**
 * One rule of the protocol after the other is broken: a check must notice. What survives here would show a hole.
 */
import { afterAll, describe, expect, it } from "vitest"
import { execute } from "../../src/internal/registry/machine.js"
import { catchWith, hunt, mutations } from "./mutations/hunt.js"

/** Histories in which a broken rule must show itself. */
const limit = 400

interface Row {
  readonly name: string
  readonly check: string
  readonly histories: string
}

const rows: Array<Row> = []

afterAll(() => {
  const width = Math.max(...rows.map(({ name }) => name.length))
  for (const { check, histories, name } of rows) {
    process.stdout.write(`${name.padEnd(width)}  noticed by: ${check} (${histories})\n`)
  }
})

describe("a broken rule is noticed", () => {
  it("there are enough of them", () => expect(mutations.length).toBeGreaterThanOrEqual(40))

  for (const mutation of mutations) {
    it(mutation.name, { timeout: 120_000 }, async () => {
      // The test runner wants to hear of its worker now and then.
      await new Promise((resolve) => setImmediate(resolve))
      const { script, shownBy } = mutation
      if (script !== undefined) {
        expect(script(execute)).toBeUndefined()
        const check = script(mutation.execute!)
        expect(check).toBeDefined()
        return void rows.push({ name: mutation.name, check: check!, histories: "a script" })
      }
      const caught = (shownBy === undefined ? undefined : catchWith(mutation, shownBy)) ?? hunt(mutation, limit)
      expect(caught, `none of ${limit} histories shows it`).toBeDefined()
      rows.push({ name: mutation.name, check: caught!.check, histories: `seed ${caught!.seed}` })
    })
  }
})
