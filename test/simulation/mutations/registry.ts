/**
 * Rules of the registry, broken.
 */
import { claim, release } from "../../../src/internal/registry/claims.js"
import type { Args, Reply, Value } from "../../../src/internal/registry/commands.js"
import { del, execute, finish, open, put, tick } from "../../../src/internal/registry/machine.js"
import {
  append,
  claimOf,
  formatClaim,
  isLive,
  parseSpec,
  type RegistryState,
  setClaim,
  type Tx
} from "../../../src/internal/registry/state.js"
import type { Execute } from "../../../src/internal/testing/testRegistry.js"
import { before, handling, type Mutation } from "./mutation.js"
import { asksTooEarly, mergesTheYounger, repeats } from "./scripts.js"

const recount = ({ claim, meta, sess, spec, tomb }: RegistryState): void => {
  if (meta === undefined) return
  Object.assign(meta, { specs: spec.size, claims: claim.size, sessions: sess.size, tombs: tomb.size })
}

/** Lua prints a large number with 14 digits, unless told otherwise. */
const rounded = (token: number): number => Number(token.toPrecision(14))

const roundTokens: Execute = (state, server, envelope, name, args) => {
  const reply = execute(state, server, envelope, name, args)
  if (name !== "claim" || reply._tag !== "OK") return reply
  const { items } = args as Args<"claim">
  const { results } = reply.value as Value<"claim">
  results.forEach((result, i) => {
    const { id } = items[i]!
    const current = claimOf({ state }, id)
    if (result._tag !== "GRANTED" || current === undefined) return
    Object.assign(result, { token: rounded(result.token) })
    state.claim.set(id, formatClaim({ ...current, token: result.token }))
  })
  return reply
}

/** A new data set begins to count at the beginning, and nobody's knowledge is asked for. */
const unseeded: Execute = (state, server, envelope, name, args) => {
  const fresh = state.meta === undefined
  const reply = execute(state, server, { ...envelope, high: 0 }, name, args)
  if (fresh && state.meta !== undefined) {
    state.log = state.log.map((entry, i) => ({ ...entry, at: i + 1 }))
    state.meta.high = state.meta.log = state.log.length
  }
  return reply
}

const dropLive = (tx: Tx, sid: string, id: string): void => {
  if (claimOf(tx, id) !== undefined && isLive(tx, sid) && tx.meta.now >= tx.meta.quarantine) setClaim(tx, id, undefined)
}

const dropTombs = ({ meta, state }: Tx): void => {
  state.tomb.clear()
  state.tombx.clear()
  meta.tombs = 0
}

const revive = ({ meta, state }: Tx, sid: string): void => {
  state.dead.delete(sid)
  state.sess.set(sid, meta.now + meta.ttl)
  state.node.set(sid, "1|1|{}")
  meta.sessions = state.sess.size
}

/** Whatever a node remembers is taken over, old or new. */
const mergeAll = (tx: Tx, { facts }: Args<"merge">): Value<"merge"> => {
  const { meta, state } = tx
  for (const { id, kind, value } of facts) {
    if (kind === "direct") continue
    state.spec.delete(id)
    state.tomb.delete(id)
    state.tombx.delete(id)
    state[kind].set(id, value)
    append(tx, "s", id)
  }
  Object.assign(meta, { specs: state.spec.size, tombs: state.tomb.size })
  return { merged: facts.length }
}

const current = ({ state }: Tx, id: string): number => parseSpec(state.spec.get(id) ?? "")?.generation ?? 0

const withGeneration = <A extends { readonly id: string }>(tx: Tx, items: ReadonlyArray<A>) =>
  items.map((item) => ({ ...item, generation: current(tx, item.id) }))

const tokenOf = (tx: Tx, id: string, token: number): number => claimOf(tx, id)?.token ?? token

