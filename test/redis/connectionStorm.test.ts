/** Many clients that come at once, to a server that takes few. Numbers in brackets are rows of `docs/faults.md`. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { measured } from "../support/measured.js"
import { eventually, live, pause, server } from "../support/registryLive.js"
import { connect } from "../support/registryScripted.js"

const count = 100

describe("a storm of connections", () => {
  it.scopedLive(
    `[F56] of ${count} nodes where half find a place: the others wait, and all are served in the end`,
    () =>
      Effect.gen(function*() {
        const redis = yield* server({ args: ["--maxclients", "150"] })
        const control = connect(redis.url)
        yield* Effect.addFinalizer(() => Effect.sync(() => control.disconnect()))
        yield* Effect.promise(() => control.ping())
        // The test's own look at the server takes one connection per caller: hence 100 registries, 300 connections wanted.
        const callers = yield* Effect.forEach(
          Array.from({ length: count }, (_, i) => i),
          () => live(redis, { connectTimeout: 500 }),
          { concurrency: 20 }
        )
        const served = () =>
          Effect.map(
            Effect.forEach(callers, (caller) => caller.attempt("tick", { sid: "" }), { concurrency: "unbounded" }),
            (answers) => answers.filter(Either.isRight).length
          )
        const some = yield* served()
        expect(some).toBeLessThan(count)
        yield* pause(500)
        const start = performance.now()
        yield* Effect.promise(() => control.config("SET", "maxclients", "2000"))
        yield* eventually(served(), (n) => n === count)
        const took = performance.now() - start
        measured(
          "F56",
          `${some} of ${count} served at the limit; all of them ${took.toFixed(0)} ms after it was raised`
        )
      })
  )
})
