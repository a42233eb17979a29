/**
 * Reads every module of `src` and holds it to the rules of `module-rules.mjs`: no import circles (types count), no import
 * upwards or of a package that is none of a room's business, no name twice; and nobody prints, logs or observes what is
 * a user's, but by the module that is the boundary to it.
 *
 * Oxlint cannot do it: its `import/no-cycle` misses `import("./x.js").Type`, and restricted imports are told by path.
 * Dependency-cruiser reads TypeScript by way of TypeScript's own API, which version 7 has no more.
 */
import { readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join, posix, sep } from "node:path"
import { argv } from "node:process"
import { pathToFileURL } from "node:url"
import { parseSync, Visitor } from "oxc-parser"
import { root } from "./lib.mjs"
import { rooms } from "./module-rules.mjs"

/**
 * @typedef {import("./module-rules.mjs").Room} Room
 *
 * @typedef {object} Module
 * @property {ReadonlySet<string>} specifiers everything that is imported, for its values or its types
 * @property {ReadonlyArray<string>} types names of the types and classes that are declared at the top
 * @property {ReadonlyArray<string>} past what gets past the boundary to users' code
 *
 * @typedef {object} Findings
 * @property {ReadonlyArray<ReadonlyArray<string>>} circles files that reach one another by imports
 * @property {ReadonlyArray<string>} imports
 * @property {ReadonlyArray<string>} names
 * @property {ReadonlyArray<string>} past
 */

const declarations = new Set([
  "TSInterfaceDeclaration",
  "TSTypeAliasDeclaration",
  "ClassDeclaration",
  "TSEnumDeclaration"
])

/** Functions that run or print what is a user's, and what to use in their place. */
const unguarded = new Map(
  Object.entries({
    "Cause.pretty": "printCause",
    "Cause.prettyErrors": "printCause",
    "Effect.log": "logInfo",
    "Effect.logTrace": "logDebug",
    "Effect.logDebug": "logDebug",
    "Effect.logInfo": "logInfo",
    "Effect.logWarning": "logWarning",
    "Effect.logError": "logError",
    "Effect.logFatal": "logError",
    "Effect.logWithLevel": "logError",
    "Effect.ignoreLogged": "ignoreLogged"
  })
)

/** Names of variables that hold what somebody threw. */
const isError = /^(e|err|error|cause|defect|exception|thrown)$/

/**
 * @param {import("oxc-parser").Expression | import("oxc-parser").Argument} node
 * @returns {string} the name of a variable; empty for anything else
 */
const variable = (node) => (node.type === "Identifier" ? node.name : "")

/**
 * What a module runs or prints by itself that may be a user's.
 *
 * @param {import("oxc-parser").Program} program
 */
const findPast = (program) => {
  /** @type {Array<string>} */
  const found = []
  new Visitor({
    CallExpression: ({ arguments: [first], callee }) => {
      if (
        callee.type === "Identifier" && callee.name === "String" && first !== undefined && isError.test(variable(first))
      ) {
        found.push(`String(${variable(first)}): printError`)
      }
      if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return
      if (callee.property.name === "addObserver") found.push("addObserver: observe, or forkUser")
    },
    MemberExpression: ({ object, property }) => {
      if (property.type !== "Identifier") return
      const name = `${variable(object)}.${property.name}`
      const instead = unguarded.get(name)
      if (instead !== undefined) found.push(`${name}: ${instead}`)
      if (isError.test(variable(object)) && /^(message|stack)$/.test(property.name)) found.push(`${name}: printError`)
    },
    TemplateLiteral: ({ expressions }) => {
      // What is named `cause` in a text is a cause that was printed.
      for (const one of expressions) {
        if (isError.test(variable(one)) && variable(one) !== "cause") found.push(`\${${variable(one)}}: printError`)
      }
    }
  }).visit(program)
  return found
}

/**
 * @param {string} path
 * @param {string} text
 * @returns {Module}
 */
