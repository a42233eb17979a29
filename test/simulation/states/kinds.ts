/**
 * Children that count: they store how far they are, again and again, and each begins with what the one before it stored.
 */
import { Effect, type Exit, type Layer, Option, Schema, type Scope } from "effect"
import { Child, type Pogo, type PogoError, Restart } from "effect-pogo"
import type { Current } from "../../../src/internal/kind/current.js"
import type { Dice } from "../../../src/internal/testing/dice.js"

export const savedKinds = ["Saver", "SaverKeep"] as const

export type SavedKind = (typeof savedKinds)[number]

/** Told by the children themselves. */
export interface StateJournal {
  /** A run begins with so many; 0 for none. */
  readonly begins: (self: Current, count: number) => void
  /** A run is about to submit a count. */
  readonly submits: (self: Current, count: number) => void
  /** What became of it. */
  readonly answered: (self: Current, count: number, exit: Exit.Exit<unknown, PogoError.StateError>) => void
}

const make = (kind: SavedKind) =>
  Child.make(kind, { payload: { content: Schema.Number }, state: Schema.Struct({ count: Schema.Number }) })

export const saved = { Saver: make("Saver"), SaverKeep: make("SaverKeep") }

type Writing = <A, E>(
  then: (dice: Dice) => Effect.Effect<A, E, Current | Scope.Scope>
) => Effect.Effect<A, E, Current | Scope.Scope>

const counting = (kind: SavedKind, journal: StateJournal, writing: Writing) =>
  writing((dice) =>
    Effect.gen(function*() {
      const self = yield* Child.Current
      const state = yield* saved[kind].state
      const countOf = Option.match({ onNone: () => 0, onSome: ({ count }: { readonly count: number }) => count })
      journal.begins(self, countOf(yield* state.get))
      const pace = dice.pick([20, 200, 2_000])
      for (;;) {
        yield* Effect.sleep(dice.between(0, pace))
        if (dice.chance(0.02)) return yield* Effect.fail(new Error("crashed"))
        let count = 0
        const exit = yield* Effect.exit(state.update((before) => {
          count = countOf(before) + 1
          journal.submits(self, count)
          return { count }
        }))
        journal.answered(self, count, exit)
        if (exit._tag === "Failure") yield* Effect.sleep(500)
      }
    })
  )

/** One that stops with its node's lease, and one that goes on without. */
export const savedLayers: {
  readonly [K in SavedKind]: (journal: StateJournal, writing: Writing) => Layer.Layer<never, unknown, Pogo.Pogo>
} = {
  Saver: (journal, writing) => saved.Saver.toLayer(() => counting("Saver", journal, writing)),
  SaverKeep: (journal, writing) =>
    saved.SaverKeep.toLayer(() => counting("SaverKeep", journal, writing), {
      onRegistryLoss: "keep",
      restart: Restart.permanent()
    })
}
