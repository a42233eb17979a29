/** The program `effect-pogo` as a process: its frame, its exit codes, and what goes where. */
import { describe, expect, test } from "vitest"
import { readJson, root } from "../../.ci/lib.mjs"
import { freePort, startRedis } from "../support/redisServer.js"
import { cliFile, runCli } from "./support/cli.js"

describe("the frame", () => {
  test("is one file that stays small, so that it starts at once", async () => {
    expect((await cliFile()).bytes).toBeLessThan(1_600_000)
  })

  test("tells its version and its help on the standard output", async () => {
    const version = readJson(`${root}/package.json`).version as string
    expect(await runCli(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" })
    const help = await runCli(["--help"])
    expect(help).toMatchObject({ code: 0, err: "" })
    expect(help.out).toMatch(/^ {2}doctor {2,}\S/m)
    const own = await runCli(["doctor", "--help"])
    expect(own.out).toMatch(/USAGE\n {2}effect-pogo doctor \[--redis/)
    expect(own.out).not.toContain("\u001b")
    expect(own.code).toBe(0)
  })

  test.each(["bash", "zsh", "fish"])("writes completions for %s", async (shell) => {
    const { code, out } = await runCli(["--completions", shell])
    expect(code).toBe(0)
    expect(out).toContain("doctor")
  })

  test.each([
    [["docter"], /^effect-pogo: .*doctor.*`effect-pogo --help` tells what there is\n$/],
    [["doctor", "--foo"], /^effect-pogo: .*--foo.*`effect-pogo doctor --help` tells what there is\n$/],
    [["doctor"], /^effect-pogo: where is the scope\? Give --redis .*\n$/],
    [["doctor", "--redis", "nothing"], /^effect-pogo: setting url = .*redis:\/\/.*\n$/],
    [["--redis", "redis://x", "doctor", "--http", "http://x"], /^effect-pogo: --redis and --http .*\n$/]
  ])("a wrong usage is 2, said once with the remedy: %j", async (args, said) => {
    const { code, err, out } = await runCli(args)
    expect({ code, out }).toEqual({ code: 2, out: "" })
    expect(err).toMatch(said)
  })

  test("a Redis that does not answer is 4, and no secret is told", async () => {
    const { code, err, out } = await runCli(["doctor", "--redis", `redis://me:s3cret@127.0.0.1:${await freePort()}`])
    expect({ code, out }).toEqual({ code: 4, out: "" })
    expect(err).toMatch(
      /^effect-pogo: no connection to redis:\/\/127\.0\.0\.1:\d+\/0: .*ECONNREFUSED.*is it running.*\n$/
    )
    expect(err).not.toContain("s3cret")
  })
})

test("the doctor ends with 0 or 6, wherever its options stand, as a text or as data", async (context) => {
  const redis = await startRedis({ args: ["--appendonly", "yes"] })
  context.onTestFinished(() => redis.stop("SIGKILL"))
  const healthy = await runCli(["doctor"], { env: { POGO_REDIS_URL: redis.url, POGO_SCOPE: "shop" } })
  expect(healthy).toMatchObject({ code: 0, err: "" })
  expect(healthy.out).toMatch(/ · scope shop · [\s\S]*Nothing is wrong\.\n$/)
  await redis.cli("CONFIG", "SET", "appendonly", "no")
  const sick = await runCli(["-o", "json", "--redis", redis.url, "doctor"])
  expect(sick).toMatchObject({ code: 6, err: "" })
  expect(JSON.parse(sick.out)).toMatchObject({ troubles: [{ code: "no-aof", severity: "warning" }] })
  const line = await runCli(["doctor", "-o", "jsonl", "--redis", redis.url])
  expect(line.out.trim().split("\n").map((text) => JSON.parse(text).code)).toEqual(["no-aof"])
})
