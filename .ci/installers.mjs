/**
 * Tries the packed package as users will have it: by each package manager, with the install line of the README; beside
 * the oldest and the later Effects that its peers allow; and beside Effect 4, where the message must say what is wrong.
 * A package manager that cannot be had is told, and left out.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { npm, root, run, tempFolder } from "./lib.mjs"
import { bound, installed, must, tarball } from "./packed.mjs"

const temp = tempFolder("pogo-installers-")
const packed = await tarball(temp)

/** What the README tells users to install, besides this package. */
const line = /npm install effect-pogo (.*)/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1]?.trim().split(" ")
if (line === undefined) throw new Error("README.md has no line that begins with \"npm install effect-pogo\"")

/** @param {string} name */
const folder = (name) => {
  const cwd = join(temp, name)
  mkdirSync(cwd, { recursive: true })
  writeFileSync(join(cwd, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }))
  cpSync(join(root, ".ci", "consumer", "smoke.mjs"), join(cwd, "smoke.mjs"))
  return cwd
}

/** @param {string} what @param {string} output */
const cameToItsEnd = (what, output) => {
  if (!output.includes("ok")) throw new Error(`${output}\n${what}: the program did not come to its end`)
}

/** The certificates that npm trusts, where it is told of some: Yarn, a program of Node's, does not read npm's settings. */
const certificates = async () => {
  const { output } = await npm(["config", "get", "cafile"], { capture: true })
  const file = output.trim()
  return existsSync(file) ? { NODE_EXTRA_CA_CERTS: file } : {}
}

const trusted = await certificates()

/** @param {ReadonlyArray<string>} args @param {string} cwd */
const npx = (args, cwd) =>
  run("npx", ["--yes", ...args], {
    ...bound,
    cwd,
    timeout: 300_000,
    env: { YARN_ENABLE_GLOBAL_CACHE: "true", ...trusted }
  })

/** What a package manager says when the network is the trouble, and not the package. */
const unreachable = /RequestError|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ConnectionRefused|certificate/

/** Each by its package on npm, its `add`, and how it runs a program. */
const managers = [
  { name: "npm", tool: undefined, run: undefined },
  { name: "pnpm", tool: "pnpm@9", run: undefined },
  { name: "yarn berry", tool: "@yarnpkg/cli-dist@4", run: "node" },
  { name: "bun", tool: "bun@1", run: "" }
]

/** @param {typeof managers[number]} manager */
const byManager = async ({ name, run: runner, tool }) => {
  const cwd = folder(name.replace(" ", "-"))
  if (tool === undefined) {
    await must("npm install", npm(["install", "--no-audit", "--no-fund", packed, ...line], { ...bound, cwd }))
  } else {
    if ((await npx([tool, "--version"], cwd)).code !== 0) return `${name}: left out, it cannot be had here`
    writeFileSync(join(cwd, "yarn.lock"), "")
    const { code, output } = await npx([tool, "add", `effect-pogo@file:${packed}`, ...line], cwd)
    if (code !== 0 && unreachable.test(output)) return `${name}: left out, it cannot reach its registry`
    if (code !== 0) throw new Error(`${output}\n${name} add failed`)
  }
  const started = runner === undefined || tool === undefined
    ? run(process.execPath, ["smoke.mjs"], { ...bound, cwd })
    : npx([tool, ...(runner === "" ? [] : [runner]), "smoke.mjs"], cwd)
  cameToItsEnd(name, await must(`the program by ${name}`, started))
  return `${name}: ok`
}

/** @param {string} version */
const besideEffect = async (version) => {
  const cwd = await installed(join(temp, `effect-${version}`), { effect: version, "effect-pogo": packed })
  cpSync(join(root, ".ci", "consumer", "smoke.mjs"), join(cwd, "smoke.mjs"))
  const output = await must(`effect ${version}`, run(process.execPath, ["smoke.mjs"], { ...bound, cwd }))
  cameToItsEnd(`effect ${version}`, output)
  return `effect ${version}: ok`
}

const besideEffect4 = async () => {
  const cwd = folder("effect-4")
  const args = ["install", "--no-audit", "--no-fund", "--legacy-peer-deps", packed, "effect@4"]
  await must("npm install of effect 4", npm(args, { ...bound, cwd }))
  const { code, output } = await run(process.execPath, ["smoke.mjs"], { ...bound, cwd })
  if (code === 0 || !output.includes("effect-pogo-needs-effect-3--npm-install-effect@3")) {
    throw new Error(`${output}\nbeside Effect 4 the message does not say what is needed`)
  }
  return "effect 4: told"
}

const tries = [
  ...managers.map((manager) => () => byManager(manager)),
  ...["~3.17.0", "~3.19.0", "~3.21.0"].map((version) => () => besideEffect(version)),
  besideEffect4
]
for (const one of tries) {
  try {
    console.log(await one())
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
