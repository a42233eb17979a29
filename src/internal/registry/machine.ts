/**
 * The registry's rules, written once: a deterministic machine from (state, server, envelope, command) to a reply and the
 * next state. The in-memory registry is this machine; the Lua scripts are its twin, compared with it reply by reply.
 *
 * The state is changed in place, since a scope may hold a hundred thousand children; nothing else is touched or read.
 *
 * @internal
 */
import { claim, release, report } from "./claims.js"
import type { Args, CommandName, Envelope, Refusal, Reply, Value } from "./commands.js"
import { guard } from "./guard.js"
import { changes, nodes, snap } from "./reads.js"
import { close, open, tick, update } from "./sessions.js"
import { del, finish, merge, put } from "./specs.js"
import type { RegistryState, Server, Tx } from "./state.js"

type Handlers = {
  readonly [K in CommandName]: (tx: Tx, args: Args<K>, envelope: Envelope) => Value<K> | Refusal
}

const handlers: Handlers = {
  tick,
  open: (tx, args, envelope) => open(tx, args, envelope.ttl, envelope.maxStep),
  update,
  close,
  put,
  del,
  merge,
  claim,
  release,
  report,
  finish,
  changes,
  snap,
  nodes
}

/** Executes one command. */
export const execute = <K extends CommandName>(
  state: RegistryState,
  server: Server,
  envelope: Envelope,
  name: K,
  args: Args<K>
): Reply<Value<K>> => {
  const guarded = guard(state, envelope, server)
  if ("_tag" in guarded) return guarded
  const outcome = handlers[name](guarded, args, envelope)
  if ("_tag" in outcome) return outcome as Refusal
  const { meta } = guarded
  return { _tag: "OK", now: meta.now, high: meta.high, log: meta.log, value: outcome }
}
