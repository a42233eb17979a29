/** `effect-pogo` in a terminal: questions that it asks, and the screen that `top` takes and gives back. */
import { spawn } from "node:child_process"
import { describe, expect, test } from "vitest"
import { cliFile } from "./support/cli.js"
import { scene } from "./support/scene.js"

/** Gives a program a terminal. That of util-linux; others take other options. */
const program = "/usr/bin/script"

const scope = "console"

/** What is typed, or which signal comes, when a text has come. */
type Talk = ReadonlyArray<readonly [heard: string | RegExp, typed: string | { readonly signal: NodeJS.Signals }]>

const makeTerminal = async (context: Parameters<typeof scene>[0], count: number) => {
  const { redis } = await scene(context, ["a"], count, { env: { POGO_SCOPE: scope } })
  const { path } = await cliFile()
  return (command: string, talk: Talk = []) =>
    new Promise<{ readonly code: number | null; readonly screen: string }>((resolve) => {
      const line = `stty cols 90 rows 24; echo "process $$"; exec '${process.execPath}' '${path}' ${command}`
      const child = spawn(program, ["-qec", line, "/dev/null"], {
        env: { ...process.env, TERM: "xterm", NO_COLOR: "1", POGO_REDIS_URL: redis.url, POGO_SCOPE: scope },
        stdio: ["pipe", "pipe", "ignore"]
      })
      let [screen, heard, turn] = ["", "", 0]
      child.stdout.on("data", (data: Buffer) => {
        screen += data.toString()
        heard += data.toString()
        const next = talk[turn]
        if (next === undefined || !(typeof next[0] === "string" ? heard.includes(next[0]) : next[0].test(heard))) return
        heard = ""
        turn++
        if (typeof next[1] === "string") child.stdin.write(next[1])
        else process.kill(Number(/process (\d+)/.exec(screen)![1]), next[1].signal)
      })
      child.on("close", (code) => resolve({ code, screen }))
    })
}

const taken = "\u001b[?1049h"
const given = "\u001b[?1049l"

describe("in a terminal", () => {
  test("asks before it acts, and wants the number of more than 20 children typed", async (context) => {
    const terminal = await makeTerminal(context, 24)
    const yes = await terminal("restart Probe/k0", [["[y/N]", "y\r"]])
    expect(yes.code).toBe(0)
    expect(yes.screen).toMatch(/Restart Probe\/k0\?[^]*✓ Probe\/k0 {2}it is started anew/)
    const no = await terminal("terminate Probe/k0", [["[y/N]", "\r"]])
    expect(no.code).toBe(1)
    expect(no.screen).toContain("effect-pogo: nothing was done")
    const wrong = await terminal("terminate kind:Probe", [["Type 24 to go on:", "y\r"]])
    expect(wrong.code).toBe(1)
    const right = await terminal("terminate kind:Probe", [["Type 24 to go on:", "24\r"]])
    expect(right.code).toBe(0)
  })

  test("draws top on a screen of its own, hears keys, and gives the screen back however it ends", async (context) => {
    const terminal = await makeTerminal(context, 4)
    const looked = await terminal("top", [
      ["Everything runs.", "/"],
      [/\/\S*▏/, "k2\r"],
      [/\/k2 {2}1 child[^]*▸ Running[^]*Probe\/k2/, "\r"],
      [/Probe\/k2 {2}Running for[^]*\nNow /, "q"],
      [/\/k2 {2}1 child/, "q"]
    ])
    expect(looked.code).toBe(0)
    expect(looked.screen).toContain("console · 1 node · 4 children")
    const ends = [
      looked,
      await terminal("top", [["Everything runs.", "\u0003"]]),
      await terminal("top", [["Everything runs.", { signal: "SIGTERM" }]]),
      await terminal("top", [["Everything runs.", { signal: "SIGINT" }]])
    ]
    for (const { screen } of ends) {
      expect(screen.indexOf(taken)).toBeGreaterThanOrEqual(0)
      expect(screen.lastIndexOf(given)).toBeGreaterThan(screen.lastIndexOf("console · 1 node"))
      expect(screen.slice(screen.lastIndexOf(given) + given.length).trim()).toBe("")
    }
  })
})
