/**
 * From a kind and its code to what a supervisor needs.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type { RunOptions } from "../Child.js"
import type { InvalidConfig } from "../PogoError.js"
import * as Restart from "../Restart.js"
import { digestOf } from "./digest.js"
import { type KindShape, shutdownOf } from "./draft.js"
import { checkRunOptions } from "./runOptions.js"
import type { Body, Registration } from "./supervisor/registration.js"

/** A kind's code, of which the types were checked where it was given. */
type Build = (payload: never) => unknown

const preparer = (shape: KindShape, build: Build): Registration["prepare"] => {
  const decode = Schema.decodeUnknownEither(shape.payload)
  return (payload) =>
    // The schema's own code may throw: that is this child's misfortune, and nobody else's.
    Either.try({ try: () => decode(payload), catch: (error) => `its schema threw: ${String(error)}` }).pipe(
      Either.flatMap(Either.mapBoth({
        onLeft: (error) => ParseResult.TreeFormatter.formatErrorSync(error),
        onRight: (decoded) => () => build(decoded as never) as Body
      }))
    )
}

/** @internal */
export const makeRegistration = (
  shape: KindShape,
  build: Build,
  options: RunOptions,
  annotations: { readonly scope: string; readonly node: string }
): Effect.Effect<Registration, InvalidConfig> =>
  Effect.gen(function*() {
    const { kind, payload, version } = shape
    yield* checkRunOptions(shape, build, options)
    const runtime: Runtime.Runtime<never> = yield* Effect.annotateLogs(Effect.runtime(), annotations)
    return {
      kind,
      code: { version, digest: digestOf(payload) },
      prepare: preparer(shape, build),
      runtime,
      restart: options.restart ?? Restart.permanent(),
      shutdown: shutdownOf(options.shutdown),
      intensity: options.intensity,
      startTimeout: Duration.toMillis(options.startTimeout ?? "1 minute"),
      onRegistryLoss: options.onRegistryLoss ?? "stop",
      onOverdue: options.onOverdue ?? "report"
    }
  })
