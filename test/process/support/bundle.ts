/**
 * The processes' code in one file: some fifty processes are started, and to load it from its hundreds of modules would
 * take most of the time.
 */
import { mkdirSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

interface Bundler {
  readonly buildSync: (options: object) => unknown
}

const here = createRequire(import.meta.url)

/** The bundler that `tsx` brings along. */
const bundler = (): Bundler => createRequire(here.resolve("tsx"))("esbuild") as Bundler

const root = fileURLToPath(new URL("../../..", import.meta.url))

const build = (): string => {
  const folder = join(root, "node_modules", ".cache", "pogo-test")
  mkdirSync(folder, { recursive: true })
  const outfile = join(folder, `app-${process.pid}.mjs`)
  bundler().buildSync({
    entryPoints: [fileURLToPath(new URL("./app.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile,
    external: ["ioredis"],
    tsconfig: join(root, "tsconfig.json"),
    sourcemap: "inline",
    banner: { js: "import { createRequire } from \"node:module\"; const require = createRequire(import.meta.url);" },
    logLevel: "warning"
  })
  return outfile
}

let built: string | undefined

/** The file to run; it is made anew once in each test run. */
export const appFile = (): string => (built ??= build())
