/** Every page and every state, in both themes, wide and narrow: what axe finds, what a browser complains of, what sticks out. */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import { buildDashboard } from "../../.ci/dashboard.mjs"
import { findings, launch, open, overflow } from "./support/browser.js"
import { startDashboardServer } from "./support/dashboardServer.js"
import { lookedAt, settle, views } from "./support/views.js"

let browser: Browser

beforeAll(async () => {
  await buildDashboard()
  browser = await launch()
})
afterAll(() => browser.close())

describe.each([[1_440, false], [1_440, true], [360, false], [360, true]])("at %s px, dark %s", (width, dark) => {
  it.each(views.map((view) => [view.name, view] as const))("%s: nobody has a complaint", async (_, view) => {
    const server = await startDashboardServer({ now: lookedAt, ...view.state })
    const { complaints, page } = await open(browser, `${server.url}#/${view.hash}`, { width, dark, now: lookedAt })
    await settle(page, server, view)
    expect(await findings(page)).toEqual([])
    expect(complaints).toEqual([])
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.context().close()
    await server.close()
  })
})
