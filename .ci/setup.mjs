/** Installs the dependencies when they are missing or older than the lock file. Says nothing when all is well. */
import { existsSync, statSync } from "node:fs"
import { join } from "node:path"
import { npm, root } from "./lib.mjs"

const lock = join(root, "package-lock.json")
// npm writes this file last, so a half-done install does not count.
const installed = join(root, "node_modules", ".package-lock.json")

const upToDate = () => existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs

const major = Number(process.versions.node.split(".")[0])
if (major < 20) {
  console.error(`effect-pogo needs Node 20 or newer; this is ${process.version}`)
  process.exit(1)
}

if (!upToDate()) {
  console.log("installing dependencies (npm ci) ...")
  // Development dependencies are wanted whatever NODE_ENV says.
  const { code, output } = await npm(["ci", "--include=dev", "--no-audit", "--no-fund"], {
    capture: true
  })
  if (code !== 0) {
    console.error(output)
    console.error("npm ci failed: the messages above say why")
    process.exit(1)
  }
}
