/**
 * One rule of the protocol after the other is broken: a check must notice. What survives here would show a hole.
 */
import { afterAll, describe, expect, it } from "vitest"
import { execute } from "../../src/internal/registry/machine.js"
import type { Execute } from "../../src/internal/testing/testRegistry.js"
import { hunt, mutations } from "./mutations/hunt.js"
import type { Mutation } from "./mutations/mutation.js"

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

/** The check that a script of commands fails on the broken registry, and only there. */
const scripted = (script: NonNullable<Mutation["script"]>, broken: Execute): string | undefined => {
  expect(script(execute)).toBeUndefined()
  return script(broken)
}

describe("a broken rule is noticed", () => {
  it("there are enough of them", () => expect(mutations.length).toBeGreaterThanOrEqual(40))

  for (const mutation of mutations) {
    it(mutation.name, async () => {
      const { name, script, shownBy } = mutation
      if (script !== undefined) {
        const check = scripted(script, mutation.execute!)
        expect(check).toBeDefined()
        return void rows.push({ name, check: check!, histories: "a script" })
      }
      const caught = await hunt(mutation, limit)
      expect(caught, `none of ${limit} histories shows it`).toBeDefined()
      const { check, seed } = caught!
      const stale = shownBy === undefined || shownBy === seed ? "" : `, no longer by seed ${shownBy}: name another`
      rows.push({ name, check, histories: `seed ${seed}${stale}` })
    })
  }
})
