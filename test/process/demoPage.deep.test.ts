/**
 * The demo with its page, as the README has it started: the page is there, shows the scope, and Ctrl-C ends all.
 */
import { expect, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

it("serves the page of the scope until it is ended", async () => {
  const child = spawn(process.execPath, ["--import", "tsx", "examples/service-monitor/demo.ts", "--ui"], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"]
  })
  const ended = once(child, "exit")
  let said = ""
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (text) => {
      said += String(text)
      const found = /look at (http:\S+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    void ended.then(() => reject(new Error(`it has ended: ${said}`)))
  })
  try {
    const page = await fetch(address)
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"])
    const { byStatus, nodes } = await (await fetch(new URL("api/overview", address))).json() as {
      readonly byStatus: Record<string, number>
      readonly nodes: ReadonlyArray<{ readonly name: string }>
    }
    expect(nodes.map(({ name }) => name)).toEqual(["node-a", "node-b", "node-c"])
    expect(byStatus["Failed"]).toBe(1)
  } finally {
    child.kill("SIGINT")
  }
  expect(await ended).toEqual([130, null])
})
