/** A browser for tests of the page, and pages that keep what went wrong in them. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { type Browser, chromium, type Page } from "playwright-core"
import { flags, locateChromium } from "../../../.ci/chromium.mjs"

/** Starts a browser; a new profile goes with it. */
export const launch = async (): Promise<Browser> => {
  const { env, executable } = await locateChromium()
  const surroundings = Object.entries({ ...process.env, ...env }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const]
  )
  return chromium.launch({ executablePath: executable, args: flags, env: Object.fromEntries(surroundings) })
}

/** How long a busy machine may take for what is waited for, in milliseconds. */
const patience = 1_200_000

/** How a page looks. */
export interface Look {
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  /** Stops the page's clock at that time, in milliseconds since 1970. */
  readonly now?: number
}

/** A page, and what it complained of: errors of the console, of scripts, and of the policy. */
export interface WatchedPage {
  readonly page: Page
  readonly complaints: Array<string>
}

/**
 * Opens a page.
 *
 * @param browser
 * @param url where it begins
 */
export const open = async (
  browser: Browser,
  url: string,
  { dark = false, height = 900, now, width = 1_440 }: Look = {}
): Promise<WatchedPage> => {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    permissions: ["clipboard-read", "clipboard-write"]
  })
  context.setDefaultTimeout(patience)
  const page = await context.newPage()
  const complaints: Array<string> = []
  page.on("console", (message) => {
    // An answer that is missing is what some tests are about.
    if (!/^(error|warning)$/.test(message.type()) || message.text().startsWith("Failed to load resource")) return
    complaints.push(message.text())
  })
  page.on("pageerror", (problem) => complaints.push(String(problem)))
  if (now !== undefined) await page.clock.setFixedTime(now)
  await page.goto(url)
  return { page, complaints }
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

/** Runs in the page. */
const examine = `axe.run(document, { runOnly: ${JSON.stringify(rules)} }).then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target).join(", ")))`

/**
 * What axe finds in a page: rules of WCAG A and AA, and best practice.
 *
 * @param page an open page
 */
export const findings = async (page: Page): Promise<ReadonlyArray<string>> => {
  await page.evaluate(axe)
  return page.evaluate<ReadonlyArray<string>>(examine)
}

/**
 * How far a page reaches beyond the right edge of the window, in pixels.
 *
 * @param page an open page
 */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")
