/**
 * Examples that tell by their exit code whether all went as they say.
 */
import { expect, it } from "@effect/vitest"
import { example, serving } from "./support/example.js"

it("device-fleet: streams go on where their devices move, and miss nothing", async () => {
  expect(await example("device-fleet.ts")).toContain("complete: true")
})

it("scheduled-singleton: each turn is taken once, through a deploy, a failure and a time without any replica", async () => {
  expect(await example("scheduled-singleton/demo.ts")).toMatch(/ 0 missed, 0 taken twice/)
})

it.each(["express", "fastify", "hono"])(
  "web-servers: %s serves the interface, and ends in order under one who watches",
  async (name) => {
    const token = "t".repeat(40)
    const { end, url } = await serving("web-servers/main.ts", { args: [name], env: { POGO_TOKEN: token, PORT: "0" } })
    const headers = { authorization: `Bearer ${token}` }
    expect(await (await fetch(`${url}api/children`, { headers })).text()).toContain("Poller/a")
    const watching = await fetch(`${url}api/changes`, { headers })
    const text = watching.text()
    expect(await end()).toBe(0)
    expect(await text).toContain(": welcome")
  }
)
