/**
 * Whoever has the package, and no clone, can follow the links of its pages: each leads to a file that is packed, and to a
 * heading that is there.
 */
import { expect, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: ReadonlyArray<string> }

const isPacked = (path: string): boolean => files.some((name) => path === name || path.startsWith(`${name}/`))

const pages = files.flatMap((name) => {
  if (!existsSync(join(root, name)) || !statSync(join(root, name)).isDirectory()) return [name]
  return readdirSync(join(root, name), { recursive: true, encoding: "utf8" }).map((path) => join(name, path))
}).filter((path) => /\.md$|^llms\.txt$/.test(path) && !path.includes("node_modules"))

/** Text outside of code, where links are links. */
const prose = (path: string): string =>
  readFileSync(join(root, path), "utf8").replaceAll(/^(```+|~~~+).*?^\1/gms, "").replaceAll(/`[^`\n]*`/g, "")

/** The anchors of a page, as GitHub makes them of its headings. */
const anchorsOf = (path: string): ReadonlySet<string> =>
  new Set(
    [...readFileSync(join(root, path), "utf8").replaceAll(/^```.*?^```/gms, "").matchAll(/^#+ (.*)$/gm)].map((
      [, heading]
    ) => heading!.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(" ", "-"))
  )

const problemsOf = (page: string): ReadonlyArray<string> =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
    if (/^[a-z]+:/.test(link!)) return []
    const [file = "", anchor] = link!.split("#")
    const target = file === "" ? page : relative(root, join(root, dirname(page), file))
    if (!existsSync(join(root, target))) return [`${page}: ${link} does not exist`]
    if (!isPacked(target)) return [`${page}: ${link} is not packed`]
    if (anchor === undefined || !target.endsWith(".md") || anchorsOf(target).has(anchor)) return []
    return [`${page}: ${link} has no such heading`]
  })

it("every link of a packed page leads to a packed file, and to a heading of it", () => {
  expect(pages).toEqual(expect.arrayContaining(["README.md", "AGENTS.md", "llms.txt", join("docs", "operations.md")]))
  expect(pages.flatMap(problemsOf)).toEqual([])
})
