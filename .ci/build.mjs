/**
 * Builds `dist` from scratch, so that no file of an earlier build is ever published: types by TypeScript, code bundled
 * into few files, since each costs time when it is imported.
 */
import { build } from "esbuild"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { bin, node, root } from "./lib.mjs"

rmSync(join(root, "dist"), { recursive: true, force: true })
const { code } = await node(bin("typescript", "tsc"), ["-p", "tsconfig.build.json", "--emitDeclarationOnly"])
if (code !== 0) process.exit(1)
await build({
  absWorkingDir: root,
  entryPoints: readdirSync(join(root, "src")).filter((name) => name.endsWith(".ts")).map((name) => `src/${name}`),
  outdir: "dist",
  bundle: true,
  splitting: true,
  // Where the package lets nobody in.
  chunkNames: "internal/[hash]",
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  logLevel: "warning"
})
