import { expect, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Schedule } from "effect"
import { joinTries } from "../../../src/internal/loops/join.js"

it.effect("tries to join come apart up to a heartbeat, and go on through the longest outage", () =>
  Effect.gen(function*() {
    const delays = yield* Schedule.run(Schedule.delays(joinTries(2_000)), 0, Array.from({ length: 3_000 }))
    const millis = Chunk.toReadonlyArray(delays).map((delay) => Duration.toMillis(delay))
    expect(millis.slice(0, 6)).toEqual([100, 200, 400, 800, 1_600, 2_000])
    expect(millis.length).toBe(3_000)
    expect(new Set(millis.slice(5))).toEqual(new Set([2_000]))
  }))
