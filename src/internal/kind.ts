/**
 * From a kind and its code to what a supervisor needs.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import type * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type { RunOptions } from "../Child.js"
import { InvalidConfig } from "../PogoError.js"
import * as Restart from "../Restart.js"
import { describe } from "./describe.js"
import { type KindShape, shutdownOf } from "./draft.js"
import { hashText } from "./hash.js"
import { checkIntensity } from "./intensity.js"
import { checkKind, checkShutdown } from "./specBody.js"
import type { Body, Registration } from "./supervisor/registration.js"

const invalid = (kind: string, setting: string, value: unknown, rule: string, remedy: string) =>
  Effect.fail(new InvalidConfig({ setting: `${kind}: ${setting}`, value: describe(value), rule, remedy }))

const checkOptions = (kind: string, version: number, options: RunOptions): Effect.Effect<void, InvalidConfig> => {
  const wrong = checkKind(kind)
  if (wrong !== undefined) return invalid(kind, "kind", wrong.value, `a kind's name: it ${wrong.problem}`, wrong.remedy)
  if (!Number.isSafeInteger(version) || version < 0) {
    return invalid(kind, "version", version, "a whole number of at least 0", "use 1, 2, 3, ...")
  }
  const shutdown = shutdownOf(options.shutdown)
  if (checkShutdown(shutdown) !== undefined) {
    return invalid(kind, "shutdown", shutdown, "a finite duration of at least 0", "or use \"infinity\"")
  }
  if (options.startTimeout !== undefined && Option.isNone(Duration.decodeUnknown(options.startTimeout))) {
    return invalid(kind, "startTimeout", options.startTimeout, "a duration", "write it like \"30 seconds\"")
  }
  const wrongIntensity = checkIntensity(options.intensity)
  if (Either.isRight(wrongIntensity)) return Effect.void
  const { remedy, rule, setting, value } = wrongIntensity.left
  return invalid(kind, setting, value, rule, remedy)
}

/** Tells codes of one version apart by the shape of their payload. */
const digestOf = (schema: Schema.Schema.Any): string => hashText(String(schema.ast)).toString(16).padStart(8, "0")

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
    yield* checkOptions(kind, version, options)
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
