/** Builds the program `effect-pogo`: one file with all that it needs, since each file costs time when it is imported. */
import { build } from "esbuild"
import { join } from "node:path"
import { readJson, root } from "./lib.mjs"

/** What bundled packages of CommonJS ask for. */
const banner =
  "#!/usr/bin/env node\nimport { createRequire } from \"node:module\"\nconst require = createRequire(import.meta.url)"

/**
 * @param {string} outfile
 * @returns {Promise<number>} its size in bytes
 */
export const buildCli = async (outfile) => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/internal/cli/main.ts"],
    outfile,
    bundle: true,
    minify: true,
    keepNames: true,
    metafile: true,
    format: "esm",
    platform: "node",
    target: "node20",
    banner: { js: banner },
    define: { POGO_VERSION: JSON.stringify(readJson(join(root, "package.json")).version) },
    logLevel: "warning"
  })
  return Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0)
}
