/**
 * The Lua scripts, one per command: their text, their keys, and how they are called. The text is in `lua/`, one file per
 * command with what it shares included; `npm run lua` writes it into `scripts.generated.ts`.
 *
 * @internal
 */
import { createHash } from "node:crypto"
import { maxCounter, maxDuration, maxHigh, maxSeconds, maxTime, usualTimings } from "../registry/bounds.js"
import {
  type CommandName,
  directiveRetention,
  directiveSweep,
  layoutVersion,
  maxBatch,
  maxDead,
  maxDirectives,
  maxPageBytes,
  maxSetRounds,
  minLog,
  tombstoneCount,
  tombstoneRetention,
  tombstoneSweep,
  tombstoneSweepAtRest,
  tombstoneTerm
} from "../registry/commands.js"
import { seedShift } from "../registry/guard.js"
import { historyAge, historyCount, historyPage, maxBy, maxNote } from "../registry/historyRecords.js"
import { maxEntries } from "../registry/reads.js"
import { maxRevisions } from "../registry/revisions.js"
import { maxRefused } from "../registry/state.js"
import { fatalDeaths, maxMarks } from "../registry/trialRecords.js"
import * as generated from "./scripts.generated.js"

/** A script and what is needed to call it. */
export interface Script {
  readonly lua: string
  /** The SHA-1 of the text, by which EVALSHA names it. */
  readonly sha: string
  readonly numberOfKeys: number
  /** What the text consists of, in order: the file and line where each piece begins, and its text. */
  readonly pieces: ReadonlyArray<readonly [from: string, text: string]>
}

/** @internal */
export type Scripts = { readonly [K in CommandName]: Script }

/** What `npm run lua` reads out of the Lua files. */
export interface LuaSource {
  /** Text by `file:line`. */
  readonly pieces: { readonly [from: string]: string }
  /** The pieces of each command's script, in order. */
  readonly commands: { readonly [K in CommandName]: ReadonlyArray<string> }
}

/** The parts of a scope's data, in the order in which every script takes their keys. */
export const parts = [
  "meta",
  "sess",
  "node",
  "spec",
  "tomb",
  "tombx",
  "claim",
  "stat",
  "dead",
  "log",
  "direct",
  "layout",
  "sessx",
  "trial",
  "round",
  "state",
  "hist"
] as const

/** What TypeScript defines and Lua uses, by its name in Lua. */
const constantsOf = (layout: number) => ({
  DIRECTIVE_RETENTION: directiveRetention,
  DIRECTIVE_SWEEP: directiveSweep,
  FATAL_CERTAIN: fatalDeaths.certain,
  FATAL_DEATHS: fatalDeaths.all,
  HISTORY_AGE: historyAge,
  HISTORY_COUNT: historyCount,
  HISTORY_PAGE: historyPage,
  // Compared with a stored text.
  LAYOUT_VERSION: `'${layout}'`,
  MAX_BATCH: maxBatch,
  MAX_BY: maxBy,
  MAX_COUNTER: maxCounter,
  MAX_DEAD: maxDead,
  MAX_DIRECTIVES: maxDirectives,
  MAX_DURATION: maxDuration,
  MAX_ENTRIES: maxEntries,
  MAX_HIGH: maxHigh,
  MAX_MARKS: maxMarks,
  MAX_NOTE: maxNote,
  MAX_PAGE_BYTES: maxPageBytes,
  MAX_REFUSED: maxRefused,
  MAX_REVISIONS: maxRevisions,
  MAX_SECONDS: maxSeconds,
  MAX_SET_ROUNDS: maxSetRounds,
  MAX_TIME: maxTime,
  MIN_LOG: minLog,
  PARTS: `{ ${parts.map((part) => `'${part}'`).join(", ")} }`,
  SEED_SHIFT: seedShift,
  TOMBSTONE_COUNT: tombstoneCount,
  TOMBSTONE_RETENTION: tombstoneRetention,
  TOMBSTONE_SWEEP: tombstoneSweep,
  TOMBSTONE_SWEEP_AT_REST: tombstoneSweepAtRest,
  TOMBSTONE_TERM: tombstoneTerm,
  USUAL_MAX_STEP: usualTimings.maxStep,
  USUAL_TTL: usualTimings.ttl
})

/**
 * The beginning of a script: its name, as it appears in the server's slow log and monitor, and the constants that its text
 * uses. Not all of them: Lua takes no more than 200 locals.
 */
