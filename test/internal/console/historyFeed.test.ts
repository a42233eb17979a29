/** How often the last hour is read. */
import { expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { HistoryFeed } from "../../../src/internal/console/historyFeed.js"
import { makeAmbient } from "../../../src/internal/runtime/environment.js"

it.effect("the last hour is read anew for one who asks about once a second, however long a read takes", () =>
  Effect.gen(function*() {
    let reads = 0
    const history = () => Effect.as(Effect.delay(Effect.sync(() => reads++), "40 millis"), [])
    const feed = new HistoryFeed({ ambient: yield* makeAmbient, active: true }, { history })
    const askAt = (wait: number) =>
      Effect.zipRight(Effect.fork(feed.refresh), Effect.zipRight(Effect.yieldNow(), TestClock.adjust(wait)))
    yield* askAt(500)
    yield* askAt(500)
    expect(reads).toBe(1)
    yield* askAt(760)
    yield* askAt(760)
    expect(reads).toBe(3)
  }))
