/** The table of faults and the tests that provoke them belong together. */
import { describe, expect, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { rows } from "../.ci/fault-rows.mjs"

const here = fileURLToPath(new URL(".", import.meta.url))

const files = readdirSync(here, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))

/** Rows that the names of tests tell, and rows about which something is measured. */
const found = (pattern: RegExp): ReadonlySet<string> =>
  new Set(
    files.flatMap((file) => Array.from(readFileSync(join(here, file), "utf8").matchAll(pattern), (match) => match[1]!))
  )

describe("the table of faults", () => {
  const named = found(/\[(F\d+)\]/g)
  const ids = rows.map(({ id }) => id)

  it("has every number once", () => {
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBeGreaterThanOrEqual(50)
  })

  it("has a test for every row", () => {
    expect(ids.filter((id) => !named.has(id))).toEqual([])
  })

  it("has a row for every test, and for everything that is measured", () => {
    const measured = found(/(?:measured\(\s*|row: )"(F\d+)"/g)
    expect([...named, ...measured].filter((id) => !ids.includes(id))).toEqual([])
  })
})
