/**
 * From a kind and its code to what a supervisor needs.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as ParseResult from "effect/ParseResult"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type { ServeOptions } from "../../Child.js"
import { InvalidConfig } from "../../PogoError.js"
import * as Restart from "../../Restart.js"

import { describe } from "../runtime/describe.js"
import { checkRunOptions } from "./checkRunOptions.js"
import { type KindShape, shutdownOf } from "./draftSpec.js"
import type { Protocol } from "./protocol.js"
import type { Body, Registration, Serving } from "./registration.js"
import { digestOf } from "./schemaDigest.js"

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

const invalid = (kind: string, setting: string, value: unknown, rule: string, remedy: string) =>
  Effect.fail(new InvalidConfig({ setting: `${kind}: ${setting}`, value: describe(value), rule, remedy }))

/** Handlers may be given as they are, or as an effect that makes them. */
const serving = (build: Build): Build => (payload) => {
  const built = build(payload)
  return Effect.isEffect(built) ? built : Effect.succeed(built)
}

const servingOf = ({ concurrency, mailbox, onDefect }: ServeOptions): Serving => ({
  concurrency: concurrency === "unbounded" ? Infinity : (concurrency ?? 1),
  mailbox: mailbox ?? 1_000,
  onDefect: onDefect ?? "call"
})

const checkServing = (kind: string, { concurrency, mailbox }: ServeOptions): Effect.Effect<void, InvalidConfig> => {
  if (concurrency !== undefined && concurrency !== "unbounded" && !(Number.isInteger(concurrency) && concurrency > 0)) {
    return invalid(kind, "concurrency", concurrency, "a whole number of at least 1", "or use \"unbounded\"")
  }
  return mailbox === undefined || (Number.isInteger(mailbox) && mailbox >= 0)
    ? Effect.void
    : invalid(kind, "mailbox", mailbox, "a whole number of at least 0", "use 1000")
}

/** @internal */
export const makeRegistration = (
  shape: KindShape,
  build: Build,
  options: ServeOptions,
  annotations: { readonly scope: string; readonly node: string },
  protocol?: Protocol
): Effect.Effect<Registration, InvalidConfig> =>
  Effect.gen(function*() {
    const { kind, payload, version } = shape
    yield* checkRunOptions(shape, build, options)
    yield* checkServing(kind, options)
    const built: Runtime.Runtime<never> = yield* Effect.annotateLogs(Effect.runtime(), annotations)
    const runtime = Runtime.make({
      context: built.context,
      // Each run has a context of its own: without this one it need not carry the layer's along.
      fiberRefs: FiberRefs.delete(built.fiberRefs, FiberRef.currentContext),
      runtimeFlags: built.runtimeFlags
    })
    return {
      kind,
      code: { version, digest: digestOf(payload) },
      prepare: preparer(shape, protocol === undefined ? build : serving(build)),
      runtime,
      restart: options.restart ?? Restart.permanent(),
      shutdown: shutdownOf(options.shutdown),
      intensity: options.intensity,
      startTimeout: Duration.toMillis(options.startTimeout ?? "1 minute"),
      onRegistryLoss: options.onRegistryLoss ?? "stop",
      onOverdue: options.onOverdue ?? "report",
      protocol,
      serving: protocol === undefined ? undefined : servingOf(options)
    }
  })
