/**
 * Checks the package as its users get it: built, packed, installed in a project of its own, type-checked there by the
 * compilers a user may have, and run.
 */
import { cpSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bin, node, readJson, root, run, tempFolder } from "./lib.mjs"
import { bound, installed, must, tarball } from "./packed.mjs"

const temp = tempFolder("pogo-pack-")

/** The oldest compiler promised, and the last one before the present line. */
const compilers = { "typescript-5": "npm:typescript@5.9.3", "typescript-6": "npm:typescript@6.0.3" }

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
  const cwd = await installed(join(temp, "consumer"), {
    "@types/node": types,
    effect,
    "effect-pogo": packed,
    ioredis,
    ...compilers
  })
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
    installed(join(temp, "bare"), { effect, "effect-pogo": packed }),
    installed(join(temp, "web"), { "@effect/platform": platform, effect, "effect-pogo": packed })
  ])
  rmSync(join(alone, "node_modules", "ws"), { recursive: true })
  await execute("loading the index beside effect alone", alone, "await import(\"effect-pogo\")")
  await execute("two nodes over TCP beside effect alone", alone, exchange("NodeTransportSocket"))
  await execute("two nodes over WebSocket beside @effect/platform", web, exchange("NodeTransportWebSocket"))
}

/** Node takes a module by `require` from these versions on. */
const requiresModules = () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  return major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)
}

/**
 * What `npm init -y` makes: a package of CommonJS. tsx and `require` find the package there, and the compiler its types.
 *
 * @param {string} packed
 */
const commonJs = async (packed) => {
  const { devDependencies } = readJson(join(root, "package.json"))
  const { "@types/node": types, effect, ioredis, tsx } = devDependencies
  const dependencies = { "@types/node": types, effect, "effect-pogo": packed, ioredis, tsx, ...compilers }
  const cwd = await installed(join(temp, "commonjs"), dependencies, { type: "commonjs" })
  cpSync(join(root, ".ci", "consumer", "smoke.mjs"), join(cwd, "main.ts"))
  const said = await must(
    "`npx tsx main.ts` in a package of CommonJS",
    node(bin("tsx", "tsx", cwd), ["main.ts"], { ...bound, cwd })
  )
  if (!said.includes("ok")) throw new Error(`the program by tsx did not come to its end: ${said}`)
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "NodeNext", "--types", "node", "main.ts"]
  for (const name of Object.keys(compilers)) {
    await must(`the type check of CommonJS by ${name}`, node(bin(name, "tsc", cwd), options, { ...bound, cwd }))
  }
  if (!requiresModules()) return
  const program = `
    const { Effect } = require("effect")
    const { Child, Pogo } = require("effect-pogo")
    const Kind = Child.make("Kind", { payload: {} })
    const run = Effect.andThen(Pogo.startChild(Kind.spec("x", {})), Pogo.awaitChild(Kind.id("x")))
    const layers = [Kind.toLayer(() => Effect.never), Pogo.layerMemory({ name: "required" })]
    Effect.runPromise(layers.reduce((effect, layer) => Effect.provide(effect, layer), run))
      .then(({ node }) => console.log("ran on " + node))`
  const output = await must("`require`", run(process.execPath, ["-e", program], { ...bound, cwd }))
  if (!output.includes("ran on required")) throw new Error(`the program by require did not come to its end: ${output}`)
}

/**
 * The application of deploy/app, built as its image builds it: with the versions that its package.json names.
 *
 * @param {string} packed
 */
const deployed = async (packed) => {
  const { dependencies, devDependencies, type } = readJson(join(root, "deploy", "app", "package.json"))
  const cwd = await installed(join(temp, "deployed"), { ...dependencies, ...devDependencies, "effect-pogo": packed }, {
    type
  })
  for (const name of ["main.ts", "tsconfig.json"]) cpSync(join(root, "deploy", "app", name), join(cwd, name))
  await must("the build of deploy/app", node(bin("typescript", "tsc", cwd), [], { ...bound, cwd }))
  if (!existsSync(join(cwd, "dist", "main.js"))) {
    throw new Error("deploy/app has no dist/main.js, which its image starts")
  }
}

const main = async () => {
  const packed = await tarball(temp)
  await must("publint", node(bin("publint"), ["run", packed, "--strict"], bound))
  // Types and code for `import` and for `require`; that the latter gets a module is meant (Node 20.19 and later take it).
  const attw = [packed, "--profile", "node16", "--ignore-rules", "cjs-resolves-to-esm"]
  await must("attw", node(bin("@arethetypeswrong/cli", "attw"), attw, bound))
  const count = await subpaths()
  // Both to their end, so that nothing writes to the folder any more when it is removed.
  for (
    const result of await Promise.allSettled([
      consumer(packed),
      bare(packed),
      commonJs(packed),
      deployed(packed)
    ])
  ) {
    if (result.status === "rejected") throw result.reason
  }
  console.log(
    `package ok: publint, attw, ${count} public modules, a consumer by TypeScript 5.9 and 6.0, effect alone, both transports, CommonJS, deploy/app; ${
      (statSync(packed).size / 1_000_000).toFixed(2)
    } MB packed`
  )
}

await main().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
