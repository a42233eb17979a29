/**
 * `npm run lua`: writes `scripts.generated.ts` from the Lua files beside it. With `--check` it writes nothing and fails
 * when that file is stale.
 *
 * A line `-- @include shared/name.lua` stands for the text of that file; one that a script has already is left out.
 * Comments become empty lines and indentation goes, so that a script is small and its lines are still those of the
 * files: a piece is called after the line where it begins, `claim.lua:12`, and each of its lines is one of that file.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { root } from "./lib.mjs"

/**
 * @typedef {object} LuaSource
 * @property {Record<string, string>} pieces text by `file:line`
 * @property {Record<string, ReadonlyArray<string>>} commands the pieces of each command's script, in order
 */

const redis = join(root, "src", "internal", "redis")
export const luaFolder = join(redis, "lua")
const target = join(redis, "scripts.generated.ts")

/** What no line may have. */
const rules = [
  { wrong: /\[=*\[/, says: "a long bracket: the lines of a text or comment inside could not be told from code" },
  { wrong: /^.{121}/, says: "more than 120 characters" },
  { wrong: /^(?!-- @include \S+$).*@include/, says: "an include of another form than `-- @include shared/name.lua`" }
]

/** What the header of a command has to name. */
const header = /^-- \S[^]*\n-- KEYS {3}\S[^]*\n-- ARGV {3}\S[^]*\n-- Reply {2}\S/

/** @param {string} line */
const included = (line) => /^-- @include (\S+)$/.exec(line)?.[1]

/** @param {string} line */
const stripped = (line) => line.trimStart().startsWith("--") ? "" : line.trim()

/**
 * @param {string} folder
 * @returns {LuaSource}
 */
export const readLua = (folder = luaFolder) => {
  /** @type {LuaSource["pieces"]} */
  const pieces = {}
  /** @type {Set<string>} */
  const used = new Set()

  /** @param {string} file */
  const linesOf = (file) => {
    used.add(file)
    const lines = readFileSync(join(folder, file), "utf8").split("\n")
    for (const { says, wrong } of rules) {
      const at = lines.findIndex((line) => wrong.test(line))
      if (at !== -1) throw new Error(`lua/${file}:${at + 1} has ${says}`)
    }
    return lines
  }

  /**
   * The pieces of a file and of those that it includes.
   *
   * @param {string} file
   * @param {Set<string>} seen
   * @returns {ReadonlyArray<string>}
   */
  const expand = (file, seen) => {
    if (seen.has(file)) return []
    seen.add(file)
    /** @type {Array<string>} */
    const names = []
    /** @type {Array<string>} */
    let lines = []
    let first = 1
    /** Ends a piece before a line. @param {number} next */
    const cut = (next) => {
      const from = lines.findIndex((line) => line !== "")
      const name = `${file}:${first + from}`
      if (from !== -1) {
        names.push(name)
        pieces[name] = `${lines.slice(from, lines.findLastIndex((line) => line !== "") + 1).join("\n")}\n`
      }
      first = next
      lines = []
    }
    for (const [index, line] of linesOf(file).entries()) {
      const inner = included(line)
      if (inner === undefined) {
        lines.push(stripped(line))
        continue
      }
      cut(index + 2)
      names.push(...expand(inner, seen))
    }
    cut(0)
    return names
  }

  const files = readdirSync(folder).filter((name) => name.endsWith(".lua")).toSorted()
  const commands = Object.fromEntries(files.map((file) => {
    if (!header.test(linesOf(file).join("\n"))) throw new Error(`lua/${file} lacks a header with KEYS, ARGV and Reply`)
    return [file.replace(/\.lua$/, ""), expand(file, new Set())]
  }))
  for (const name of readdirSync(join(folder, "shared"))) {
    if (!used.has(`shared/${name}`)) throw new Error(`nothing includes lua/shared/${name}`)
  }
  return { pieces, commands }
}

/** @param {LuaSource} source */
const render = ({ commands, pieces }) => {
  const texts = Object.entries(pieces).map(([name, text]) =>
    `  "${name}": \`${text.replaceAll(/[`\\]|\$(?=\{)/g, "\\$&")}\``
  )
  const lists = Object.entries(commands).map(([name, list]) =>
    `  ${name}: [\n${list.map((piece) => `    "${piece}"`).join(",\n")}\n  ]`
  )
  return `/**
 * The texts of the Lua files and what each command's script consists of. Written by \`npm run lua\`: do not edit.
 *
 * @internal
 */

/** Texts by file and first line. */
export const pieces: { readonly [piece: string]: string } = {
${texts.join(",\n")}
}

/** The pieces of each command's script, in order. */
export const commands = {
${lists.join(",\n")}
}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fresh = render(readLua())
  if (!process.argv.includes("--check")) {
    writeFileSync(target, fresh)
  } else if (readFileSync(target, "utf8") !== fresh) {
    console.error("src/internal/redis/scripts.generated.ts is stale: run `npm run lua`")
    process.exitCode = 1
  }
}
