/**
 * Rules of the history, broken.
 */
import { claim } from "../../../src/internal/registry/claims.js"
import type { CommandName } from "../../../src/internal/registry/commands.js"
import { tell } from "../../../src/internal/registry/historyRecords.js"
import { execute } from "../../../src/internal/registry/machine.js"
import { claimOf, isLive, next } from "../../../src/internal/registry/state.js"
import type { Execute } from "../../../src/internal/testing/testRegistry.js"
import { handling, type Mutation } from "./mutation.js"

/** Entries are named by the server's clock alone. */
const byWallClock: Execute = (state, server, envelope, name, args) => {
  const before = new Set(state.hist)
  const reply = execute(state, server, envelope, name, args)
  let n = 0
  state.hist = state.hist.map((entry) =>
    before.has(entry) ? entry : { ...entry, ms: server.time, at: server.time * 1000 + n++ }
  )
  return reply
}

/** Commands that are executed twice leave their entries twice. */
const repeated: ReadonlySet<CommandName> = new Set(["release", "finish"])

export const ofHistory: ReadonlyArray<Mutation> = [
  {
    name: "an entry of the history is written before the refusal",
    shownBy: 13,
    weights: { twin: 20, kind: 20, deaf: 20, crash: 20, stop: 20 },
    execute: handling("claim", (tx, args) => {
      for (const { id } of args.items) {
        const held = claimOf(tx, id)
        if (held !== undefined && isLive(tx, held.sid)) tell(tx, "claimed", { id, token: next(tx), node: args.sid })
      }
      return claim(tx, args)
    })
  },
  {
    name: "entries of the history are named by the wall clock",
    shownBy: 1,
    weights: { jump: 20 },
    execute: byWallClock
  },
  {
    name: "a release that had no effect is told in the history all the same",
    shownBy: 97,
    weights: { cut: 20, crash: 10 },
    execute: (state, server, envelope, name, args) => {
      const reply = execute(state, server, envelope, name, args)
      if (!repeated.has(name) || reply._tag !== "OK" || state.meta === undefined) return reply
      const { items, sid } = args as {
        readonly sid: string
        readonly items: ReadonlyArray<{ id: string; token: number }>
      }
      const tx = {
        state,
        meta: state.meta,
        history: { count: 20_000, millis: 1e12, by: "", reason: "", written: 0, lost: 0 }
      }
      for (const { id, token } of items) tell(tx, "stopped", { id, token, node: sid })
      return reply
    }
  }
]
