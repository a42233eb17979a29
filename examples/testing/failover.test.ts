/**
 * A user's child, and two tests of it: a failover in ten lines, and 50 histories full of faults.
 */
import { expect, it } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import { Child } from "effect-pogo"
import * as PogoTest from "effect-pogo/PogoTest"

const Poller = Child.make("Poller", { payload: { every: Schema.DurationFromMillis } })

const PollerLive = Poller.toLayer(({ every }) =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    return yield* Effect.forever(Effect.zipRight(self.check, Effect.sleep(every)))
  })
)

const spec = Poller.spec("home", { every: Duration.seconds(1) })

it.scoped("a poller moves when its node crashes, and never runs twice", () =>
  Effect.gen(function*() {
    const cluster = yield* PogoTest.cluster(3, PollerLive)
    yield* cluster.node("n1").startChild(spec)
    const first = yield* cluster.eventuallyOne(spec.id)
    yield* cluster.crash(first)
    expect(yield* cluster.eventuallyOne(spec.id)).not.toBe(first)
    yield* cluster.atMostOne
  }))

it.effect("in 50 histories with faults it always ends up on one node", () =>
  Effect.gen(function*() {
    const { faults, histories } = yield* PogoTest.explore({
      seeds: 50,
      kinds: PollerLive,
      begin: (cluster) => cluster.node("n1").startChild(spec),
      check: (cluster) => cluster.eventuallyOne(spec.id)
    })
    expect(histories).toBe(50)
    yield* Effect.log(faults)
  }), 600_000)
