/**
 * Plays histories of a broken protocol until a check notices.
 */
import { draw } from "../draw.js"
import { play } from "../simulation.js"
import { ofCalls } from "./calls.js"
import type { Mutation } from "./mutation.js"
import { ofNeighbours } from "./neighbours.js"
import { ofNodes } from "./nodes.js"
import { ofRegistry } from "./registry.js"

export const mutations: ReadonlyArray<Mutation> = [...ofRegistry, ...ofNodes, ...ofNeighbours, ...ofCalls]

export interface Caught {
  /** What noticed. */
  readonly check: string
  readonly message: string
  readonly seed: number
}

export const catchWith = ({ changed, execute, patch, shape, weights }: Mutation, seed: number): Caught | undefined => {
  const mend = patch?.()
  try {
    const plan = draw(seed, weights, patch === undefined ? 0 : 1)
    const { failure } = play(shape?.(plan) ?? plan, {
      ...(execute === undefined ? {} : { execute }),
      ...(changed === undefined ? {} : { changed })
    })
    return failure === undefined ? undefined : { check: failure.check, message: failure.message, seed }
  } finally {
    mend?.()
  }
}

/** The first history that shows the mutation, if one of so many does. */
export const hunt = (mutation: Mutation, limit: number, from = 1): Caught | undefined => {
  for (let seed = from; seed < from + limit; seed++) {
    const caught = catchWith(mutation, seed)
    if (caught !== undefined) return caught
  }
  return undefined
}
