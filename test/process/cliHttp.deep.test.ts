/** `effect-pogo --http`: the same commands through the HTTP interface of a process of the scope. */
import { HttpServer } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer, Logger, ManagedRuntime, Redacted } from "effect"
import { Child, Pogo } from "effect-pogo"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { type AddressInfo, createConnection, createServer as createTcpServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test, type TestContext } from "vitest"
import { freePort } from "../support/redisServer.js"
import { type Run, runCli, type RunOptions } from "./support/cli.js"

const Poller = Child.make("Poller", { payload: {} })

/** A node with two children, which serves the interface. */
const served = async ({ onTestFinished }: TestContext, options: PogoHttp.Options = {}) => {
  const live = PogoHttp.layer({ actions: "all", ...options }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
    Layer.provideMerge(Poller.toLayer(() => Effect.never)),
    Layer.provideMerge(Pogo.layerMemory({ name: "a", scope: "shop" })),
    Layer.provide(Logger.remove(Logger.defaultLogger))
  )
  const runtime = ManagedRuntime.make(live)
  onTestFinished(() => runtime.dispose())
  const port = await runtime.runPromise(Effect.gen(function*() {
    yield* Pogo.startChildren([Poller.spec("x", {}), Poller.spec("y", {})])
    yield* Pogo.awaitChild(Poller.id("x"))
    yield* Pogo.awaitChild(Poller.id("y"))
    const { address } = yield* HttpServer.HttpServer
    return address._tag === "TcpAddress" ? address.port : 0
  }))
  const url = `http://127.0.0.1:${port}`
  const run = (args: ReadonlyArray<string>, more: RunOptions = {}): Promise<Run> =>
    runCli(["--http", url, ...args], more)
  return { run, url }
}

test("lists, explains, acts and waits as it does on Redis", async (context) => {
  const { run } = await served(context)
  expect((await run(["ls"])).out).toMatch(/^Running +Poller\/x +a .*\nRunning +Poller\/y +a /m)
  expect((await run(["nodes"])).out).toMatch(/^a +open +2 /m)
  expect((await run(["explain", "Poller/x"])).out).toMatch(/^Poller\/x {2}Running for/)
  expect(await run(["get", "Poller/nobody"])).toMatchObject({ code: 3, out: "" })
  expect(await run(["ls", "colour:red"])).toMatchObject({ code: 2 })
  expect((await run(["history", "Poller/x", "--since", "1h", "-o", "jsonl"])).out).toContain("\"running\"")
  const restarted = await run(["restart", "Poller/x", "--yes"])
  expect(restarted).toMatchObject({ code: 0, out: expect.stringMatching(/^✓ Poller\/x {2}it is started anew/) })
  expect(await run(["wait", "Poller/x", "--timeout", "10m"])).toMatchObject({ code: 0 })
  expect(await run(["terminate", "Poller/nobody", "--yes"])).toMatchObject({ code: 3 })
  const plan = await run(["plan", "--remove", "a", "--add", "b"])
  expect(plan).toMatchObject({ code: 0, out: expect.stringMatching(/^2 children move to b \(2\)\. All have/) })
  expect(await run(["plan", "--drain", "nobody"])).toMatchObject({
    code: 3,
    err: expect.stringMatching(/no live node is called "nobody"/i)
  })
  expect((await run(["top"])).out).toMatch(/^shop · 1 node · 2 children/)
  const following = run(["events", "--follow", "-o", "jsonl"], {
    watch: (out, kill) => out.includes("\n") && kill("SIGINT")
  })
  const restartedAgain = () => run(["restart", "Poller/y", "--yes"]).then(() => false)
  // Whoever follows may not have begun to when it is restarted for the first time.
  while (!await Promise.race([following.then(() => true), restartedAgain()]));
  const followed = await following
  expect(followed.code).toBe(130)
  expect(JSON.parse(followed.out.split("\n")[0]!)).toMatchObject({ id: "Poller/y" })
  const doctor = await run(["doctor"])
  expect(doctor).toMatchObject({ code: 2, err: expect.stringContaining("give --redis") })
})

