/** What an operator does with the page: looks, finds, acts, and goes on when the server goes away. */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import type { Browser, Page } from "playwright-core"
import { buildDashboard } from "../../.ci/dashboard.mjs"
import { launch, open } from "./support/browser.js"
import { type DashboardServer, type MadeState, startDashboardServer } from "./support/dashboardServer.js"
import type { MadeScope } from "./support/scope.js"

let browser: Browser

beforeAll(async () => {
  await buildDashboard()
  browser = await launch()
})
afterAll(() => browser.close())

/** Opens a page on a server of its own; both are gone afterwards. */
const visit = async (
  hash: string,
  use: (page: Page, server: DashboardServer) => Promise<void>,
  state: Partial<MadeState> = {}
) => {
  const server = await startDashboardServer(state)
  const { complaints, page } = await open(browser, `${server.url}#/${hash}`)
  try {
    await page.waitForSelector("main h1")
    await page.waitForSelector("main [aria-busy]", { state: "detached" })
    await use(page, server)
    expect(complaints).toEqual([])
  } finally {
    await page.context().close()
    await server.close()
  }
}

const hashOf = (page: Page) => decodeURIComponent(new URL(page.url()).hash).replaceAll("+", " ")

const rowsOf = (page: Page) => page.locator("[data-row]").allInnerTexts()

/** The same scope, but for one child. */
const altered =
  (id: string, line: Partial<NonNullable<ReturnType<MadeScope["children"]["get"]>>["line"]>) =>
  (scope: MadeScope): MadeScope => {
    const child = scope.children.get(id)
    if (child === undefined) throw new Error(`no child ${id}`)
    return { ...scope, children: new Map([...scope.children, [id, { ...child, line: { ...child.line, ...line } }]]) }
  }

describe("the overview", () => {
  it("says how it stands, worst first, and every number leads to its children", () =>
    visit("", async (page) => {
      expect(await page.innerText("h1")).toBe("9 of 2,000 children are not running")
      expect(await page.title()).toBe("(2 failed) overview · pogo production")
      expect(await rowsOf(page)).toEqual(expect.arrayContaining(["Poller/acme/orders", "3 Consumers", "worker-3"]))
      expect((await page.locator(".slim .st").allInnerTexts()).slice(0, 4)).toEqual(
        ["Failed", "Failed", "Overdue", "Pending"]
      )
      await page.click("text=3 Consumers")
      await page.waitForSelector("text=1–3 of 3")
      expect(hashOf(page)).toBe("#/children?q=status:pending kind:Consumer")
    }))

  it("shows a change", () =>
    visit("", async (page, server) => {
      server.change(altered("Poller/globex/orders", { status: "Failed", since: new Date(), note: "gave up: boom" }))
      const begun = Date.now()
      await page.waitForSelector("text=gave up: boom")
      process.stdout.write(`the page shows a change after ${Date.now() - begun} ms\n`)
      expect(await page.title()).toMatch(/^\(3 failed\)/)
    }))
})

describe("a list", () => {
  it("is found by a query with suggestions, and the address is the state", () =>
    visit("children", async (page) => {
      await page.keyboard.press("/")
      await page.keyboard.type("stat")
      await page.waitForSelector("#q-list >> text=status:")
      await page.keyboard.press("ArrowDown")
      await page.keyboard.press("Enter")
      await page.keyboard.type("fa")
      await page.waitForSelector("#q-list >> text=status:failed")
      await page.keyboard.press("ArrowDown")
      await page.keyboard.press("Enter")
      await page.waitForSelector("text=1–2 of 2")
      expect(hashOf(page)).toBe("#/children?q=status:failed")
      await page.keyboard.press("Escape")
      await page.keyboard.press("Enter")
      expect(await page.evaluate("document.activeElement.textContent")).toBe("Monitor/10.2.8.91")
      await page.reload()
      await page.waitForSelector("text=1–2 of 2")
      expect(await page.inputValue("#q")).toBe("status:failed")
    }))

  it("has chips and menus that write into the query, and a back key that works", () =>
    visit("children", async (page) => {
      await page.click(".chip:has-text('Restarting')")
      await page.waitForSelector("text=1–2 of 2")
      expect(await page.inputValue("#q")).toBe("status:restarting")
      expect(await page.getAttribute(".chip:has-text('Restarting')", "aria-pressed")).toBe("true")
      await page.selectOption("select[aria-label=kind]", "Poller")
      await expect.poll(() => page.inputValue("#q")).toBe("kind:Poller status:restarting")
      await page.goBack()
      await expect.poll(() => page.inputValue("#q")).toBe("status:restarting")
    }))

  it("that is empty says which term to take out", () =>
    visit("children?q=status:overdue kind:Poller", async (page) => {
      await page.waitForSelector("text=Without status:overdue there are 480.")
      await page.click("text=Clear the query")
      await page.waitForSelector("text=1–50 of 2,000")
    }))

  it("is sorted by its heads, and turned by keys", () =>
    visit("children", async (page) => {
      await page.click("th button:has-text('Restarts')")
      await page.waitForSelector("th[aria-sort=ascending]:has-text('Restarts')")
      await expect.poll(async () => (await rowsOf(page))[0]).toMatch(/Poller\/(acme\/orders|globex\/shipments)/)
      await page.keyboard.press("]")
      await page.waitForSelector("text=51–100 of 2,000")
      await page.keyboard.press("[")
      await page.waitForSelector("text=1–50 of 2,000")
    }))

  it("does not move under the hand", () =>
    visit("children?q=kind:Scheduler", async (page, server) => {
      await page.waitForSelector("text=1–50 of 64")
      const before = await rowsOf(page)
      await page.hover("tbody tr:nth-child(3)")
      server.change(altered("Scheduler/wonka", { status: "Failed", since: new Date(), note: "gave up: boom" }))
      await expect.poll(() => page.title()).toMatch(/^\(3 failed\)/)
      const asked = server.requests.filter((name) => name === "children").length
      await page.mouse.move(700, 400)
      expect(await rowsOf(page)).toEqual(before)
      await page.mouse.move(5, 5)
      await page.waitForSelector("text=gave up: boom")
      expect((await rowsOf(page))[0]).toBe("Scheduler/wonka")
      expect(server.requests.filter((name) => name === "children").length).toBeGreaterThan(asked)
    }))
})

