/**
 * Builds `dist` from scratch, so that no file of an earlier build is ever published: types by TypeScript, code bundled
 * into few files, since each costs time when it is imported; and the program `effect-pogo`.
 */
import { build } from "esbuild"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { buildCli } from "./cli.mjs"
import { buildDashboard } from "./dashboard.mjs"
import { bin, node, root } from "./lib.mjs"

rmSync(join(root, "dist"), { recursive: true, force: true })
const { code } = await node(bin("typescript", "tsc"), ["-p", "tsconfig.build.json", "--emitDeclarationOnly"])
if (code !== 0) process.exit(1)
const entries = readdirSync(join(root, "src")).filter((name) => name.endsWith(".ts"))
await build({
  absWorkingDir: root,
  entryPoints: entries.map((name) => `src/${name}`),
  // An entry that has all others: their code is shared then, and lies in the folder below.
  stdin: { contents: entries.map((name, i) => `export * as _${i} from "./src/${name}"`).join("\n"), resolveDir: root },
  outdir: "dist",
  bundle: true,
  splitting: true,
  // Where the package lets nobody in. Node resolves every import before it runs the first line, so that no code of ours
  // can say that the `effect` found is version 4, where modules are missing. The path of the importing file says it.
  chunkNames: "internal/effect-pogo-needs-effect-3--npm-install-effect@3/[hash]",
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  logLevel: "warning"
})
for (const name of ["stdin.js", "stdin.js.map"]) rmSync(join(root, "dist", name))
await buildCli(join(root, "dist", "internal", "cli.js"))
await buildDashboard()