export const ofRegistry: ReadonlyArray<Mutation> = [
  {
    name: "a claim is granted though a live node holds it",
    shownBy: 31,
    weights: { crash: 20, stop: 20, kind: 10, cordon: 10, Stubborn: 8 },
    execute: handling("claim", (tx, args) => {
      for (const { id } of args.items) dropLive(tx, args.sid, id)
      return claim(tx, args)
    })
  },
  {
    name: "claims are granted during the quarantine",
    weights: { lose: 20, server: 5, rollback: 5, freeze: 10, cut: 20 },
    execute: before(({ state: { meta } }) => void (meta !== undefined && (meta.quarantine = 0)))
  },
  {
    name: "no tombstone is kept",
    shownBy: 60,
    weights: { lose: 10, rollback: 30, crash: 15 },
    execute: handling("del", (tx, args) => {
      const value = del(tx, args)
      dropTombs(tx)
      return value
    })
  },
  {
    name: "a list of initial children does not heed a tombstone",
    shownBy: 9,
    weights: { call: 40, crash: 30, stop: 20 },
    execute: handling("put", (tx, args) => {
      if (args.mode === "ensureInitial") dropTombs(tx)
      return put(tx, args)
    })
  },
  { name: "the counter of a new data set is not seeded", weights: { lose: 20, rollback: 0 }, execute: unseeded },
  {
    name: "a session that was reaped is renewed",
    shownBy: 24,
    weights: { freeze: 20, cut: 20 },
    execute: handling("tick", (tx, args) => {
      if (tx.state.dead.has(args.sid)) revive(tx, args.sid)
      return tick(tx, args)
    })
  },
  {
    name: "a session that ended is opened again by a late request",
    shownBy: 128,
    weights: { cut: 25, freeze: 10, server: 3 },
    execute: before(({ state: { dead } }) => dead.clear())
  },
  {
    name: "notAfter is ignored",
    execute: before(({ envelope }) => ({ envelope: { ...envelope, notAfter: Infinity } }))
  },
  {
    name: "a command of another era has an effect",
    weights: { lose: 10, rollback: 20, server: 20, key: 20 },
    execute: before(({ envelope, name, state: { meta } }) =>
      meta === undefined || name === "open" ? undefined : { envelope: { ...envelope, era: meta.era } }
    )
  },
  {
    name: "the integrity counts are not kept",
    shownBy: 6,
    weights: { key: 40 },
    execute: before(({ state }) => recount(state))
  },
  {
    name: "another server process is not noticed",
    weights: { rollback: 30, server: 5 },
    execute: before(({ envelope, server, state: { meta } }) => {
      if (meta !== undefined) meta.run = server.run
      return { envelope: { ...envelope, high: Math.min(envelope.high, meta?.high ?? Infinity) } }
    })
  },
  {
    name: "the clock follows every step of the server's",
    weights: { jump: 20, pause: 10 },
    execute: before(({ server, state: { meta } }) => {
      if (meta === undefined) return
      meta.now += Math.max(0, server.time - meta.last - meta.maxStep)
      if (server.time > meta.last + meta.maxStep) meta.last = server.time - meta.maxStep
    })
  },
  { name: "a token is printed with lost digits", execute: roundTokens },
  {
    name: "a merge does not compare stamps",
    script: mergesTheYounger,
    execute: handling("merge", mergeAll)
  },
  {
    name: "a claim is granted for a generation that is gone",
    shownBy: 50,
    weights: { call: 40 },
    execute: handling("claim", (tx, args) => claim(tx, { ...args, items: withGeneration(tx, args.items) }))
  },
  {
    name: "finish ends whatever generation is there",
    shownBy: 355,
    weights: { call: 40 },
    execute: handling("finish", (tx, args) => finish(tx, { ...args, items: withGeneration(tx, args.items) }))
  },
  {
    name: "what new data does not hold yet is called absent",
    script: asksTooEarly,
    execute: (state, server, envelope, name, args) => {
      const reply = execute(state, server, envelope, name, args)
      if (name !== "del" || reply._tag !== "OK") return reply
      const { results } = reply.value as Value<"del">
      for (const result of results) if (result._tag === "QUARANTINE") Object.assign(result, { _tag: "ABSENT" })
      return reply
    }
  },
  {
    name: "terminate ends whatever generation is there",
    shownBy: 11,
    weights: { call: 40 },
    execute: handling("del", (tx, args) => del(tx, { items: withGeneration(tx, args.items) }))
  },
  {
    name: "a call that is made twice takes effect twice",
    script: repeats,
    execute: handling(
      "put",
      (tx, args) =>
        put(tx, { ...args, items: args.items.map((item) => ({ ...item, op: `${item.op}.${tx.meta.high}` })) })
    )
  },
  {
    name: "a termination takes the claim of a live node away",
    shownBy: 45,
    weights: { call: 40, cordon: 10, stop: 10, crash: 10, Stubborn: 30 },
    execute: handling("del", (tx, args) => {
      const value = del(tx, args)
      for (const { id } of args.items) if (claimOf(tx, id) !== undefined) setClaim(tx, id, undefined)
      return value
    })
  },
  {
    name: "a release does not name its token",
    shownBy: 128,
    weights: { call: 60 },
    execute: handling(
      "release",
      (tx, args) =>
        release(tx, {
          ...args,
          items: args.items.map((item) => ({ ...item, token: tokenOf(tx, item.id, item.token) }))
        })
    )
  },
  {
    name: "an older record of a node replaces a newer one",
    shownBy: 10,
    weights: { kind: 30, cordon: 20 },
    execute: handling("update", (tx, args) => {
      if (isLive(tx, args.sid)) {
        const opened = tx.state.node.get(args.sid)?.split("|")[1] ?? "0"
        tx.state.node.set(args.sid, `${args.version}|${opened}|${args.record}`)
        append(tx, "n", args.sid)
      }
      return {}
    })
  },
  {
    name: "a dead node's claim on an ended child stays",
    shownBy: 9,
    weights: { crash: 20, call: 20 },
    execute: handling("claim", (tx, args) =>
      claim(tx, {
        ...args,
        items: args.items.map((item) => item.generation === 0 ? { ...item, id: `none/${item.id}` } : item)
      }))
  },
  {
    name: "claims that a node brings along replace those of others",
    shownBy: 97,
    weights: { freeze: 20, cut: 20, crash: 3 },
    execute: handling("open", (tx, args, envelope) => {
      for (const { id } of args.claims) setClaim(tx, id, undefined)
      return open(tx, { ...args, mode: "reassert" }, envelope)
    })
  },
  {
    name: "what was removed from the log is not noticed by its readers",
    shownBy: 230,
    weights: { key: 30, call: 30 },
    execute: (state, server, envelope, name, args) => {
      const reply = execute(state, server, envelope, name, args)
      if (name !== "changes" || reply._tag !== "RESYNC") return reply
      const { high, now } = reply
      const value: Value<"changes"> = {
        items: [],
        nodes: undefined,
        directives: undefined,
        cursor: state.meta!.log,
        more: false
      }
      return { _tag: "OK", now, high, log: state.meta!.log, value } as Reply<unknown> as never
    }
  }
]