test("events are followed over a connection that breaks off, and none is missed", async (context) => {
  const { run, url } = await served(context)
  const cut: Array<() => void> = []
  let refuses = false
  const proxy = createTcpServer((near) => {
    if (refuses) return void near.destroy()
    const far = createConnection(Number(new URL(url).port), "127.0.0.1")
    const end = () => (near.destroy(), far.destroy())
    for (const socket of [near, far]) socket.on("error", end).on("close", end)
    near.pipe(far).pipe(near)
    cut.push(end)
  })
  await once(proxy.listen(0, "127.0.0.1"), "listening")
  context.onTestFinished(() => void proxy.close())
  const lines = (out: string) =>
    out.split("\n").slice(0, -1).map((line) => JSON.parse(line) as { position: string; what: string; id?: string })
  let heard = ""
  const place = ["--http", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`]
  const following = runCli([...place, "events", "--follow", "-o", "jsonl"], {
    watch: (out, kill) => {
      heard = out
      if (lines(out).some(({ id, what }) => what === "terminated" && id === "Poller/y")) kill("SIGINT")
    }
  })
  const restart = () => run(["restart", "Poller/x", "--yes"])
  while (!heard.includes("restarted")) await restart()
  refuses = true
  for (const end of cut) end()
  // What happens while nobody listens, and what is heard again.
  await restart()
  await run(["terminate", "Poller/y", "--yes"])
  refuses = false
  const { code, out } = await following
  expect(code).toBe(130)
  const known = lines((await run(["history", "-o", "jsonl", "--limit", "1000"])).out).map(({ position }) => position)
  const told = lines(out).map(({ position }) => position)
  const from = known.indexOf(told[0]!)
  expect(told).toEqual(known.slice(from, from + told.length))
})

test("a reconcile is a dry run, which says so, and how to do it", async (context) => {
  const { run } = await served(context)
  const folder = await mkdtemp(join(tmpdir(), "pogo-cli-"))
  context.onTestFinished(() => rm(folder, { recursive: true }))
  const file = async (specs: ReadonlyArray<unknown>): Promise<string> => {
    const path = join(folder, "specs.json")
    await writeFile(path, JSON.stringify(specs))
    return path
  }
  const spec = (key: string) => ({ kind: "Poller", key, payload: {} })
  const differs = await file([spec("x"), spec("z")])
  const plan = "+ Poller/z  create\n- Poller/y  terminate\n"
  const real = await run(["reconcile", "-f", differs])
  expect(real).toMatchObject({ code: 1, out: plan })
  expect(real.err).toMatch(
    /^2 changes would be made\.\neffect-pogo: this was a dry run, and nothing was done: .*--redis .*\n$/
  )
  expect(await run(["reconcile", "-f", differs, "--yes"])).toEqual(real)
  const dry = await run(["reconcile", "-f", differs, "--dry-run"])
  expect(dry).toMatchObject({ code: 0, out: plan })
  expect(dry.err).toMatch(/^2 changes would be made\.\nThe HTTP interface shows .*--redis .*\.\n$/)
  const empty = await run(["reconcile", "-f", await file([]), "--kind", "Poller", "--dry-run"])
  expect(empty).toMatchObject({ code: 0, err: expect.stringContaining("would be refused: the list is empty") })
  expect(await run(["reconcile", "-f", await file([spec("x"), spec("y")]), "--yes"])).toMatchObject({
    code: 0,
    err: "Nothing is to be done.\n"
  })
  expect((await run(["ls", "-o", "jsonl"])).out.trim().split("\n")).toHaveLength(2)
})

test("what is not allowed is 1, nobody there is 4, and the wrong token is told", async (context) => {
  const token = "t".repeat(40)
  const { run, url } = await served(context, {
    actions: "none",
    authorize: PogoHttp.tokens({ alice: Redacted.make(token) })
  })
  const unknown = await run(["ls"])
  expect(unknown).toMatchObject({ code: 1, out: "" })
  expect(unknown.err).toMatch(/^effect-pogo: .+; .+\n$/)
  const env = { POGO_HTTP_URL: url, POGO_HTTP_TOKEN: token }
  expect(await runCli(["ls"], { env })).toMatchObject({ code: 0, err: "" })
  expect(await runCli(["restart", "Poller/x", "--yes"], { env })).toMatchObject({ code: 1, out: "" })
  const nobody = await runCli(["ls", "--http", `http://127.0.0.1:${await freePort()}`])
  expect(nobody).toMatchObject({ code: 4, out: "" })
  expect(nobody.err).toMatch(
    /^effect-pogo: nothing answers at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*; is it running.*\n$/
  )
})
