/**
 * A few commands each, for rules whose breach whole nodes do not come to feel.
 */
import type { Args, CommandName, Reply, Value } from "../../../src/internal/registry/commands.js"
import {
  emptyState,
  formatSpec,
  parseDirective,
  parseSpec,
  type RegistryState
} from "../../../src/internal/registry/state.js"
import type { Execute } from "../../../src/internal/testing/testRegistry.js"
import { timing } from "../plan.js"
import { scope } from "../scene.js"

/** A registry of its own, and somebody who sends it commands. */
const caller = (execute: Execute, trust = true) => {
  const state: RegistryState = emptyState()
  const server = { time: 1_000, run: "run", trust }
  let era = ""
  const send = <K extends CommandName>(name: K, args: Args<K>): Reply<Value<K>> => {
    const { maxStep, ttl } = timing
    const envelope = { scope, era, notAfter: Infinity, high: 0, seconds: 0, bits: "era", ttl, maxStep }
    const reply = execute(state, server, envelope, name, args)
    if (reply._tag === "ERA") era = reply.era
    return reply
  }
  send("nodes", {})
  return { send, state }
}

const spec = (stamp: number): string =>
  formatSpec({
    generation: stamp,
    stamp,
    op: "op",
    initial: false,
    failed: false,
    birth: stamp,
    stateful: false,
    refused: [],
    body: "{}"
  })

/** Of two memories of a child the younger one stays. */
export const mergesTheYounger = (execute: Execute): string | undefined => {
  const { send, state } = caller(execute)
  send("merge", { facts: [{ id: "k/x", kind: "spec", value: spec(9) }] })
  send("merge", { facts: [{ id: "k/x", kind: "spec", value: spec(7) }] })
  return state.spec.get("k/x") === spec(9) ? undefined : "an older memory replaced a younger one"
}

/** A child that new data does not hold may be one that a node is about to give back: it is not called absent. */
export const asksTooEarly = (execute: Execute): string | undefined => {
  const { send } = caller(execute, false)
  const reply = send("del", { items: [{ id: "k/x", op: "op", generation: 1 }] })
  const answer = reply._tag === "OK" ? reply.value.results[0]?._tag : reply._tag
  return answer === "QUARANTINE" ? undefined : "a child that may be given back was called absent"
}

/** A call that comes twice answers as it did. */
export const repeats = (execute: Execute): string | undefined => {
  const { send, state } = caller(execute)
  const put = () => send("put", { mode: "ensure", items: [{ id: "k/x", op: "op.1", generation: 0, body: "{}" }] })
  put()
  const first = parseSpec(state.spec.get("k/x") ?? "")?.generation ?? 0
  const item = { id: "k/x", op: "op.2", generation: first, body: "{\"v\":2}" }
  const replies = [1, 2].map(() => JSON.stringify(send("put", { mode: "replace", items: [item] })))
  return replies[0] === replies[1] ? undefined : "a call that came twice answered differently"
}

/** A directive that comes again, after its undo, changes nothing. */
export const directsOnce = (execute: Execute): string | undefined => {
  const { send, state } = caller(execute)
  const give = (what: "drain" | "undo", op: string, seen: number) =>
    send("direct", { name: "n", what, op, by: "b", reason: "", seen })
  const seen = state.meta!.high
  give("drain", "op.1", seen)
  give("undo", "op.2", state.meta!.high)
  give("drain", "op.1", seen)
  return parseDirective(state.direct.get("n") ?? "")?.op === "op.2" ? undefined : "a late directive came after its undo"
}
