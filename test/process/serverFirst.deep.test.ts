/**
 * The program of operations.md whose HTTP server listens while Redis is away, run as it stands there.
 */
import { expect, it } from "@effect/vitest"
import { Redis } from "ioredis"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { keysOf, parts } from "../../src/internal/redis/scripts.js"
import { freePort, startRedis } from "../support/redisServer.js"
import { answered } from "./support/answered.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

const claimKey = keysOf("", "default")[parts.indexOf("claim")]!

const program = (): string => {
  const page = readFileSync(join(root, "docs", "operations.md"), "utf8")
  const section = page.slice(page.indexOf("## A server that answers while Redis is away"))
  return /```ts\n([^]*?)```/.exec(section)![1]!
}

/** The status and text of a page; 0 while nobody listens. */
const get = async (url: string): Promise<readonly [status: number, text: string]> => {
  try {
    const response = await fetch(url)
    return [response.status, await response.text()]
  } catch {
    return [0, ""]
  }
}

const folderOf = (code: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "pogo-server-"))
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  const paths = { "effect-pogo": [join(root, "src/index.ts")], "effect-pogo/*": [join(root, "src/*.ts")] }
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions: { paths }, include: ["*.ts"] })
  )
  writeFileSync(join(folder, "main.ts"), code)
  return folder
}

it("a server listens while Redis is away, is ready when it is there, and ends when it is told to", async () => {
  const folder = folderOf(program())
  const [port, redisPort] = [await freePort(), await freePort()]
  const child = spawn(
    process.execPath,
    ["--import", join(root, "node_modules/tsx/dist/loader.mjs"), "main.ts"],
    {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, PORT: String(port), REDIS_URL: `redis://127.0.0.1:${redisPort}` }
    }
  )
  let log = ""
  child.stdout.on("data", (data: Buffer) => (log += data.toString()))
  const exited = once(child, "exit")
  const at = (path: string) => () => get(`http://127.0.0.1:${port}${path}`)
  try {
    expect(await answered(at("/livez"), ([status]) => status === 200)).toEqual([200, "alive\n"])
    const [status, reason] = await answered(at("/readyz"), ([, text]) => text.includes("ECONNREFUSED"))
    expect(status).toBe(503)
    expect(reason).toMatch(/^not ready: it has not joined the scope "default" \(.*\); it goes on trying\n$/)
    expect((await at("/startupz")())[0]).toBe(503)
    const server = await startRedis({ port: redisPort })
    try {
      expect(await answered(at("/readyz"), ([status]) => status === 200)).toEqual([200, "ready\n"])
      expect(await answered(at("/startupz"), ([status]) => status === 200)).toEqual([200, "started\n"])
      expect((await at("/metrics")())[1]).toMatch(/^pogo_lease_remaining_seconds\{[^}]*\} \d/m)
      const redis = new Redis(server.url)
      const claims = () => redis.hlen(claimKey).catch(() => 0)
      expect(await answered(claims, (count) => count === 2)).toBe(2)
      redis.disconnect()
      child.kill("SIGTERM")
      await exited
      expect(log).toContain("left the scope")
    } finally {
      await server.stop()
    }
  } finally {
    child.kill("SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  }
})
