/**
 * Plays histories of a broken protocol until a check notices.
 */
import { draw } from "../draw.js"
import { play } from "../simulation.js"
import { turn } from "../turn.js"
import { ofCalls } from "./calls.js"
import { ofDirectives } from "./directives.js"
import type { Mutation } from "./mutation.js"
import { ofNeighbours } from "./neighbours.js"
import { ofNodes } from "./nodes.js"
import { ofRegistry } from "./registry.js"

export const mutations: ReadonlyArray<Mutation> = [
  ...ofRegistry,
  ...ofNodes,
  ...ofDirectives,
  ...ofNeighbours,
  ...ofCalls
]

export interface Caught {
  /** What noticed. */
  readonly check: string
  readonly message: string
  readonly seed: number
}

const catchWith = (
  { changed, directives = false, execute, patch, shape, weights }: Mutation,
  seed: number
): Caught | undefined => {
  const mend = patch?.()
  try {
    const plan = draw(seed, weights, { calls: patch === undefined ? 0 : 1, directives: directives ? 1 : 0 })
    const { failure } = play(shape?.(plan) ?? plan, {
      ...(execute === undefined ? {} : { execute }),
      ...(changed === undefined ? {} : { changed })
    })
    return failure === undefined ? undefined : { check: failure.check, message: failure.message, seed }
  } finally {
    mend?.()
  }
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