const preambleOf = (name: CommandName, layout: number, text: string): string => {
  const used = new Set(text.match(/\b[A-Z][A-Z_]+\b/g))
  return [
    `-- effect-pogo: ${name}`,
    ...Object.entries(constantsOf(layout))
      .filter(([constant]) => used.has(constant))
      .map(([constant, value]) => `local ${constant} = ${value}`),
    `local ${parts.map((part) => `${part}_key`).join(", ")} = unpack(KEYS)\n`
  ].join("\n")
}

const makeScript = (name: CommandName, { commands, pieces }: LuaSource, layout: number): Script => {
  const own = commands[name].map((from) => [from, pieces[from]!] as const)
  const text = own.map(([, piece]) => piece).join("")
  const all: Script["pieces"] = [["preamble:1", preambleOf(name, layout, text)], ...own]
  const lua = all.map(([, text]) => text).join("")
  return {
    lua,
    sha: createHash("sha1").update(lua).digest("hex"),
    numberOfKeys: parts.length + layout - 1,
    pieces: all
  }
}

/** Makes the scripts; tests alone have another source, and a layout that is still to come. */
export const makeScripts = (source: LuaSource = generated, layout = layoutVersion): Scripts =>
  Object.fromEntries(
    (Object.keys(source.commands) as ReadonlyArray<CommandName>).map((name) => [name, makeScript(name, source, layout)])
  ) as unknown as Scripts

/** The scripts that run on real registries. */
export const scripts: Scripts = makeScripts()

/** The file and line that a line of a script came from: `lua/claim.lua:17`. */
const originOf = (script: Script, line: number): string => {
  let before = 0
  for (const [from, text] of script.pieces) {
    const count = text.split("\n").length - 1
    if (line <= before + count) {
      const [file, first] = from.split(":")
      return `lua/${file}:${Number(first) + line - before - 1}`
    }
    before += count
  }
  return `line ${line}`
}

/** Redis calls every script `user_script`: an error of Lua names the line of our file instead. */
const locate = (script: Script, error: unknown): unknown => {
  if (error instanceof Error) {
    error.message = error.message.replace(/@?user_script: ?(\d+)/g, (_, line) => originOf(script, Number(line)))
  }
  return error
}

/** Client that can call scripts. */
export interface ScriptClient {
  readonly evalsha: (sha: string, numberOfKeys: number, ...args: Array<string>) => Promise<unknown>
  readonly eval: (lua: string, numberOfKeys: number, ...args: Array<string>) => Promise<unknown>
}

const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT")

/**
 * Calls a script by its digest. A server that does not know it (it has restarted, or its scripts were flushed) has
 * executed nothing, and gets the text.
 */
export const callScript = (
  client: ScriptClient,
  script: Script,
  keys: ReadonlyArray<string>,
  args: ReadonlyArray<string>
): Promise<unknown> =>
  client.evalsha(script.sha, script.numberOfKeys, ...keys, ...args)
    .catch((error: unknown) =>
      isNoScript(error) ? client.eval(script.lua, script.numberOfKeys, ...keys, ...args) : Promise.reject(error)
    )
    .catch((error: unknown) => Promise.reject(locate(script, error)))

/**
 * The scope is the hash tag, so that all keys of a scope live in one slot of a cluster: hence no braces inside. The
 * prefix stands before it, so that permissions can be given by prefix.
 */
const tag = (scope: string): string =>
  scope === "" ? "%" : scope.replace(/[{}%]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)

const base = (prefix: string, scope: string, layout: number): string => `${prefix}pogo${layout}:{${tag(scope)}}:`

/**
 * The keys of a scope, in the order of `parts`, and the sessions of each older layout. Which layout a scope belongs to
 * stands under the first layout's name in all of them: whoever comes with another must find it.
 */
export const keysOf = (prefix: string, scope: string, layout = layoutVersion): ReadonlyArray<string> => [
  ...parts.map((part) => `${base(prefix, scope, part === "layout" ? 1 : layout)}${part}`),
  ...Array.from({ length: layout - 1 }, (_, i) => `${base(prefix, scope, i + 1)}sess`)
]

/** The channel of a scope's wake-ups. Channels know no databases, so the number is part of the name. */
export const channelOf = (prefix: string, scope: string, db: number): string =>
  `${base(prefix, scope, layoutVersion)}wake${db === 0 ? "" : `@${db}`}`
