/**
 * The machine behind the registry's port, inside one process.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Encoded } from "./commands.js"
import { execute } from "./machine.js"
import { emptyState, type RegistryState } from "./state.js"

/** What an empty data set means. */
export type EmptyPolicy = "trust" | "settle"

/** The port, and the data behind it for tests that break it. */
export interface Backend {
  readonly encoded: Encoded
  readonly states: Map<string, RegistryState>
}

type Listener = Parameters<Encoded["onWake"]>[1]

/** @internal */
export const makeBackend = (onEmpty: EmptyPolicy): Effect.Effect<Backend> =>
  Effect.sync(() => {
    const states = new Map<string, RegistryState>()
    const listeners = new Map<string, Set<Listener>>()

    const stateOf = (scope: string): RegistryState => {
      let state = states.get(scope)
      if (state === undefined) states.set(scope, state = emptyState())
      return state
    }

    const run: Encoded["execute"] = (name, envelope, args) =>
      Effect.clockWith((clock) =>
        Effect.sync(() => {
          const state = stateOf(envelope.scope)
          const before = state.meta?.log
          // Whole, as a server's time is: a test's clock may stand between two milliseconds, and the law knows no such number.
          const time = Math.floor(clock.unsafeCurrentTimeMillis())
          const server = { time, run: "memory", trust: onEmpty === "trust" }
          const reply = execute(state, server, envelope, name, args)
          const log = state.meta?.log
          if (log !== before) {
            for (const listener of listeners.get(envelope.scope) ?? []) listener(log, envelope.concerns)
          }
          return reply
        })
      )

    const onWake: Encoded["onWake"] = (scope, listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const set = listeners.get(scope) ?? new Set()
          listeners.set(scope, set.add(listener))
        }),
        () => Effect.sync(() => listeners.get(scope)?.delete(listener))
      )

    return { encoded: { description: "memory", execute: run, onWake }, states }
  })
