/** Redis as the registry's scripts see it, with the time and the server's identity chosen by the test. */
import { Redis } from "ioredis"
import { decodeReply, encodeEnvelope, encoders } from "../../src/internal/redis/codec.js"
import * as generated from "../../src/internal/redis/scripts.generated.js"
import {
  callScript,
  channelOf,
  keysOf,
  type LuaSource,
  makeScripts,
  type Scripts
} from "../../src/internal/redis/scripts.js"
import type { Args, CommandName, Envelope, Reply, Value } from "../../src/internal/registry/commands.js"
import type { Server } from "../../src/internal/registry/state.js"

/** In place of `lua/shared/clock.lua`. */
const clock = `local arg_count = #ARGV - 2
local time, server_run = tonumber(ARGV[#ARGV - 1]), ARGV[#ARGV]
`

/** Scripts that take the time and the server's identity from two last arguments. */
export const withGivenClock = ({ commands, pieces }: LuaSource): LuaSource => ({
  commands,
  pieces: Object.fromEntries(
    Object.entries(pieces).map(([from, text]) => [from, from.startsWith("shared/clock.lua:") ? clock : text])
  )
})

/** The production scripts, save for where they have the time from. */
export const scripts = makeScripts(withGivenClock(generated))

/** The scripts of one layout, and where they have their data. */
export interface Layout {
  readonly scripts: Scripts
  readonly keys: (prefix: string, scope: string) => ReadonlyArray<string>
}

/** A layout that is made up: this one under another number. */
export const layout = (number: number): Layout => ({
  scripts: makeScripts(withGivenClock(generated), number),
  keys: (prefix, scope) => keysOf(prefix, scope, number)
})

const current: Layout = { scripts, keys: keysOf }

export const connect = (url: string): Redis =>
  url.startsWith("redis") ? new Redis(url, { lazyConnect: false }) : new Redis({ path: url })

/** Runs one command's script. */
export const executeScripted = async <K extends CommandName>(
  redis: Redis,
  prefix: string,
  server: Server,
  envelope: Envelope,
  name: K,
  args: Args<K>,
  { keys, scripts }: Layout = current
): Promise<Reply<Value<K>>> => {
  const { scope } = envelope
  const raw = await callScript(redis, scripts[name], keys(prefix, scope), [
    ...encodeEnvelope(envelope, server.trust, channelOf(prefix, scope, 0)),
    ...encoders[name](args),
    String(server.time),
    server.run
  ])
  return decodeReply(name, raw)
}
