/**
 * The scripts, one per command. Each is the common beginning, the command's own body, and the common end. All take the
 * same ten keys.
 *
 * @internal
 */
import { createHash } from "node:crypto"
import type { CommandName } from "../registry/commands.js"
import { luaBase } from "./luaBase.js"
import * as claims from "./luaClaims.js"
import { type ClockSource, luaEnd, luaGuard } from "./luaGuard.js"
import * as reads from "./luaReads.js"
import * as sessions from "./luaSessions.js"
import * as specs from "./luaSpecs.js"

/** A script and what is needed to call it. */
export interface Script {
  readonly lua: string
  /** What EVALSHA calls it by. */
  readonly sha: string
  readonly numberOfKeys: number
}

/** @internal */
export type Scripts = { readonly [K in CommandName]: Script }

/** The parts of a scope's data, in the order in which scripts take their keys. */
export const parts = ["meta", "sess", "node", "spec", "tomb", "tombx", "claim", "stat", "dead", "log"] as const

const bodies: { readonly [K in CommandName]: string } = { ...sessions, ...specs, ...claims, ...reads }

/**
 * Commands that a server refuses to run when its memory is full, before they wrote anything. All others must run then,
 * or a full server would end every lease and keep what is to be deleted.
 */
const needMemory: ReadonlySet<CommandName> = new Set<CommandName>(["open", "put", "merge", "claim"])

const makeScript = (clock: ClockSource, name: CommandName): Script => {
  const lua = [
    `-- effect-pogo: ${name}\nlocal without_memory = ${!needMemory.has(name)}\n`,
    luaBase,
    luaGuard(clock),
    bodies[name],
    luaEnd
  ].join("")
  return { lua, sha: createHash("sha1").update(lua).digest("hex"), numberOfKeys: parts.length }
}

/** @internal */
export const makeScripts = (clock: ClockSource): Scripts => {
  const names = Object.keys(bodies) as ReadonlyArray<CommandName>
  return Object.fromEntries(names.map((name) => [name, makeScript(clock, name)])) as unknown as Scripts
}

/** The scripts that run on real registries. */
export const scripts: Scripts = makeScripts("server")
