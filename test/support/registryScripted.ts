/** Redis as the registry's scripts see it, with the time and the server's identity chosen by the test. */
import { Redis } from "ioredis"
import { decodeReply, encodeEnvelope, encoders } from "../../src/internal/redis/codec.js"
import { callScript } from "../../src/internal/redis/evalScript.js"
import { channelOf, keysOf } from "../../src/internal/redis/keys.js"
import { makeScripts } from "../../src/internal/redis/scripts.js"
import type { Args, CommandName, Envelope, Reply, Value } from "../../src/internal/registry/commands.js"
import type { Server } from "../../src/internal/registry/state.js"

/** The production scripts, save for where they have the time from. */
export const scripts = makeScripts("arguments")

export const connect = (url: string): Redis =>
  url.startsWith("redis") ? new Redis(url, { lazyConnect: false }) : new Redis({ path: url })

/** Runs one command's script. */
export const executeScripted = async <K extends CommandName>(
  redis: Redis,
  prefix: string,
  server: Server,
  envelope: Envelope,
  name: K,
  args: Args<K>
): Promise<Reply<Value<K>>> => {
  const { scope } = envelope
  const raw = await callScript(redis, scripts[name], keysOf(prefix, scope), [
    ...encodeEnvelope(envelope, server.trust, channelOf(prefix, scope, 0)),
    ...encoders[name](args),
    String(server.time),
    server.run
  ])
  return decodeReply(name, raw)
}
