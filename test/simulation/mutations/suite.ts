/**
 * Mutations as tests. `npm test` breaks every third rule, and all that a script of commands shows; `npm run test:deep`
 * the others.
 */
import { afterAll, describe, expect, it } from "vitest"
import { execute } from "../../../src/internal/registry/machine.js"
import type { Execute } from "../../../src/internal/testing/testRegistry.js"
import { hunt, mutations } from "./hunt.js"
import type { Mutation } from "./mutation.js"

/** Histories in which a broken rule must show itself. */
const limit = 400

/** Those that `npm test` breaks. */
export const first = mutations.filter(({ script }, i) => script !== undefined || i % 3 === 0)

/** Those that `npm run test:deep` breaks. */
export const others = mutations.filter((mutation) => !first.includes(mutation))

interface Row {
  readonly name: string
  readonly check: string
  readonly histories: string
}

/** The check that a script of commands fails on the broken registry, and only there. */
const scripted = (script: NonNullable<Mutation["script"]>, broken: Execute): string | undefined => {
  expect(script(execute)).toBeUndefined()
  return script(broken)
}

const notice = async (mutation: Mutation): Promise<Row> => {
  const { name, script, shownBy } = mutation
  if (script !== undefined) {
    const check = scripted(script, mutation.execute!)
    expect(check).toBeDefined()
    return { name, check: check!, histories: "a script" }
  }
  const caught = await hunt(mutation, limit)
  expect(caught, `none of ${limit} histories shows it`).toBeDefined()
  const { check, seed } = caught!
  const stale = shownBy === undefined || shownBy === seed ? "" : `, no longer by seed ${shownBy}: name another`
  return { name, check, histories: `seed ${seed}${stale}` }
}

/** One rule of the protocol after the other is broken: a check must notice. What survives would show a hole. */
export const breakEach = (some: ReadonlyArray<Mutation>): void => {
  const rows: Array<Row> = []

  afterAll(() => {
    const width = Math.max(...rows.map(({ name }) => name.length))
    for (const { check, histories, name } of rows) {
      process.stdout.write(`${name.padEnd(width)}  noticed by: ${check} (${histories})\n`)
    }
  })

  describe("a broken rule is noticed", () => {
    for (const mutation of some) it(mutation.name, async () => void rows.push(await notice(mutation)))
  })
}
