/** The rules of imports and names are held by `.ci/modules.mjs`: what breaks them must be found. */
import { describe, expect, it } from "@effect/vitest"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { type Room, rooms } from "../.ci/module-rules.mjs"
import { complain, examine } from "../.ci/modules.mjs"

/** What is found in modules that are planted in a folder of their own. */
const planted = (files: { readonly [path: string]: string }, checked: ReadonlyArray<Room> = rooms) => {
  const folder = mkdtempSync(join(tmpdir(), "pogo-modules-"))
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    return examine(folder, checked)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe("the check of modules", () => {
  it("is content with imports downwards", () => {
    const found = planted({
      "internal/plan/a.ts": `import * as Effect from "effect/Effect"\nimport { b } from "../replica/b.js"\nb(Effect)`,
      "internal/replica/b.ts": "export const b = (value: unknown) => value"
    })
    expect(complain(found)).toEqual([])
  })

  it.each([
    [
      "values",
      `import { b } from "./b.js"\nexport const a = b`,
      `import { a } from "./a.js"\nexport const b = () => a`
    ],
    [
      "types",
      `import type { B } from "./b.js"\nexport interface A { b: B }`,
      `import type { A } from "./a.js"\nexport interface B { a: A }`
    ],
    [
      "types that are re-exported",
      `export type { B } from "./b.js"`,
      `import { type A } from "./a.js"\nexport type B = A`
    ],
    ["everything that is re-exported", `export * from "./b.js"`, `export * as a from "./a.js"`],
    [
      "types that are named where they are used",
      `export type A = import("./b.js").B`,
      `import type { A } from "./a.js"\nexport type B = A`
    ],
    ["what is loaded late", `export const a = () => import("./b.js")`, `export * from "./a.js"`]
  ])("finds a circle of %s", (_, a, b) => {
    const found = planted({ "internal/plan/a.ts": a, "internal/plan/b.ts": b })
    expect(found.circles).toEqual([["internal/plan/a.ts", "internal/plan/b.ts"]])
    expect(complain(found)).toEqual(["circle: internal/plan/a.ts, internal/plan/b.ts"])
  })

  it("finds a circle over several rooms, and leaves out what only leads to it", () => {
    const found = planted({
      "Pogo.ts": `import "./internal/make.js"`,
      "internal/make.ts": `import type { A } from "./node/a.js"\nexport type M = A`,
      "internal/node/a.ts": `import type { C } from "../plan/c.js"\nexport type A = C`,
      "internal/plan/c.ts": `import type { M } from "../make.js"\nexport type C = M`
    })
    expect(found.circles).toEqual([["internal/make.ts", "internal/node/a.ts", "internal/plan/c.ts"]])
  })

  it.each([
    ["a value", `import { n } from "../node/n.js"\nexport const p = n`],
    ["a type", `import type { N } from "../node/n.js"\nexport type P = N`],
    ["a type that is named where it is used", `export type P = import("../node/n.js").N`]
  ])("finds %s that is imported upwards", (_, text) => {
    const found = planted({ "internal/plan/p.ts": text, "internal/node/n.ts": "export const n = 1\nexport type N = 1" })
    expect(complain(found)).toEqual([
      "internal/plan/p.ts (plan) may not import internal/node/n.ts (node)"
    ])
  })

  it.each([
    ["internal/replica/a.ts", "ioredis"],
    ["internal/registry/a.ts", "node:crypto"],
    ["internal/runtime/hash.ts", "node:crypto"],
    ["internal/plan/a.ts", "@effect/rpc/Rpc"],
    ["internal/redis/a.ts", "@effect/platform-node/NodeSocket"],
    ["internal/calls/a.ts", "ws"],
    ["internal/calls/a.ts", "@effect/rpc"],
    ["internal/kind/a.ts", "effect"],
    ["internal/node/a.ts", "effect-pogo/Pogo"],
    ["internal/transport/a.ts", "@effect/platform"]
  ])("finds that %s imports %s", (path, name) => {
    expect(planted({ [path]: `import type { A } from "${name}"\nexport type B = A` }).imports).toHaveLength(1)
  })

  it.each(["index", "PogoTest"])("finds that a module imports %s", (name) => {
    const text = `import type * as All from "../${name}.js"\nexport type B = typeof All`
    expect(planted({ "internal/make.ts": text, [`${name}.ts`]: "export {}" }).imports).toHaveLength(1)
  })

  it("finds a file that is in no room, and rooms that are out of order", () => {
    expect(planted({ "internal/cellar/a.ts": "export {}" }).imports).toEqual(["internal/cellar/a.ts is in no room"])
    const disordered = [
      { name: "low", files: ["low/"], imports: ["high"], packages: [] },
      { name: "high", files: ["high/"], imports: ["low"], packages: [] }
    ]
    expect(planted({}, disordered).imports).toEqual(["low: high is no lower room"])
  })

  it.each([
    ["logs by Effect itself", `Effect.logWarning("x")`, "Effect.logWarning: logWarning"],
    ["hands Effect's logging on", `[1].map(Effect.logInfo)`, "Effect.logInfo: logInfo"],
    ["prints a cause", "Cause.pretty(cause)", "Cause.pretty: printCause"],
    ["makes a text of an error", "String(error)", "String(error): printError"],
    ["puts an error into a text", "`x: ${defect}`", "${defect}: printError"],
    ["reads an error's message", "console.log(error.message)", "error.message: printError"],
    ["observes a fiber", "fiber.addObserver(() => {})", "addObserver: observe, or forkUser"]
  ])("finds that a module %s", (_, text, what) => {
    const past = (path: string) => planted({ [path]: text }).past
    expect(past("internal/supervisor/a.ts")).toEqual([
      `internal/supervisor/a.ts gets past internal/runtime/userCode.ts by ${what}`
    ])
    expect(complain(planted({ "internal/calls/a.ts": text })).length).toBe(1)
    expect(past("internal/runtime/userCode.ts")).toEqual([])
    // Of servers' and sockets' errors nothing is a user's; their lines go to a user's loggers.
    expect(past("internal/redis/a.ts").length).toBe(what.startsWith("Effect.") ? 1 : 0)
  })

  it("finds names of files and types that are there twice", () => {
    const found = planted({
      "internal/plan/a.ts": "export interface Same {}\ntype Other = 1\nexport const other: Other = 1",
      "internal/replica/a.ts": "class Same {}\nexport const a = Same",
      "internal/replica/Placement.ts": "export type Once = 1",
      "internal/plan/placement.ts": "export const once = 1"
    })
    expect(found.names).toEqual([
      "file a.ts: internal/plan/a.ts, internal/replica/a.ts",
      "type Same: internal/plan/a.ts, internal/replica/a.ts",
      "file placement.ts: internal/plan/placement.ts, internal/replica/Placement.ts"
    ])
  })
})

describe("the documentation", () => {
  const pages = ["README.md", "CONTRIBUTING.md", ...readdirSync("docs").map((name) => `docs/${name}`)]
    .filter((name) => name.endsWith(".md"))
  const folders = [".", "src", "src/internal", "src/internal/calls", "src/internal/redis", "src/internal/redis/lua"]

  it.each(pages)("of %s names files that are there", (page) => {
    const text = readFileSync(page, "utf8").replace(/^```[^]*?^```/gm, "")
    const named = Array.from(text.matchAll(/`([\w.-]+(?:\/[\w.-]+)+\.(?:ts|lua|mjs))`/g), ([, path]) => path!)
    const missing = named.filter((path) => !path.includes("NAME"))
      .filter((path) => !folders.some((folder) => existsSync(join(folder, path))))
    expect(missing).toEqual([])
  })
})
