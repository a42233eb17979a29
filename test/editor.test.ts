/**
 * What an editor shows: every export of a public module, and every overload, has words.
 */
import { readdirSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync, type Statement } from "oxc-parser"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { LanguageServer } from "./support/languageServer.js"

let server: LanguageServer
beforeAll(async () => {
  server = await LanguageServer.start()
})
afterAll(() => server.stop())

const src = fileURLToPath(new URL("../src", import.meta.url))

const modules = readdirSync(src).filter((file) => file.endsWith(".ts") && file !== "index.ts").map((file) => {
  const { program } = parseSync(file, readFileSync(join(src, file), "utf8"))
  return { module: basename(file, ".ts"), exported: program.body.flatMap(exportsOf) }
})

/** Names that a statement exports, and how many call signatures each has where they are written out. */
function exportsOf(statement: Statement): ReadonlyArray<{ readonly name: string; readonly overloads: number }> {
  if (statement.type !== "ExportNamedDeclaration") return []
  const { declaration, specifiers } = statement
  if (declaration === null) {
    return specifiers.map(({ exported }) => ({
      name: "name" in exported ? exported.name : exported.value,
      overloads: 0
    }))
  }
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.flatMap(({ id }) => {
      if (id.type !== "Identifier") return []
      const type = id.typeAnnotation?.typeAnnotation
      const members = type?.type === "TSTypeLiteral" ? type.members : []
      return [{
        name: id.name,
        overloads: members.filter((member) => member.type === "TSCallSignatureDeclaration").length
      }]
    })
  }
  return "id" in declaration && declaration.id?.type === "Identifier"
    ? [{ name: declaration.id.name, overloads: 0 }]
    : []
}

const importOf = (module: string) => `import * as ${module} from "effect-pogo/${module}"\n`

/** Text of a documentation without its tags. */
const wordsOf = (text: string) => text.split(/^\*?@\w+/m)[0]!.replace(/\*@.*$/gm, "").trim()

describe("an editor shows", () => {
  const ways: ReadonlyArray<readonly [name: string, call: string, words: RegExp]> = [
    ["Child.make", "(\"Poller\", { payload: {} })", /Declares a kind of children/],
    ["Pogo.layer", "({ scope: \"shop\" })", /supervisor as a layer/],
    ["Pogo.startChild", "(spec)", /Registers a child, .*kept running/s],
    ["GroupRegistryRedis.layer", "({ url: \"redis://localhost\" })", /registry on Redis/],
    ["Restart.permanent", "()", /always restarted/]
  ]
  const names = ["Child", "Pogo", "GroupRegistryRedis", "Restart"]
  const text = `${names.map(importOf).join("")}declare const spec: import("effect-pogo/ChildSpec").Draft\n${
    ways.map(([name, call]) => `${name}${call}\n`).join("")
  }`

  for (const [name, , words] of ways) {
    it(`what ${name} does, with an example`, async () => {
      const shown = await server.open(text).hover(name)
      expect(shown).toMatch(words)
      expect(shown).toMatch(/@example.*```ts/s)
    })
  }

  it("Child.make without an Rpc and with some: each overload's own example", async () => {
    const document = server.open(
      `${importOf("Child")}Child.make("a", { payload: {} })\n;[Child.make("b", { payload: {}, protocol: [] })]\n`
    )
    expect(await document.hover("\nChild.make")).toContain("HeartbeatLive")
    expect(await document.hover("[Child.make")).toContain("CounterLive")
  })
})

describe.each(modules)("the module $module", ({ exported, module }) => {
  it("says what each of its exports is", async () => {
    const document = server.open(
      `${importOf(module)}${
        exported.map(({ name }) => `type _${name} = ${module}.${name}\nvoid ${module}.${name}\n`).join("")
      }`
    )
    const silent: Array<string> = []
    for (const { name } of exported) {
      const shown = [await document.hover(`void ${module}.${name}`), await document.hover(`= ${module}.${name}`)]
      const words = shown.map(wordsOf).join("")
      if (words === "" || words.includes("See `")) silent.push(name)
    }
    expect(exported.length).toBeGreaterThan(0)
    expect(silent).toEqual([])
  })

  const overloaded = exported.filter(({ overloads }) => overloads > 0)
  for (const { name, overloads } of overloaded) {
    it(`says what each overload of ${name} does`, async () => {
      const shown = await server.open(`${importOf(module)}${module}.${name}(`).signatures(`${module}.${name}(`)
      expect(shown.length).toBe(overloads)
      expect(shown.filter(({ text }) => wordsOf(text) === "").map(({ label }) => label)).toEqual([])
    })
  }
})
