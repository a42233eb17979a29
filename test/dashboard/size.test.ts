/** What the page weighs, and that it asks for nothing from elsewhere. */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { buildDashboard, pageFiles } from "../../.ci/dashboard.mjs"

/** Bytes of all files of the page together, each compressed. */
const most = 27_750

describe("the built page", () => {
  const folder = mkdtempSync(join(tmpdir(), "pogo-page-"))
  const texts: Array<string> = []
  beforeAll(async () => {
    await buildDashboard(folder)
    texts.push(...pageFiles.map((name) => readFileSync(join(folder, name), "utf8")))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it(`weighs at most ${most} bytes, compressed`, () => {
    const weights = texts.map((text) => gzipSync(text, { level: 9 }).length)
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeLessThanOrEqual(most)
  })

  it("names no address but relative ones", () => {
    const absolute = texts.flatMap((text) => text.match(/(?:https?:)?\/\/[\w.-]+\.\w+|(?:src|href)="\/[^"]*/g) ?? [])
    // Preact names the namespaces of SVG and MathML.
    expect(absolute.filter((url) => !url.endsWith("w3.org"))).toEqual([])
  })

  it("has no script and no style in its HTML", () => {
    expect(texts[0]).not.toMatch(/<script(?![^>]* src=)|<style|style=| on\w+=/)
  })
})
