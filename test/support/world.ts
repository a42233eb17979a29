/**
 * A place to run a cluster in: the in-memory registry in virtual time, or Redis in real time.
 */
import { Duration, Effect, type Scope, TestClock } from "effect"
import { GroupRegistry, type PogoConfig } from "effect-pogo"
import { inVirtualTime, type Registry } from "./cluster.js"

export interface World {
  readonly name: string
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly options: PogoConfig.Options
  readonly registry: Effect.Effect<Registry, never, Scope.Scope>
  /** Waits for an effect that may need time to pass. */
  readonly passing: <A>(effect: Effect.Effect<A>) => Effect.Effect<A>
  /** Lets time pass. Given in units of the default `ttl` of 15 s; a real world scales it down. */
  readonly pass: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** Lets time pass, bit by bit, until the condition holds; dies after the limit. */
  readonly until: (
    what: string,
    condition: Effect.Effect<boolean>,
    limit?: Duration.DurationInput
  ) => Effect.Effect<void>
  /** Time limit for all listings to agree once things are quiet: none in virtual time, where nothing is late. */
  readonly agreement: Duration.DurationInput
}

export const polling = (
  pass: World["pass"],
  step: Duration.DurationInput
): World["until"] =>
(what, condition, limit = "2 minutes") =>
  Effect.gen(function*() {
    const steps = Math.ceil(Duration.toMillis(limit) / Duration.toMillis(step))
    for (let i = 0; i < steps; i++) {
      if (yield* condition) return
      yield* pass(step)
    }
    if (!(yield* condition)) return yield* Effect.die(new Error(`not within ${Duration.format(limit)}: ${what}`))
  })

/** Virtual time. */
export const memoryWorld: World = {
  name: "memory",
  run: (effect) => effect,
  options: {},
  registry: GroupRegistry.makeMemory(),
  passing: inVirtualTime,
  pass: (duration) => TestClock.adjust(duration),
  until: polling((duration) => TestClock.adjust(duration), "500 millis"),
  agreement: 0
}
