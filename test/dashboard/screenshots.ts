/**
 * Draws every page and state into `screenshots/`, which git ignores, and the picture of the README. `--only overview,node`
 * draws some of them.
 */
import { mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { buildDashboard } from "../../.ci/dashboard.mjs"
import { launch, open } from "./support/browser.js"
import { startDashboardServer } from "./support/dashboardServer.js"
import { lookedAt, settle, views } from "./support/views.js"

const { values } = parseArgs({ options: { only: { type: "string" } } })
const only = values.only?.split(",")

const folder = fileURLToPath(new URL("../../screenshots/", import.meta.url))
const picture = fileURLToPath(new URL("../../docs/images/overview.png", import.meta.url))

const sizes = [{ width: 1_440, height: 900 }, { width: 360, height: 740 }]

mkdirSync(folder, { recursive: true })
await buildDashboard()
const browser = await launch()
for (const view of views.filter(({ name }) => only?.includes(name) ?? true)) {
  for (const size of sizes) {
    for (const dark of [false, true]) {
      const server = await startDashboardServer({ now: lookedAt, ...view.state })
      const { page } = await open(browser, `${server.url}#/${view.hash}`, { ...size, dark, now: lookedAt })
      await settle(page, server, view)
      await page.screenshot({ path: `${folder}${view.name}-${size.width}-${dark ? "dark" : "light"}.png` })
      if (view.name === "overview" && size.width === 1_440 && !dark) await page.screenshot({ path: picture })
      await page.context().close()
      await server.close()
    }
  }
}
await browser.close()
