/** Every page and every state of it, for those who look at all of them. */
import type { Page } from "playwright-core"
import type { DashboardServer, MadeState } from "./dashboardServer.js"

/** When the made-up scope is looked at, in milliseconds since 1970. */
export const lookedAt = Date.parse("2026-11-30T13:05:20Z")

/** A page in one state. */
export interface View {
  readonly name: string
  /** The address behind the `#`. */
  readonly hash: string
  readonly state?: Partial<MadeState>
  /** What is done to the page once it is there. */
  readonly act?: (page: Page, server: DashboardServer) => Promise<void>
}

/** All of them. */
export const views: ReadonlyArray<View> = [
  { name: "overview", hash: "" },
  { name: "children", hash: "children" },
  { name: "filtered", hash: "children?q=status:failed,restarting" },
  { name: "no-match", hash: "children?q=status:overdue kind:Poller" },
  { name: "no-such-id", hash: "children?q=nobody" },
  { name: "wrong-query", hash: "children?q=state:failed" },
  { name: "failed", hash: "child/Poller/acme/orders" },
  { name: "overdue", hash: "child/Consumer/orders-017" },
  { name: "pending", hash: "child/Consumer/embeddings-000" },
  { name: "restarting", hash: "child/Poller/globex/invoices" },
  { name: "moved", hash: "child/Scheduler/globex" },
  { name: "gone", hash: "child/Poller/nobody" },
  { name: "node", hash: "node/worker-2" },
  { name: "lost", hash: "node/worker-3" },
  { name: "cordoned", hash: "node/worker-1" },
  { name: "events", hash: "events" },
  { name: "minute", hash: "events?at=2026-11-30T13:04:00.000Z" },
  {
    name: "query",
    hash: "children",
    act: async (page) => {
      await page.fill("#q", "status:")
      await page.waitForSelector("#q-list li:nth-child(6)")
      await page.keyboard.press("ArrowDown")
    }
  },
  {
    name: "drain",
    hash: "node/worker-2",
    act: async (page) => {
      await page.click("[data-action=drain]")
      await page.waitForSelector("dialog[open]")
    }
  },
  {
    name: "restart-many",
    hash: "children?q=kind:Scheduler",
    act: async (page) => {
      await page.click("[data-action=restart]")
      await page.waitForSelector("dialog[open]")
    }
  },
  { name: "help", hash: "", act: (page) => page.keyboard.press("?") },
  { name: "well", hash: "", state: { scope: "well" } },
  { name: "many-nodes", hash: "", state: { scope: "large" } },
  {
    name: "all-nodes",
    hash: "",
    state: { scope: "large" },
    act: async (page) => {
      await page.click("text=Show all 30")
      await page.locator(".fleet").scrollIntoViewIfNeeded()
    }
  },
  { name: "empty", hash: "", state: { scope: "empty" } },
  { name: "read-only", hash: "child/Consumer/orders-017", state: { readOnly: true } },
  { name: "stale", hash: "", state: { stale: true } },
  {
    name: "disconnected",
    hash: "",
    act: async (page, server) => {
      await server.down()
      await page.waitForSelector(".notice.bad")
      await server.up()
    }
  },
  { name: "loading", hash: "", state: { silent: true } }
]

/**
 * Brings an open page to a view.
 *
 * @param page on the address of the view
 */
export const settle = async (page: Page, server: DashboardServer, view: View): Promise<void> => {
  await page.waitForSelector(view.name === "loading" ? "[aria-busy]" : "main :is(.panel, .none-box, .verdict)")
  await page.waitForLoadState("networkidle").catch(() => {})
  await view.act?.(page, server)
}
