/** Builds `dist` from scratch, so that no file of an earlier build is ever published. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { bin, node, root } from "./lib.mjs"

rmSync(join(root, "dist"), { recursive: true, force: true })
const { code } = await node(bin("typescript", "tsc"), ["-p", "tsconfig.build.json"])
process.exit(code === 0 ? 0 : 1)
