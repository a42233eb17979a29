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

/** A round of a list ends nothing once a session lives that may list something else. */
export const endsAgainstAList = (execute: Execute): string | undefined => {
  const { send, state } = caller(execute)
  const opens = { version: 1, record: "{}", mode: "fresh", claims: [], last: true, supersedes: "" } as const
  send("put", { mode: "ensureInitial", items: [{ id: "k/x", op: "op.1", generation: 0, body: "{}" }] })
  const begun = send("begin", { key: "=main", op: "op.2", fence: 0 })
  send("open", { ...opens, sid: "n#1", list: "=main" })
  const round = begun._tag === "OK" && begun.value.result._tag === "BEGUN" ? begun.value.result.round : 0
  const { generation = 0 } = parseSpec(state.spec.get("k/x") ?? "") ?? {}
  send("del", { items: [{ id: "k/x", op: "op.3", generation }], round: { key: "=main", round }, prune: true })
  return state.spec.has("k/x") ? undefined : "a child was ended that a younger session may list"
}

/** What a list brings back goes before the tombstone that a node remembers. */
export const bringsBackAnew = (execute: Execute): string | undefined => {
  const { send, state } = caller(execute)
  const put = (op: string) =>
    send("put", { mode: "ensureInitial", items: [{ id: "k/x", op, generation: 0, body: "{}" }] })
  put("op.1")
  const { generation = 0 } = parseSpec(state.spec.get("k/x") ?? "") ?? {}
  send("del", { items: [{ id: "k/x", op: "op.2", generation }], prune: true })
  const tomb = state.tomb.get("k/x") ?? ""
  put("op.3")
  send("merge", { facts: [{ id: "k/x", kind: "tomb", value: tomb }] })
  return state.spec.has("k/x") ? undefined : "an older tombstone ended what a list had brought back"
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