const read = (path, text) => {
  const { errors, program } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`)
  /** @type {Set<string>} */
  const specifiers = new Set()
  /** @param {{ source: { type: string, value?: unknown } | null }} node */
  const add = ({ source }) => {
    if (typeof source?.value === "string") specifiers.add(source.value)
  }
  new Visitor({
    ImportDeclaration: add,
    ExportNamedDeclaration: add,
    ExportAllDeclaration: add,
    ImportExpression: add,
    TSImportType: add
  }).visit(program)
  /** @type {Set<string>} */
  const types = new Set()
  for (const statement of program.body) {
    const declared = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement
    if (
      declared !== null && declarations.has(declared.type) && "id" in declared && declared.id?.type === "Identifier"
    ) {
      types.add(declared.id.name)
    }
  }
  return { specifiers, types: [...types], past: findPast(program) }
}

/**
 * @param {string} src
 * @returns {ReadonlyMap<string, Module>} by path below the folder, with slashes
 */
const readAll = (src) =>
  new Map(
    readdirSync(src, { recursive: true, encoding: "utf8" })
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => file.split(sep).join("/"))
      .sort()
      .map((path) => [path, read(path, readFileSync(join(src, path), "utf8"))])
  )

/**
 * The module that a relative specifier means.
 *
 * @param {ReadonlyMap<string, Module>} modules
 * @param {string} from
 * @param {string} specifier
 */
const target = (modules, from, specifier) => {
  const path = posix.join(dirname(from), specifier).replace(/\.js$/, ".ts")
  return modules.has(`${path}x`) ? `${path}x` : path
}

/**
 * Strongly connected components of more than one file: Tarjan, "Depth-first search and linear graph algorithms" (1972).
 *
 * @param {ReadonlyMap<string, Module>} modules
 */
const findCircles = (modules) => {
  /** @type {Map<string, number>} */
  const index = new Map()
  /** @type {Map<string, number>} */
  const lowest = new Map()
  /** @type {Array<string>} */
  const stack = []
  /** @type {Array<ReadonlyArray<string>>} */
  const circles = []
  /** @param {string} path */
  const visit = (path) => {
    const own = index.size
    index.set(path, own)
    let low = own
    stack.push(path)
    for (const specifier of modules.get(path)?.specifiers ?? []) {
      const next = target(modules, path, specifier)
      if (!specifier.startsWith(".") || !modules.has(next)) continue
      if (!index.has(next)) low = Math.min(low, visit(next))
      else if (stack.includes(next)) low = Math.min(low, index.get(next) ?? low)
    }
    lowest.set(path, low)
    if (low === own) {
      const circle = stack.splice(stack.indexOf(path))
      if (circle.length > 1 || modules.get(path)?.specifiers.has(`./${basename(path).replace(/\.tsx?$/, "")}.js`)) {
        circles.push(circle.sort())
      }
    }
    return low
  }
  for (const path of modules.keys()) if (!index.has(path)) visit(path)
  return circles
}

/**
 * @param {ReadonlyArray<Room>} rooms
 * @param {string} path
 */
const roomOf = (rooms, path) =>
  rooms.find(({ files }) => files.some((file) => (file.endsWith("/") ? path.startsWith(file) : path === file)))

/**
 * @param {Room} room
 * @param {string} specifier
 */
const mayUse = (room, specifier) =>
  room.packages.some((name) =>
    (name.endsWith(":") ? specifier.startsWith(name) : specifier.startsWith(`${name}/`)) ||
    (name === specifier && !barrels.has(name))
  )

/** Packages whose root loads everything: only their submodules are imported. */
const barrels = new Set(["effect", "@effect/platform", "@effect/platform-node", "@effect/rpc"])

/**
 * @param {ReadonlyArray<Room>} rooms
 * @param {ReadonlyMap<string, Module>} modules
 */
const findImports = (rooms, modules) => {
  /** @type {Array<string>} */
  const found = []
  for (const [i, { imports, name }] of rooms.entries()) {
    for (const other of imports) {
      if (!rooms.slice(0, i).some((lower) => lower.name === other)) found.push(`${name}: ${other} is no lower room`)
    }
  }
  for (const [path, { specifiers }] of modules) {
    const room = roomOf(rooms, path)
    if (room === undefined) {
      found.push(`${path} is in no room`)
      continue
    }
    for (const specifier of specifiers) {
      if (!specifier.startsWith(".")) {
        if (!mayUse(room, specifier)) found.push(`${path} (${room.name}) may not import ${specifier}`)
        continue
      }
      const other = roomOf(rooms, target(modules, path, specifier))
      if (other === undefined || (other !== room && !room.imports.includes(other.name))) {
        found.push(
          `${path} (${room.name}) may not import ${target(modules, path, specifier)} (${other?.name ?? "no room"})`
        )
      }
    }
  }
  return found
}

/** @param {ReadonlyMap<string, Module>} modules */
const findNames = (modules) => {
  /** @type {Map<string, Array<string>>} */
  const places = new Map()
  /**
   * @param {string} name
   * @param {string} path
   */
  const add = (name, path) => {
    places.set(name, [...places.get(name) ?? [], path])
  }
  for (const [path, { types }] of modules) {
    // Where letters of both cases are the same, so are such files.
    add(`file ${basename(path).toLowerCase()}`, path)
    for (const type of types) add(`type ${type}`, path)
  }
  return [...places].flatMap(([name, paths]) => (paths.length > 1 ? [`${name}: ${paths.join(", ")}`] : []))
}

/**
 * Rooms beyond the boundary: it itself; those that know nothing of users' values, but of servers' and sockets' errors; the
 * engine of tests; and the page, which runs in a browser.
 */
const unbound = new Set(["userCode", "redis", "transport", "testing", "dashboard"])

/** Where these rooms, too, need the boundary: their lines go to a user's loggers. */
const alwaysBound = /^Effect\./

/**
 * @param {ReadonlyArray<Room>} rooms
 * @param {ReadonlyMap<string, Module>} modules
 */
const findPastBoundary = (rooms, modules) =>
  [...modules].flatMap(([path, { past }]) => {
    const room = roomOf(rooms, path)?.name ?? ""
    if (room === "userCode" || room === "testing") return []
    return past
      .filter((one) => !unbound.has(room) || alwaysBound.test(one))
      .map((one) => `${path} gets past internal/runtime/userCode.ts by ${one}`)
  })

/**
 * @param {string} src
 * @param {ReadonlyArray<Room>} rooms
 * @returns {Findings}
 */
export const examine = (src, rooms) => {
  const modules = readAll(src)
  return {
    circles: findCircles(modules),
    imports: findImports(rooms, modules),
    names: findNames(modules),
    past: findPastBoundary(rooms, modules)
  }
}

/**
 * Complaints about what is found, one line each.
 *
 * @param {Findings} findings
 */
export const complain = ({ circles, imports, names, past }) => [
  ...circles.map((circle) => `circle: ${circle.join(", ")}`),
  ...imports,
  ...past,
  ...names.map((name) => `twice: ${name}`)
]

const main = () => {
  const complaints = complain(examine(join(root, "src"), rooms))
  for (const complaint of complaints) console.error(complaint)
  process.exit(complaints.length === 0 ? 0 : 1)
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) main()
