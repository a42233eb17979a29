/**
 * Rules of sets, broken.
 */
import { Effect } from "effect"
import { SetCommands } from "../../../src/internal/commands/setCommands.js"
import { del, execute } from "../../../src/internal/registry/machine.js"
import { begin } from "../../../src/internal/registry/setRounds.js"
import { parseSpec } from "../../../src/internal/registry/state.js"
import { handling, type Mutation } from "./mutation.js"
import { sending } from "./nodes.js"

const unread = (): () => void => {
  const { prototype } = SetCommands
  const readUpTo = prototype["readUpTo"]
  prototype["readUpTo"] = () => Effect.void
  return () => {
    prototype["readUpTo"] = readUpTo
  }
}

export const ofSets: ReadonlyArray<Mutation> = [
  {
    name: "the round of a set is not compared",
    shownBy: 3,
    sets: true,
    execute: (state, server, envelope, name, args) =>
      execute(state, server, envelope, name, name === "put" || name === "del" ? { ...args, round: undefined } : args)
  },
  {
    name: "the fence of a round is not compared",
    sets: true,
    execute: handling("begin", (tx, args) => begin(tx, { ...args, fence: 0 }))
  },
  {
    name: "a set is planned before the log was read",
    shownBy: 5,
    sets: true,
    weights: { call: 40, cut: 20, deaf: 20 },
    patch: unread
  },
  {
    name: "the set counts as content",
    sets: true,
    changed: sending("put", (args) => (args.mode === "retag" ? { ...args, mode: "replace" } : args))
  },
  {
    name: "a reconcile ends whatever generation is there",
    shownBy: 19,
    sets: true,
    weights: { call: 60 },
    execute: handling("del", (tx, args) =>
      del(
        tx,
        args.round === undefined ? args : {
          ...args,
          items: args.items.map((item) => ({
            ...item,
            stamp: 0,
            generation: parseSpec(tx.state.spec.get(item.id) ?? "")?.generation ?? item.generation
          }))
        }
      ))
  }
]
