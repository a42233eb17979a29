/**
 * `effect-pogo doctor`.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as PogoConfig from "../../PogoConfig.js"
import { resolve as resolveTiming } from "../registry/timing.js"
import { judge } from "./doctor.js"
import type { OwnSettings } from "./doctorFacts.js"
import { gather } from "./doctorGather.js"
import { reportLines } from "./doctorText.js"
import { Ended, exitCodes, Usage } from "./failures.js"
import { tell } from "./output.js"
import type { Output } from "./outputForms.js"
import { type GivenPlace, placeOf } from "./place.js"

const millis = (input: Duration.DurationInput | undefined): number | undefined =>
  input === undefined ? undefined : Option.getOrUndefined(Option.map(Duration.decodeUnknown(input), Duration.toMillis))

/** The settings of a node that is started with this environment, in a scope with a ttl. */
const ownSettings = (options: PogoConfig.Options) => (scopeTtl: number | undefined): OwnSettings => {
  const [ttl, maxStep] = [millis(options.ttl), millis(options.maxStep)]
  const given = { ttl: ttl ?? scopeTtl, commandTimeout: millis(options.commandTimeout) }
  // Settings that break a rule keep a node from starting, which says so itself.
  const timing = Either.getOrElse(
    Either.orElse(resolveTiming(given), () => resolveTiming({})),
    () => ({ commandTimeout: 2_000, margin: 7_000, heartbeat: 2_000 })
  )
  const { commandTimeout, heartbeat, margin } = timing
  return { ttl, maxStep, commandTimeout, margin, heartbeat }
}

/** Looks at a server and a scope, and tells what is wrong. */
export const doctor = (given: GivenPlace, output: Output) =>
  Effect.gen(function*() {
    const place = yield* placeOf(given)
    if (place._tag === "Http") {
      return yield* new Usage({ sentence: "the doctor looks at Redis itself: give --redis instead of --http" })
    }
    // Loaded now and not before: a client of Redis takes a while.
    const { openRaw } = yield* Effect.promise(() => import("./rawRedis.js"))
    const { resolve } = yield* Effect.promise(() => import("../redis/redisOptions.js"))
    const options = yield* PogoConfig.config
    const redis = yield* openRaw(yield* resolve(place.options))
    const report = judge(yield* gather(redis, place, ownSettings(options)))
    yield* tell(output, {
      lines: (width) => reportLines(report, width),
      json: report,
      rows: report.troubles
    })
    if (report.troubles.length > 0) return yield* new Ended({ code: exitCodes.troubles })
  }).pipe(Effect.scoped)
