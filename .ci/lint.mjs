/** Everything that reads the code without running it, but for the type check. Arguments go to oxlint (`--fix`). */
import { join } from "node:path"
import { bin, node, root } from "./lib.mjs"

const steps = [
  // The module with the scripts is what the Lua files say.
  { script: join(root, ".ci", "lua.mjs"), args: ["--check"] },
  { script: bin("oxlint"), args: process.argv.slice(2) },
  // Import circles, imports upwards, names that exist twice.
  { script: join(root, ".ci", "modules.mjs"), args: [] },
  // Effects that are made and never run, services left open, and the like.
  {
    script: bin("@effect/tsgo", "effect-tsgo"),
    args: ["diagnostics", "--project", "tsconfig.json", "--format", "text"]
  },
  // Files, exports and dependencies that nothing uses.
  { script: bin("knip"), args: ["--no-progress"] }
]

let failed = false
for (const { args, script } of steps) {
  const { code } = await node(script, args)
  failed ||= code !== 0
}
process.exit(failed ? 1 : 0)
