/**
 * Checks the package as its users get it: built, packed, installed in a project of its own, type-checked there by the
 * compilers a user may have, and run.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bin, node, npm, readJson, root, run, tempFolder } from "./lib.mjs"

const temp = tempFolder("pogo-pack-")

/** The oldest compiler promised, and the last one before the present line. */
const compilers = { "typescript-5": "npm:typescript@5.9.3", "typescript-6": "npm:typescript@6.0.3" }

/**
 * @param {string} what
 * @param {Promise<import("./lib.mjs").RunResult>} result
 */
const must = async (what, result) => {
  const { code, output, timedOut } = await result
  if (code === 0) return output
  throw new Error(`${output}\npack check: ${what} ${timedOut ? "took too long" : "failed"}`)
}

const bound = { capture: true }

/**
 * @param {string} name
 * @param {Record<string, string>} dependencies
 */
const project = async (name, dependencies) => {
  const cwd = join(temp, name)
  mkdirSync(cwd)
  writeFileSync(join(cwd, "package.json"), JSON.stringify({ name, private: true, type: "module", dependencies }))
  const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
  await must(`npm install in a project with ${Object.keys(dependencies).join(", ")}`, npm(args, { ...bound, cwd }))
  return cwd
}

const tarball = async () => {
  await must("the build", node(join(root, ".ci", "build.mjs"), [], bound))
  await must("npm pack", npm(["pack", "--ignore-scripts", "--pack-destination", temp], bound))
  const name = readdirSync(temp).find((file) => file.endsWith(".tgz"))
  if (name === undefined) throw new Error("npm pack wrote no tarball")
  return join(temp, name)
}

/** Every flat module is public, and nothing else can be imported. */
const subpaths = async () => {
  const modules = readdirSync(join(root, "src")).filter((name) => name.endsWith(".ts") && name !== "index.ts")
  const names = modules.map((name) => `effect-pogo/${name.slice(0, -3)}`)
  const internal = existsSync(join(root, "dist", "internal"))
    ? readdirSync(join(root, "dist", "internal")).filter((name) => name.endsWith(".js"))
    : []
  const closed = internal.map((name) => `effect-pogo/internal/${name.slice(0, -3)}`)
  const program = `
    for (const name of ${JSON.stringify(names)}) await import(name)
    for (const name of ${JSON.stringify(closed)}) {
      const opened = await import(name).then(() => true, () => false)
      if (opened) throw new Error(name + " can be imported")
    }`
  await must("importing every public module", run(process.execPath, ["--input-type=module", "-e", program], bound))
  return names.length
}

/** @param {string} packed */
const consumer = async (packed) => {
  const { devDependencies } = readJson(join(root, "package.json"))
  const { "@types/node": types, effect, ioredis } = devDependencies
  const cwd = await project("consumer", { "@types/node": types, effect, "effect-pogo": packed, ioredis, ...compilers })
  cpSync(join(root, ".ci", "consumer"), cwd, { recursive: true })
  const compilerOptions = {
    target: "ES2022",
    lib: ["ES2022"],
    types: ["node"],
    module: "NodeNext",
    moduleResolution: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    rootDir: ".",
    outDir: "out"
  }
  writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
  for (const [name, version] of Object.entries(compilers)) {
    const label = version.slice("npm:".length)
    await must(`the consumer's type check by ${label}`, node(bin(name, "tsc", cwd), [], { ...bound, cwd }))
  }
  await must("the consumer's program", node(join("out", "main.js"), [], { ...bound, cwd }))
}

/**
 * A program in which two nodes of a transport exchange messages, one of them longer than a message of a WebSocket.
 *
 * @param {string} transport
 */
const exchange = (transport) => `
  import { NodeTransport } from "effect-pogo"
  import * as Transport from "effect-pogo/${transport}"
  import { Context, Deferred, Effect, Layer } from "effect"
  await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const { connect, listen } = Context.get(yield* Layer.build(Transport.layer()), NodeTransport.NodeTransport)
    const echo = (connection) => connection.run((message) => connection.send(message))
    const address = yield* listen({ scope: "s", node: "a" }, echo)
    const connection = yield* connect({ scope: "s", node: "b" }, address)
    const back = yield* Deferred.make()
    yield* Effect.forkScoped(connection.run((message) => Deferred.unsafeDone(back, Effect.succeed(message))))
    connection.send(["x".repeat(200_000)])
    const [text] = yield* Effect.timeout(Deferred.await(back), "10 seconds")
    if (connection.remote !== "a" || text.length !== 200_000) throw new Error("another message came back")
  })))`

/** @param {string} what @param {string} cwd @param {string} program */
const execute = (what, cwd, program) =>
  must(what, run(process.execPath, ["--input-type=module", "-e", program], { ...bound, cwd }))

/**
 * The optional peers are optional: the index loads with effect alone, and so does the transport over TCP, which loads no
 * WebSocket; that one needs @effect/platform.
 *
 * @param {string} packed
 */
const bare = async (packed) => {
  const { devDependencies: { "@effect/platform": platform, effect } } = readJson(join(root, "package.json"))
  const [alone, web] = await Promise.all([
    project("bare", { effect, "effect-pogo": packed }),
    project("web", { "@effect/platform": platform, effect, "effect-pogo": packed })
  ])
  rmSync(join(alone, "node_modules", "ws"), { recursive: true })
  await execute("loading the index beside effect alone", alone, "await import(\"effect-pogo\")")
  await execute("two nodes over TCP beside effect alone", alone, exchange("NodeTransportSocket"))
  await execute("two nodes over WebSocket beside @effect/platform", web, exchange("NodeTransportWebSocket"))
}

const main = async () => {
  const packed = await tarball()
  await must("publint", node(bin("publint"), ["run", packed, "--strict"], bound))
  await must("attw", node(bin("@arethetypeswrong/cli", "attw"), [packed, "--profile", "esm-only"], bound))
  const count = await subpaths()
  // Both to their end, so that nothing writes to the folder any more when it is removed.
  for (const result of await Promise.allSettled([consumer(packed), bare(packed)])) {
    if (result.status === "rejected") throw result.reason
  }
  console.log(
    `package ok: publint, attw, ${count} public modules, a consumer by TypeScript 5.9 and 6.0, effect alone, both transports`
  )
}

await main().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
