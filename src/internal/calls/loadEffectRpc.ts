/**
 * Loads what needs `@effect/rpc`: a program without protocols does without it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as EffectRpc from "./effectRpc.js"

let loaded: typeof EffectRpc | undefined

/** The modules that need `@effect/rpc`. Synchronous, but for the first time in a process. */
export const effectRpc: Effect.Effect<typeof EffectRpc> = Effect.suspend(() =>
  loaded === undefined
    ? Effect.map(Effect.promise(() => import("./effectRpc.js")), (module) => (loaded = module))
    : Effect.succeed(loaded)
)
