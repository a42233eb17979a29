/** The Lua files: what is generated from them, and where an error in them leads to. */
import type { Redis } from "ioredis"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { luaFolder, readLua } from "../../.ci/lua.mjs"
import * as generated from "../../src/internal/redis/scripts.generated.js"
import { callScript, keysOf, type LuaSource, makeScripts, type Script } from "../../src/internal/redis/scripts.js"
import { connect, withGivenClock } from "../support/registryScripted.js"

const read = (folder?: string) => readLua(folder) as LuaSource

describe("the generated module", () => {
  it("says what the Lua files say", () => {
    const stale = "scripts.generated.ts is stale: run `npm run lua`"
    expect(generated.pieces, stale).toEqual(read().pieces)
    expect(generated.commands, stale).toEqual(read().commands)
  })

  it("uses every constant of its preamble, and no other", () => {
    const names = (text: string) => Array.from(text.replaceAll(/'[^'\n]*'/g, "").matchAll(/\b[A-Z][A-Z_]+\b/g), String)
    const sorted = (all: ReadonlyArray<string>) => Array.from(new Set([...all, "ARGV", "KEYS"])).toSorted()
    for (const [command, { pieces: [preamble, ...own] }] of Object.entries(makeScripts())) {
      const used = names(own.map(([, text]) => text).join(""))
      expect([command, ...sorted(used)]).toEqual([command, ...sorted(names(preamble![1]))])
    }
  })

  it("leaves room for some more locals: Lua takes 200 in a script", async () => {
    const redis = connect(inject("redisUrl"))
    for (const { lua } of Object.values(makeScripts())) {
      await redis.script("LOAD", `local ${Array.from({ length: 8 }, (_, i) => `spare${i}`).join(", ")}\n${lua}`)
    }
    await redis.quit()
  })
})

describe("an error in Lua", () => {
  let redis: Redis
  let folder: string

  beforeAll(() => {
    redis = connect(inject("redisUrl"))
    folder = mkdtempSync(join(tmpdir(), "pogo-lua-"))
  })

  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await redis.quit()
  })

  /** The scripts after one line was put before a line of one file, and that line's number. */
  const broken = (file: string, before: string, line: string) => {
    cpSync(luaFolder, folder, { recursive: true })
    const lines = readFileSync(join(folder, file), "utf8").split("\n")
    const at = lines.indexOf(before)
    expect(at, `a line "${before}" of ${file}`).toBeGreaterThan(0)
    lines.splice(at, 0, line)
    writeFileSync(join(folder, file), lines.join("\n"))
    return { scripts: makeScripts(withGivenClock(read(folder))), place: `lua/${file}:${at + 1}` }
  }

  const scope = `l${process.pid}`
  const keys = keysOf("lua:", scope)
  const envelope = ["", "", "0", "0", "bits", "1000", "500", "1|||||", "channel", ""]

  /** Runs a script in an era of its own, and returns what it failed with. */
  const failureOf = async (script: Script, ...args: ReadonlyArray<string>): Promise<string> => {
    await redis.del(...keys)
    const clock = ["1700000000000", "run"]
    const tick = makeScripts(withGivenClock(generated)).tick
    await callScript(redis, tick, keys, [...envelope, "", ...clock])
    const era = (await redis.hget(keys[0]!, "era"))!
    const answer = await callScript(redis, script, keys, [era, ...envelope.slice(1), ...args, ...clock])
      .then((reply) => `a reply: ${JSON.stringify(reply)}`, (error: Error) => error.message)
    await redis.del(...keys)
    return answer
  }

  it.each([
    ["of a global that is none, in a command", "put.lua", "  return results", "  nothing.here = 1"],
    ["of a call, in what a command shares", "shared/store_spec.lua", "  append('s', id)", "  redis.call('NONSENSE')"],
    ["while the changes are written", "shared/end.lua", "  write_meta()", "  nothing.here = 1"],
    ["of the grammar", "put.lua", "  return results", "  local = 1"]
  ])("%s names file and line", async (_, file, before, line) => {
    const { place, scripts } = broken(file, before, line)
    const message = await failureOf(scripts.put, "ensure", "", "", "k/1", "op", "0", "{}")
    expect(message).toContain(place)
    expect(message).not.toContain("user_script")
  })

  it("in the first line of a piece names that line", async () => {
    const { place, scripts } = broken(
      "shared/store_spec.lua",
      "local function store_spec(id, value)",
      "nothing.here = 1"
    )
    expect(await failureOf(scripts.put, "ensure", "", "", "k/1", "op", "0", "{}")).toContain(place)
  })
})
