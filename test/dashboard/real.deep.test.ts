/** The page on real nodes: three processes and a Redis. What is found, explained, asked for and lost is the product's own. */
import { afterAll, beforeAll, expect, inject, it } from "@effect/vitest"
import { fileURLToPath } from "node:url"
import type { Browser } from "playwright-core"
import { buildDashboard } from "../../.ci/dashboard.mjs"
import { freePort } from "../../.ci/redis.mjs"
import { type NodeProcess, startProcess } from "../process/support/process.js"
import { findings, launch, open } from "./support/browser.js"

const program = fileURLToPath(new URL("support/pageNode.ts", import.meta.url))

let browser: Browser

beforeAll(async () => {
  await buildDashboard()
  browser = await launch()
})
afterAll(() => browser.close())

/** A node that serves the page at a port of its own. */
const startNode = async (name: string, scope: string, port: number) =>
  startProcess(program, name, {
    PAGE_REDIS: inject("redisUrl"),
    PAGE_PORT: String(port),
    POGO_SCOPE: scope,
    POGO_TTL: "10s"
  })

it("finds, explains, restarts, drains, and sees a node die", async () => {
  const scope = `page-${Date.now()}`
  const ports = [await freePort(), await freePort(), await freePort()] as const
  const nodes: Array<NodeProcess> = []
  try {
    for (const [i, port] of ports.entries()) nodes.push(await startNode(`n${i}`, scope, port))
    const url = `http://127.0.0.1:${ports[0]}/`
    const { complaints, page } = await open(browser, url)
    await page.waitForSelector("h1:has-text('1 of 31 children is not running')")
    expect(await findings(page)).toEqual([])

    // Find, and see why.
    await page.keyboard.press("/")
    await page.waitForSelector("#q:focus")
    await page.keyboard.type("status:failed")
    await page.waitForSelector("text=1–1 of 1")
    await page.click("text=Broken/b")
    await page.waitForSelector("h1.mono:has-text('b')")
    expect(await page.innerText(".words")).toContain("no such <table>")
    expect(await findings(page)).toEqual([])

    // Restart it; that stands in its history.
    await page.keyboard.press("r")
    await page.waitForSelector("dialog[open]")
    await page.keyboard.type("the table is there now")
    await page.keyboard.press("Enter")
    await page.waitForSelector(".toast:not(:empty)")
    await page.waitForSelector(".hist td:has-text('restarted')")

    // See a node die.
    await page.goto(`${url}#/`)
    await page.waitForSelector("h2:text-is('3 nodes')")
    const begun = Date.now()
    nodes[2]?.signal("SIGKILL")
    await page.waitForSelector(".ended >> text=n2")
    // Two seconds on a machine that has nothing else to do.
    process.stdout.write(`the page shows a SIGKILL after ${Date.now() - begun} ms\n`)

    // Drain another; its children move here.
    await page.goto(`${url}#/node/n1`)
    await page.click("[data-action=drain]")
    await page.waitForSelector("dialog[open]")
    await page.click("dialog .btn.main")
    await page.waitForSelector(".tag:has-text('drained')")
    await page.goto(`${url}#/children?q=node:n0`)
    await page.waitForSelector("text=/1–3[01] of 3[01]/")

    // The node that serves the page goes, and comes back.
    nodes[0]?.signal("SIGKILL")
    await page.waitForSelector(".notice.bad")
    nodes.push(await startNode("n0", scope, ports[0]))
    await page.waitForSelector("header >> text=Live")
    expect(complaints).toEqual([])
    await page.context().close()
  } finally {
    for (const node of nodes) if (!node.ended()) node.signal("SIGKILL")
  }
})
