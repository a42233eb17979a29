/**
 * Rules of sets, broken.
 */
import { Effect } from "effect"
import { ListKeeper } from "../../../src/internal/commands/listKeeper.js"
import { SetCommands } from "../../../src/internal/commands/setCommands.js"
import { del, execute, put } from "../../../src/internal/registry/machine.js"
import { begin } from "../../../src/internal/registry/setRounds.js"
import { formatSpec, parseSpec } from "../../../src/internal/registry/state.js"
import { handling, type Mutation } from "./mutation.js"
import { sending } from "./nodes.js"
import { bringsBackAnew, endsAgainstAList } from "./scripts.js"

const unread = (): () => void => {
  const { prototype } = SetCommands
  const readUpTo = prototype["readUpTo"]
  prototype["readUpTo"] = () => Effect.void
  return () => {
    prototype["readUpTo"] = readUpTo
  }
}

/** Ends and replaces whatever others list. */
const hasty = (): () => void => {
  const { prototype } = ListKeeper
  const isAgreed = prototype["isAgreed"]
  prototype["isAgreed"] = () => true
  return () => {
    prototype["isAgreed"] = isAgreed
  }
}

export const ofSets: ReadonlyArray<Mutation> = [
  {
    name: "the round of a set is not compared",
    shownBy: 4,
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
    shownBy: 7,
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
  },
  {
    name: "the tombstone of what a list ended does not say so",
    shownBy: 13,
    lists: true,
    changed: sending("del", (args) => ({ ...args, prune: false }))
  },
  {
    name: "a list does not wait for the nodes that list otherwise",
    shownBy: 4,
    lists: true,
    patch: hasty
  },
  {
    name: "a session with another list does not end the round of a list",
    script: endsAgainstAList,
    execute: (state, server, envelope, name, args) =>
      execute(state, server, envelope, name, name === "open" ? { ...args, list: undefined } : args)
  },
  {
    name: "what a list brings back has the initial stamp",
    script: bringsBackAnew,
    execute: handling("put", (tx, args) => {
      const before = args.items.map(({ id }) => tx.state.tomb.has(id))
      const value = put(tx, args)
      args.items.forEach(({ id }, i) => {
        const spec = parseSpec(tx.state.spec.get(id) ?? "")
        if (before[i] && spec !== undefined) tx.state.spec.set(id, formatSpec({ ...spec, stamp: 1 }))
      })
      return value
    })
  }
]
