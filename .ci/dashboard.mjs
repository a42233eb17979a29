/**
 * Builds the page into `dist/dashboard`: `index.html`, `app.js`, `app.css`. All urls in it are relative, so that it works
 * below any path.
 */
import { build } from "esbuild"
import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { argv } from "node:process"
import { pathToFileURL } from "node:url"
import { minify } from "terser"
import { root } from "./lib.mjs"

const source = join(root, "src", "internal", "dashboard")

/** The files of the page, as they are served. */
export const pageFiles = /** @type {const} */ (["index.html", "app.js", "app.css"])

/**
 * @param {string} [folder] where to
 */
export const buildDashboard = async (folder = join(root, "dist", "dashboard")) => {
  await build({
    absWorkingDir: root,
    entryPoints: ["main.tsx", "app.css"].map((name) => ({ in: join(source, name), out: "app" })),
    outdir: folder,
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    // Browsers with light-dark(), :has() and AbortSignal.any().
    target: ["chrome125", "firefox128", "safari17.5"],
    // A call of `h` is shorter than one of the JSX runtime, which is what the types know.
    jsx: "transform",
    jsxFactory: "h",
    jsxFragment: "Fragment",
    inject: [join(source, "tags.ts")],
    tsconfigRaw: {},
    legalComments: "none",
    charset: "utf8",
    logLevel: "warning"
  })
  // What esbuild leaves, since it looks at a script once: 3 % of it.
  const script = join(folder, "app.js")
  const { code } = await minify(readFileSync(script, "utf8"), { ecma: 2020, toplevel: true, compress: { passes: 3 } })
  if (code === undefined) throw new Error(`${script} has no code`)
  writeFileSync(script, code)
  copyFileSync(join(source, "index.html"), join(folder, "index.html"))
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) await buildDashboard()
