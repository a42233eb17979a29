/**
 * Examples that tell by their exit code whether all went as they say.
 */
import { expect, it } from "@effect/vitest"
import { example } from "./support/example.js"

it("device-fleet: streams go on where their devices move, and miss nothing", async () => {
  expect(await example("device-fleet.ts")).toContain("complete: true")
})

it("scheduled-singleton: each turn is taken once, through a deploy, a failure and a time without any replica", async () => {
  expect(await example("scheduled-singleton/demo.ts")).toMatch(/ 0 missed, 0 taken twice/)
})
