/** The commands of `effect-pogo` against real nodes on a real Redis: what they tell, and with which exit code. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { type Run, runCli, type RunOptions } from "./support/cli.js"
import { eventually } from "./support/fleet.js"
import { owned, scene } from "./support/scene.js"

const scope = "console"

const withScene = async (context: Parameters<typeof scene>[0], names: ReadonlyArray<string>, count: number) => {
  const on = await scene(context, names, count, { env: { POGO_SCOPE: scope }, redis: ["--appendonly", "yes"] })
  const env = { POGO_REDIS_URL: on.redis.url, POGO_SCOPE: scope, POGO_TTL: "1 minute" }
  const folder = mkdtempSync(join(tmpdir(), "pogo-cli-"))
  context.onTestFinished(() => rmSync(folder, { recursive: true }))
  return {
    ...on,
    run: (args: ReadonlyArray<string>, options: RunOptions = {}) => runCli(args, { env, ...options }),
    file: (content: unknown) => {
      const path = join(folder, "specs.json")
      writeFileSync(path, JSON.stringify(content))
      return path
    }
  }
}

const jsonOf = ({ out }: Run): unknown => JSON.parse(out)

const spec = (key: string, payload: object = {}) => ({
  kind: "Probe",
  key,
  payload: { every: 50, stopTakes: 0, deaf: false, ...payload }
})

test("lists, and what is no such scope", async (context) => {
  const { run, fleet } = await withScene(context, ["a", "b"], 6)
  const listed = await run(["ls"])
  expect(listed).toMatchObject({ code: 0, err: "" })
  expect(listed.out.split("\n")[0]).toMatch(/^STATUS +CHILD +NODE +FOR$/)
  expect(listed.out.match(/^Running +Probe\/k\d +[ab] /gm)).toHaveLength(6)
  const rows = jsonOf(await run(["ls", "--node", "a", "--sort", "-id", "-o", "json"])) as ReadonlyArray<{ id: string }>
  expect(rows.map(({ id }) => id)).toEqual([...await owned(fleet, "a")].sort().toReversed())
  const lines = (await run(["ls", "k1", "-o", "jsonl"])).out.trim().split("\n").map((line) => JSON.parse(line))
  expect(lines).toMatchObject([{ id: "Probe/k1", status: "Running", node: expect.stringMatching(/^[ab]$/) }])
  expect(await run(["ls", "status:failed", "-o", "json"])).toEqual({ code: 0, out: "[]\n", err: "" })
  expect((await run(["ls", "nobody"])).err).toContain("No id holds \"nobody\"")
  const wrong = await run(["ls", "colour:red"])
  expect(wrong).toMatchObject({ code: 2, out: "" })
  expect(wrong.err).toMatch(/^effect-pogo: There is no filter "colour:"\. There are: .*\n$/)
  const nodes = jsonOf(await run(["nodes", "-o", "json"]))
  expect(nodes).toMatchObject([{ name: "a", live: true, fair: 3 }, { name: "b", live: true, fair: 3 }])
  const elsewhere = await run(["ls", "--scope", "consoel"])
  expect(elsewhere).toMatchObject({ code: 3, out: "" })
  expect(elsewhere.err).toMatch(/^effect-pogo: there is no scope "consoel" on .*; there are console: .*--scope\n$/)
  // Whoever reads takes the first line only: that is no failure.
  expect(await run(["ls"], { closeAfter: 1 })).toMatchObject({ code: 0, err: "" })
})

test("starts, replaces and reconciles what a file holds; a conflict is told beside the others", async (context) => {
  const { file, run, runs } = await withScene(context, ["a"], 0)
  const started = await run(["start", "-f", file([spec("x"), spec("y")])])
  expect(started).toMatchObject({ code: 0, out: "✓ Probe/x  created\n✓ Probe/y  created\n" })
  await runs(["Probe/x", "Probe/y"])
  const again = await run(["start", "-f", file([spec("x"), spec("y", { every: 60 })])])
  expect(again.code).toBe(1)
  expect(again.out).toMatch(/^✓ Probe\/x {2}is there already.*\n✗ Probe\/y {2}.*exists with other content/)
  const silent = await run(["replace", "-f", file(spec("y", { every: 60 }))])
  expect(silent).toMatchObject({ code: 2, out: "" })
  expect(silent.err).toMatch(/effect-pogo: nobody is there to be asked: add --yes/)
  const reason = ["--reason", "less often"]
  expect(await run(["replace", "-f", file(spec("y", { every: 60 })), "--yes", ...reason])).toMatchObject({ code: 0 })
  expect((await run(["history", "Probe/y"])).out).toMatch(/ registered .*\n[^]* replaced .* by \S+: less often/)
  expect(await run(["replace", "-f", file(spec("z")), "--yes"])).toMatchObject({ code: 3 })
  const plan = await run(["reconcile", "-f", file([spec("x"), spec("w")]), "--dry-run"])
  expect(plan).toMatchObject({ code: 0, out: "+ Probe/w  create\n- Probe/y  terminate\n" })
  expect(await run(["reconcile", "-f", file([spec("x"), spec("w")]), "--yes"])).toMatchObject({ code: 0 })
  await runs(["Probe/w", "Probe/x"])
  const broken = await run(["start", "-f", file([{ kind: "Probe" }])])
  expect(broken).toMatchObject({ code: 2, out: "" })
  expect(broken.err).toMatch(/^effect-pogo: .*specs\.json: spec 1 is none: .*\n$/)
  expect((await run(["start", "-f", "/no/such/file"])).err).toMatch(/cannot read \/no\/such\/file: ENOENT/)
})

describe("a Redis that goes away in the middle", () => {
  test("leaves the outcome of a start unknown, which is 5", async (context) => {
    const { file, redis, run } = await withScene(context, ["a"], 0)
    const frozen = run(["start", "-f", file(Array.from({ length: 2_000 }, (_, i) => spec(`k${i}`)))])
    await eventually(
      "some have been started",
      async () => Number(await redis.cli("HLEN", `pogo1:{${scope}}:spec`)) > 50
    )
    redis.kill("SIGSTOP")
    const { code, out } = await frozen
    redis.kill("SIGCONT")
    expect(out).toMatch(/✗ Probe\/k\d+ .*outcome is unknown/)
    expect(code).toBe(5)
  })
})

test("top draws one picture where the output is no terminal", async (context) => {
  const { run } = await withScene(context, ["a", "b"], 4)
  const { code, err, out } = await run(["top"])
  expect({ code, err }).toEqual({ code: 0, err: "" })
  expect(out).toMatch(/^console · 2 nodes · 4 children/)
  expect(out).toContain("All 4 children are running.")
  expect(out).toContain("Everything runs.")
  expect(out).not.toContain("\u001b")
})

test("tells of a child what is known, in words, and what became of it; what is not there is 3", async (context) => {
  const { fleet, run } = await withScene(context, ["a", "b"], 3)
  const one = await run(["get", "Probe/k0", "-o", "json"])
  expect(jsonOf(one)).toMatchObject({ line: { id: "Probe/k0", status: "Running" }, payload: { every: 50 } })
  expect((await run(["get", "Probe/k0"])).out).toMatch(/^Probe\/k0 {2}Running for .*\nnode +[ab]\n/)
  const explained = await run(["explain", "Probe/k0", "Probe/k1"])
  expect(explained).toMatchObject({ code: 0, err: "" })
  expect(explained.out).toMatch(
    /^Probe\/k0 {2}Running[^]*\nNow +It has run for [^]*\n\nProbe\/k1 {2}Running[^]*Never two at once/
  )
  const history = await run(["history", "Probe/k0", "-o", "jsonl"])
  const whats = history.out.trim().split("\n").map((line) => JSON.parse(line).what)
  expect(whats).toEqual(["registered", "claimed", "running"].slice(-whats.length))
  expect((await run(["history", "--limit", "2"])).out.split("\n")[0]).toMatch(/^AT +WHAT +CHILD +NODE/)
  expect(await run(["history", "--since", "soon"])).toMatchObject({ code: 2 })
  for (const command of ["get", "explain"]) {
    const { code, err, out } = await run([command, "Probe/nobody"])
    expect({ code, out }).toEqual({ code: 3, out: "" })
    expect(err).toMatch(/^effect-pogo: there is no child "Probe\/nobody"; .*effect-pogo ls.*\n$/)
  }
  expect(await run(["wait", "Probe/k0", "--for", "running"])).toMatchObject({ code: 0, out: "" })
  const waited = await run(["wait", "Probe/nobody", "--timeout", "300ms"])
  expect(waited).toMatchObject({ code: 3 })
  const plan = await run(["plan", "--drain", "a"])
  expect(plan.out).toMatch(/^\d child(ren)? moves? to b/)
  expect(await run(["plan", "--drain", "nobody"])).toMatchObject({
    code: 3,
    out: "",
    err: "effect-pogo: no live node is called \"nobody\"; `effect-pogo nodes` lists them\n"
  })
  expect((await run(["plan", "--remove", "a", "--add", "z", "--weight", "2", "--label", "zone=b"])).out).toMatch(
    /^\d child(ren)? moves? to .*z .*\n(.*\n)*z +0 +\d/
  )
  for (const wrong of [[], ["--weight", "2", "--drain", "a"], ["--add", "z", "--label", "b"], ["--add", "a"]]) {
    expect(await run(["plan", ...wrong])).toMatchObject({ code: 2, out: "" })
  }
  const followed = run(["events", "--follow", "-o", "jsonl"], {
    watch: (out, kill) => out.includes("\n") && kill("SIGINT")
  })
  let asked = false
  await eventually("an event is told", async () => {
    if (!asked) await fleet.nodes.get("a")!.call("restartEach", { keys: ["k0"] })
    return Promise.race([followed.then(() => (asked = true)), new Promise<boolean>((no) => setTimeout(no, 500, false))])
  })
  const { code, err, out } = await followed
  expect({ code, err }).toEqual({ code: 130, err: "" })
  expect(JSON.parse(out.split("\n")[0]!)).toMatchObject({ id: "Probe/k0" })
})

test("acts on children and nodes: shows what follows, wants a yes, and leaves who and why in the history", async (context) => {
  const { file, fleet, run, runs } = await withScene(context, ["a", "b"], 30)
  const shown = await run(["terminate", "kind:Probe", "--dry-run"])
  expect(shown.code).toBe(0)
  expect(shown.out.trim().split("\n")).toHaveLength(30)
  expect(shown.err).toMatch(/^Terminate 30 children\.\n/)
  const unasked = await run(["terminate", "kind:Probe"])
  expect(unasked).toMatchObject({ code: 2, out: "" })
  expect(unasked.err).toMatch(/\neffect-pogo: nobody is there to be asked: add --yes .*\n$/)
  const restarted = await run(["restart", "Probe/k0", "--yes", "--reason", "a try"])
  expect(restarted).toMatchObject({ code: 0, out: expect.stringMatching(/^✓ Probe\/k0 {2}it is started anew/) })
  const history = (await run(["history", "Probe/k0", "-o", "jsonl"])).out.trim().split("\n").map((line) =>
    JSON.parse(line)
  )
  expect(history.find(({ what }) => what === "restarted").text).toMatch(/^by \S+@\S+/)
  expect(await run(["terminate", "Probe/nobody", "--yes"])).toMatchObject({ code: 3, out: "" })
  expect(await run(["terminate", "--yes"])).toMatchObject({ code: 2 })
  expect(await run(["drain", "nobody", "--yes"])).toMatchObject({ code: 3 })
  const drained = await run(["drain", "b", "--yes", "--wait"])
  expect(drained).toMatchObject({ code: 0 })
  expect(drained.err).toContain("b has no children left.")
  expect(await owned(fleet, "b")).toEqual([])
  expect(await run(["uncordon", "b"])).toMatchObject({ code: 0, out: expect.stringMatching(/^✓ b /) })
  await eventually("children are back", async () => (await owned(fleet, "b")).length > 0)
  expect(await run(["start", "-f", file(spec("last"))])).toMatchObject({ code: 0 })
  expect(await run(["terminate", "kind:Probe", "-last", "--yes"])).toMatchObject({ code: 2 })
  expect(await run(["terminate", "--yes", "--", "kind:Probe", "-last"])).toMatchObject({ code: 0 })
  await runs(["Probe/last"])
})

test("ui serves the page's interface on this machine, until Ctrl-C", async (context) => {
  const { run } = await withScene(context, ["a"], 2)
  const asked: Array<Promise<unknown>> = []
  const { code, err, out } = await run(["ui"], {
    watch: (out, kill) => {
      const url = /^(http:\/\/localhost:\d+\/)\n/.exec(out)?.[1]
      if (url === undefined || asked.length > 0) return
      asked.push(fetch(`${url}api/about`).then((answer) => answer.json()).finally(() => kill("SIGINT")))
    }
  })
  expect(await asked[0]).toMatchObject({ scope, client: true, ready: true })
  expect({ code, out: out.trim() }).toEqual({ code: 130, out: expect.stringMatching(/^http:\/\/localhost:\d+\/$/) })
  expect(err).toBe("The dashboard of scope console, for this machine alone. Ctrl-C ends it.\n")
})
