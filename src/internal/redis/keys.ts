/**
 * Names of keys and channels.
 *
 * @internal
 */
import { layoutVersion } from "../registry/commands.js"
import { parts } from "./scripts.js"

/**
 * The scope is the hash tag, so that all keys of a scope live in one slot of a cluster: hence no braces inside. The
 * prefix stands before it, so that permissions can be given by prefix.
 */
const tag = (scope: string): string =>
  scope === "" ? "%" : scope.replace(/[{}%]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)

const base = (prefix: string, scope: string): string => `${prefix}pogo${layoutVersion}:{${tag(scope)}}:`

/** The keys of a scope, in the order of the scripts. */
export const keysOf = (prefix: string, scope: string): ReadonlyArray<string> =>
  parts.map((part) => `${base(prefix, scope)}${part}`)

/** The channel that tells of a scope's news. Channels know no databases, so the number is part of the name. */
export const channelOf = (prefix: string, scope: string, db: number): string =>
  `${base(prefix, scope)}wake${db === 0 ? "" : `@${db}`}`
