/**
 * A few commands each, for rules whose breach whole nodes do not come to feel.
 */
import { parseState } from "../../../src/internal/registry/childStates.js"
import type { Args, CommandName, Reply, Value } from "../../../src/internal/registry/commands.js"
import {
  claimOf,
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

/** A scope with a child, whose state is stored under a claim. */
const kept = (execute: Execute) => {
  const { send, state } = caller(execute)
  const open = { version: 1, record: "{}", mode: "fresh", claims: [], last: true, supersedes: "" } as const
  send("open", { ...open, sid: "a#1" })
  send("put", { mode: "ensure", items: [{ id: "k/x", op: "op", generation: 0, body: "{}" }] })
  const generation = parseSpec(state.spec.get("k/x")!)!.generation
  const grant = () => {
    const reply = send("claim", { sid: "a#1", items: [{ id: "k/x", generation }] })
    const [result] = reply._tag === "OK" ? reply.value.results : []
    return result?._tag === "GRANTED" ? result : undefined
  }
  const token = grant()!.token
  const save = (version: number) =>
    send("save", {
      sid: "a#1",
      items: [{ id: "k/x", token, birth: generation, version, kindVersion: 1, body: `${version}` }]
    })
  save(1)
  return { send, state, generation, token, grant, save }
}

/** What a node remembers does not replace the state that a living owner may have read. */
export const refusesStrangers = (execute: Execute): string | undefined => {
  const { generation, send, state, token } = kept(execute)
  const value = `${generation}|${token + 1}|1|1|1|b||other`
  send("merge", { facts: [{ id: "k/x", kind: "state", value }], sid: "b#1" })
  return state.state.get("k/x") === value ? "a stranger's memory replaced the state under a living owner" : undefined
}

/** Where another owner has been, with a higher token, the older one stores nothing any more. */
export const overtakes = (execute: Execute): string | undefined => {
  const { generation, save, state, token } = kept(execute)
  const value = `${generation}|${token + 1}|1|1|1|b||other`
  state.state.set("k/x", value)
  save(2)
  return state.state.get("k/x") === value ? undefined : "a lower token stored over a higher one"
}

/** A state that was told as lost does not return. */
export const losesNothingTwice = (execute: Execute): string | undefined => {
  const { grant, send, state } = kept(execute)
  const value = state.state.get("k/x")!
  const told = claimOf({ state }, "k/x")!
  state.state.clear()
  state.meta!.states = 0
  send("release", { sid: "a#1", items: [{ id: "k/x", token: told.token, refused: "" }] })
  const { token } = grant()!
  send("release", { sid: "a#1", items: [{ id: "k/x", token, refused: "" }] })
  send("merge", { facts: [{ id: "k/x", kind: "state", value }], sid: "b#1" })
  return state.state.get("k/x") === value ? "a state that was told as lost returned" : undefined
}

/** A value that arrives when the claim is another one is not stored. */
export const comesTooLate = (execute: Execute): string | undefined => {
  const { grant, save, send, state, token } = kept(execute)
  const before = state.state.get("k/x")
  send("release", { sid: "a#1", items: [{ id: "k/x", token, refused: "" }] })
  grant()
  save(2)
  return state.state.get("k/x") === before ? undefined : "a former owner's late value was stored"
}

/** Older data, in which the child is in an earlier life, takes no value of the later one. */
export const mixesLives = (execute: Execute): string | undefined => {
  const { generation, save, state } = kept(execute)
  const older = generation - 1
  state.spec.set("k/x", spec(older))
  save(2)
  return parseState(state.state.get("k/x")!)?.birth === older ? "a value went into another life" : undefined
}
