/**
 * Rules of states, broken.
 */
import type { Node } from "../../../src/internal/node/node.js"
import { formatState, parseState, save } from "../../../src/internal/registry/childStates.js"
import { claim, release } from "../../../src/internal/registry/claims.js"
import type { StateSave, Value } from "../../../src/internal/registry/commands.js"
import { merge } from "../../../src/internal/registry/machine.js"
import { claimOf, parseSpec, type Tx } from "../../../src/internal/registry/state.js"
import { handling, type Mutation } from "./mutation.js"
import { sending } from "./nodes.js"
import { comesTooLate, losesNothingTwice, mixesLives, overtakes, refusesStrangers } from "./scripts.js"

const birthIn = ({ state }: Tx, id: string): number | undefined => parseSpec(state.spec.get(id) ?? "")?.birth

/** The values of a command, with another birth each. */
const withBirth = (
  tx: Tx,
  items: ReadonlyArray<StateSave> | undefined,
  change: (birth: number, item: StateSave) => number
): ReadonlyArray<StateSave> =>
  (items ?? []).map((item) => ({ ...item, birth: change(birthIn(tx, item.id) ?? item.birth, item) }))

/** A command for which whatever is stored is older. */
const overwriting = <A>(tx: Tx, items: ReadonlyArray<{ readonly id: string }>, run: () => A): A => {
  const { state } = tx.state
  const before = new Map<string, readonly [real: string, old: string]>()
  for (const { id } of items) {
    const real = state.get(id)
    const known = parseState(real ?? "")
    if (real === undefined || known === undefined || before.has(id)) continue
    const old = formatState({ ...known, token: 0, version: 0 })
    before.set(id, [real, old])
    state.set(id, old)
  }
  const value = run()
  for (const [id, [real, old]] of before) if (state.get(id) === old) state.set(id, real)
  return value
}

/** States first: their children are not there yet. Later they are not given back again. */
const statesFirst = (node: Node): void =>
  sending("merge", (args, { states }) => {
    const isOfStates = args.facts.some(({ kind }) => kind === "state")
    const isOfSpecs = args.facts.some(({ kind }) => kind === "spec")
    if (isOfStates) return { ...args, facts: [] }
    return isOfSpecs ? { ...args, facts: [...states["facts"], ...args.facts] } : args
  })(node)

const forgettingAtFence = (node: Node): void => {
  const fence = node.fence.bind(node)
  node.fence = (reason) => {
    fence(reason)
    for (const id of node.states["owned"].keys()) {
      if (node.supervisor.children.get(id)?.unconfirmed !== true) node.states.forget(id)
    }
  }
}

export const ofStates: ReadonlyArray<Mutation> = [
  {
    name: "the token of a state is not compared",
    script: comesTooLate,
    execute: handling("save", (tx, { items, sid }): Value<"save"> => ({
      results: items.map((item) => {
        const held = claimOf(tx, item.id) ?? { token: item.token, sid }
        return save(tx, { sid: held.sid, items: [{ ...item, token: held.token }] }).results[0]!
      })
    }))
  },
  {
    name: "the version of a state is not compared",
    shownBy: 15,
    states: true,
    execute: handling("save", (tx, args) => overwriting(tx, args.items, () => save(tx, args)))
  },
  {
    name: "the birth of a state is not compared",
    shownBy: 4,
    states: true,
    execute: handling(
      "release",
      (tx, args) => release(tx, { ...args, saves: withBirth(tx, args.saves, (birth) => birth) })
    )
  },
  {
    name: "a birth is told by the generation of the claim",
    script: mixesLives,
    execute: handling("save", (tx, args) =>
      save(tx, {
        ...args,
        items: withBirth(
          tx,
          args.items,
          (birth, item) => (claimOf(tx, item.id)?.generation ?? 0) >= birth ? birth : item.birth
        )
      }))
  },
  {
    name: "the last state is not stored with the end of a claim",
    shownBy: 13,
    states: true,
    weights: { drain: 20, call: 20, stop: 10 },
    changed: sending("release", (args) => ({ ...args, saves: [] }))
  },
  {
    name: "an older state is given back",
    shownBy: 12,
    states: true,
    weights: { lose: 10, rollback: 10, cut: 15 },
    execute: handling(
      "merge",
      (tx, args) => overwriting(tx, args.facts.filter(({ kind }) => kind === "state"), () => merge(tx, args))
    )
  },
  {
    name: "a state is given back by a stranger after the quarantine",
    script: refusesStrangers,
    execute: handling("merge", (tx, args) => {
      const [fact] = args.facts
      const held = fact === undefined ? undefined : claimOf(tx, fact.id)
      return merge(tx, { ...args, sid: held?.sid })
    })
  },
  {
    name: "a state is stored while the claim is in doubt",
    states: true,
    weights: { cut: 30, freeze: 10, lose: 6 },
    changed: (node) => {
      node.states["mayStore"] = () => true
      node.states["maySubmit"] = (run) => !run.isOver
    }
  },
  {
    name: "a lower token stores over a higher one",
    script: overtakes,
    execute: handling("save", (tx, args) => overwriting(tx, args.items, () => save(tx, args)))
  },
  {
    name: "states are forgotten at a fence",
    shownBy: 13,
    states: true,
    weights: { lose: 15, cut: 25, freeze: 15 },
    changed: forgettingAtFence
  },
  {
    name: "states are given back before the specs of their children",
    shownBy: 13,
    states: true,
    weights: { lose: 20 },
    changed: statesFirst
  },
  {
    name: "nothing marks the place of a state that is lost",
    script: losesNothingTwice,
    execute: handling("claim", (tx, args) => {
      const value = claim(tx, args)
      if (!("results" in value)) return value
      for (const { id } of args.items) {
        if (parseState(tx.state.state.get(id) ?? "")?.lost !== true) continue
        tx.state.state.delete(id)
        tx.meta.states = tx.state.state.size
      }
      return value
    })
  }
]
