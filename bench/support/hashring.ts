/**
 * The npm package `hashring`, for comparison only: installed into a folder of its own when it is asked for.
 */
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"

interface Ring {
  readonly get: (key: string) => string
}

const install = (folder: string): Promise<boolean> =>
  new Promise((resolve) => {
    const args = ["install", "--silent", "--no-save", "--no-package-lock", "--ignore-scripts", "--prefix", folder]
    const npm = spawn("npm", [...args, "hashring@3.2.0"], { stdio: "ignore", timeout: 30_000 })
    npm.on("error", () => resolve(false))
    npm.on("exit", (code) => resolve(code === 0))
  })

/** `undefined` where it cannot be had. */
export const hashring = async (): Promise<((nodes: ReadonlyArray<string>) => (key: string) => string) | undefined> => {
  const folder = join(tmpdir(), "pogo-bench-hashring")
  const load = createRequire(join(folder, "node_modules", "from.cjs"))
  const get = () => {
    try {
      return load("hashring") as new(nodes: ReadonlyArray<string>) => Ring
    } catch {
      return undefined
    }
  }
  const HashRing = get() ?? (await install(folder) ? get() : undefined)
  if (HashRing === undefined) return undefined
  return (nodes) => {
    const ring = new HashRing(nodes)
    return (key) => ring.get(key)
  }
}
