/**
 * Plays histories of a broken protocol until a check notices.
 */
import { draw } from "../draw.js"
import { type Failure, play } from "../simulation.js"
import { turn } from "../turn.js"
import { ofCalls } from "./calls.js"
import { ofDirectives } from "./directives.js"
import { ofHistory } from "./history.js"
import type { Mutation } from "./mutation.js"
import { ofNeighbours } from "./neighbours.js"
import { ofNodes } from "./nodes.js"
import { ofRegistry } from "./registry.js"
import { ofRollouts } from "./rollouts.js"
import { ofSets } from "./sets.js"
import { ofStates } from "./states.js"

export const mutations: ReadonlyArray<Mutation> = [
  ...ofRegistry,
  ...ofNodes,
  ...ofDirectives,
  ...ofSets,
  ...ofStates,
  ...ofRollouts,
  ...ofHistory,
  ...ofNeighbours,
  ...ofCalls
]

export interface Caught {
  /** What noticed. */
  readonly check: string
  readonly message: string
  readonly seed: number
}

/** Plays the history of a seed, with the rule broken or whole. */
const failureOf = (mutation: Mutation, seed: number, isBroken: boolean): Failure | undefined => {
  const { changed, execute, patch, shape, weights } = mutation
  const { directives = false, lists = false, rollouts = false, sets = false, states = false } = mutation
  const mend = isBroken ? patch?.() : undefined
  try {
    const plan = draw(seed, weights, {
      calls: patch === undefined || sets || lists || states || rollouts ? 0 : 1,
      directives: directives ? 1 : 0,
      sets: sets ? 1 : 0,
      lists: lists ? 1 : 0,
      states: states ? 1 : 0,
      rollouts: rollouts ? 1 : 0
    })
    return play(shape?.(plan) ?? plan, {
      ...(execute === undefined || !isBroken ? {} : { execute }),
      ...(changed === undefined || !isBroken ? {} : { changed })
    }).failure
  } finally {
    mend?.()
  }
}

/** A history of a shape of its own must pass as long as the rule is whole: else it shows nothing. */
const catchWith = (mutation: Mutation, seed: number): Caught | undefined => {
  const failure = failureOf(mutation, seed, true)
  if (failure === undefined) return undefined
  if (mutation.shape !== undefined && failureOf(mutation, seed, false) !== undefined) return undefined
  return { check: failure.check, message: failure.message, seed }
}

/** The first history that shows the mutation: the one that it names, or one of so many. */
export const hunt = async (mutation: Mutation, limit: number): Promise<Caught | undefined> => {
  const named = mutation.shownBy === undefined ? [] : [mutation.shownBy]
  for (const seed of [...named, ...Array.from({ length: limit }, (_, i) => i + 1)]) {
    await turn()
    const caught = catchWith(mutation, seed)
    if (caught !== undefined) return caught
  }
  return undefined
}