describe("keys", () => {
  it("go from row to row, open one, and come back", () =>
    visit("", async (page) => {
      await page.keyboard.press("j")
      await page.keyboard.press("j")
      await page.keyboard.press("k")
      await page.keyboard.press("j")
      await page.keyboard.press("Enter")
      await page.waitForSelector("h1.mono:has-text('acme/orders')")
      expect(await page.evaluate("document.activeElement.id")).toBe("main")
      await page.keyboard.press("Escape")
      await page.waitForSelector("h1:has-text('children are not running')")
      for (const [key, title] of [["c", "children"], ["e", "events"], ["o", "overview"]] as const) {
        await page.keyboard.press("g")
        await page.keyboard.press(key)
        await expect.poll(() => page.title()).toContain(title)
      }
    }))

  it("do nothing while somebody types, or with Ctrl, and in a dialog Esc closes it", () =>
    visit("events", async (page) => {
      await page.keyboard.press("/")
      await page.keyboard.type("g c ?")
      expect(await page.inputValue("#q")).toBe("g c ?")
      await page.locator("#q").blur()
      await page.keyboard.press("Control+/")
      expect(await page.evaluate("document.activeElement.id")).not.toBe("q")
      await page.keyboard.press("?")
      await page.waitForSelector("dialog[open]")
      await page.keyboard.press("g")
      await page.keyboard.press("c")
      await page.keyboard.press("Escape")
      await page.waitForSelector("dialog", { state: "detached" })
      expect(hashOf(page)).toMatch(/^#\/events/)
    }))
})

describe("an action", () => {
  it("shows what it would do, takes a reason, and is told of when it is asked", () =>
    visit("child/Poller/acme/orders", async (page, server) => {
      await page.keyboard.press("r")
      await page.waitForSelector("dialog[open]")
      expect(await page.innerText("dialog h2")).toBe("Restart Poller/acme/orders?")
      expect(await page.evaluate("document.activeElement.tagName")).toBe("INPUT")
      await page.keyboard.type("it's new")
      expect(await page.innerText("dialog pre")).toBe(
        "npx effect-pogo restart Poller/acme/orders --reason 'it'\\''s new'"
      )
      await page.keyboard.press("Enter")
      await page.waitForSelector(".toast:has-text('Poller/acme/orders: asked.')")
      expect(server.asked).toEqual([{ action: "restart", ids: ["Poller/acme/orders"], reason: "it's new" }])
      expect(await page.locator("dialog").count()).toBe(0)
    }))

  it("on many wants their number typed", () =>
    visit("children?q=kind:Scheduler", async (page, server) => {
      await page.click("text=Restart all 64…")
      await page.waitForSelector("dialog[open]")
      const restart = page.locator("dialog .btn.main")
      expect(await restart.isDisabled()).toBe(true)
      await page.keyboard.type("63")
      expect(await restart.isDisabled()).toBe(true)
      await page.keyboard.press("Backspace")
      await page.keyboard.type("4")
      await restart.click()
      await page.waitForSelector(".toast:has-text('64 children: asked.')")
      expect(server.asked).toMatchObject([{ action: "restart" }])
    }))

  it("that is refused says why, and what was typed stays", () =>
    visit("node/worker-2", async (page) => {
      await page.click("text=Drain…")
      await page.waitForSelector("dialog[open]")
      await page.keyboard.type("disk")
      await page.click("dialog .btn.main")
      await page.waitForSelector("dialog [role=alert]:has-text('The node {worker-0} has no lease.')")
      expect(await page.inputValue("dialog input")).toBe("disk")
      await page.click("text=Cancel")
      await page.waitForSelector("dialog", { state: "detached" })
      await page.waitForFunction("document.activeElement.textContent === 'Drain…'")
    }, { acts: "refused" }))

  it("without an answer may have happened", () =>
    visit("node/worker-2", async (page) => {
      await page.click("text=Cordon…")
      await page.click("dialog .btn.main")
      await page.waitForSelector("dialog [role=alert]:has-text('It may or may not have happened')")
      expect(await page.locator("dialog .btn.main").isDisabled()).toBe(false)
    }, { acts: "never" }))

  it("is absent where the server allows none", () =>
    visit("child/Consumer/orders-017", async (page) => {
      await page.waitForSelector("text=Actions are off on this server")
      expect(await page.locator("[data-action]").count()).toBe(0)
      expect(await page.locator("text=Payload and state are not shown").count()).toBe(1)
    }, { readOnly: true }))
})

describe("the connection", () => {
  it("that is lost is told of, with what was known; it comes back by itself", () =>
    visit("", async (page, server) => {
      await server.down()
      await page.waitForSelector(".notice.bad:has-text('Connection lost at')")
      await page.waitForSelector("header >> text=Disconnected")
      expect(await page.locator("[data-action=restart]").first().isDisabled()).toBe(true)
      expect(await page.locator("main.old").count()).toBe(1)
      expect(await page.innerText("h1")).toBe("9 of 2,000 children are not running")
      await server.up()
      await page.waitForSelector("header >> text=Live")
      expect(await page.locator(".notice").count()).toBe(0)
      expect(await page.locator("[data-action=restart]").first().isDisabled()).toBe(false)
    }))

  it("to a server that hangs is lost, too", () =>
    visit("", async (page, server) => {
      server.set({ silent: true })
      await page.waitForSelector(".notice.bad")
      server.set({ silent: false })
      await page.click("text=Try now", { timeout: 1_000 }).catch(() => {})
      await page.waitForSelector("header >> text=Live")
    }))

  it("to a node without a lease shows what it last knew, without actions", () =>
    visit("node/worker-2", async (page, server) => {
      server.set({ stale: true })
      await page.waitForSelector(".notice:has-text('has no lease')")
      await page.waitForSelector("header >> text=Stale")
      expect(await page.locator("[data-action=drain]").isDisabled()).toBe(true)
      server.set({ stale: false })
      await page.waitForSelector("header >> text=Live")
      expect(await page.locator("[data-action=drain]").isDisabled()).toBe(false)
    }))
})

describe("events", () => {
  it("that are new wait behind a button", () =>
    visit("events", async (page, server) => {
      const first = await page.innerText(".ev >> nth=0")
      server.change((scope) => {
        const event = {
          position: 99_999n,
          at: new Date(),
          what: "failed",
          id: "Poller/a/b",
          node: "worker-0",
          count: 1,
          text: "boom"
        }
        return {
          ...scope,
          bursts: [{ event, items: [], text: "{child Poller/a/b} gave up", more: "boom" }, ...scope.bursts]
        }
      })
      await page.waitForSelector("text=Show 1 new event")
      expect(await page.innerText(".ev >> nth=0")).toBe(first)
      await page.click("text=Show 1 new event")
      expect(await page.innerText(".ev >> nth=0")).toContain("Poller/a/b gave up")
    }))

  it("are not what finds a child: the head's button goes to the children, and keeps what is typed", () =>
    visit("events", async (page) => {
      await page.click("header >> text=Find a child")
      await page.keyboard.type("wonka")
      await expect.poll(() => hashOf(page)).toBe("#/children?q=wonka")
      await expect.poll(() => page.inputValue("#q")).toBe("wonka")
    }))

  it("of one minute are shown alone: by its bar, and by the menu", () =>
    visit("events", async (page) => {
      const all = await page.locator(".ev").count()
      const options = await page.locator("select[aria-label=Minute] option").allInnerTexts()
      expect(options.length).toBeGreaterThan(4)
      await page.selectOption("select[aria-label=Minute]", { index: 2 })
      await expect.poll(() => page.locator(".ev").count()).toBeLessThan(all)
      expect(hashOf(page)).toMatch(/^#\/events\?at=/)
      await page.selectOption("select[aria-label=Minute]", { index: 0 })
      await expect.poll(() => page.locator(".ev").count()).toBe(all)
    }))
})

describe("hostile text", () => {
  it("is text and nothing else", () =>
    visit("", async (page, server) => {
      const note = "<img src=x onerror=alert(1)> \\{node worker-0\\} \\\\"
      server.change(altered("Poller/globex/orders", { status: "Failed", since: new Date(), note }))
      await page.waitForSelector("text=<img src=x onerror=alert(1)> {node worker-0} \\")
      expect(await page.locator("main img").count()).toBe(0)
    }))
})
