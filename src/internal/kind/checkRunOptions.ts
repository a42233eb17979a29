/**
 * The check of how a node is to run the children of a kind.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { RunOptions } from "../../Child.js"
import { InvalidConfig } from "../../PogoError.js"
import { describe } from "../runtime/describe.js"
import { checkIntensity } from "./checkIntensity.js"
import { type KindShape, shutdownOf } from "./draftSpec.js"
import { checkKind, checkShutdown } from "./specCodec.js"

interface Fault {
  readonly setting: string
  readonly value: unknown
  readonly rule: string
  readonly remedy: string
}

const oneOf = (setting: string, value: unknown, allowed: ReadonlyArray<string>): Fault | undefined =>
  value === undefined || allowed.includes(value as string)
    ? undefined
    : { setting, value, rule: allowed.map((one) => `"${one}"`).join(" or "), remedy: `use "${allowed[0]}"` }

const types: ReadonlyArray<unknown> = ["permanent", "transient", "temporary"]

const isRestart = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false
  const { resetAfter, schedule, type } = value as { readonly [field: string]: unknown }
  return types.includes(type) && Schedule.isSchedule(schedule) && Duration.isDuration(resetAfter)
}

const checkRestart = (value: unknown): Fault | undefined =>
  value === undefined || isRestart(value) ? undefined : {
    setting: "restart",
    value,
    rule: "a policy of the module Restart",
    remedy: "write Restart.permanent(), Restart.transient() or Restart.temporary"
  }

const checkStartTimeout = (value: unknown): Fault | undefined =>
  value === undefined || Option.exists(Duration.decodeUnknown(value), Duration.greaterThan(Duration.zero))
    ? undefined
    : { setting: "startTimeout", value, rule: "a duration above 0", remedy: "write it like \"30 seconds\"" }

const checkGrace = ({ shutdown }: RunOptions): Fault | undefined => {
  const value = shutdownOf(shutdown)
  return checkShutdown(value) === undefined
    ? undefined
    : { setting: "shutdown", value, rule: "a finite duration of at least 0", remedy: "or use \"infinity\"" }
}

const checkShape = ({ kind, version }: KindShape, build: unknown): Fault | undefined => {
  const wrong = checkKind(kind)
  if (wrong !== undefined) {
    return { setting: "kind", value: kind, rule: `a kind's name: it ${wrong.problem}`, remedy: wrong.remedy }
  }
  if (!Number.isSafeInteger(version) || version < 0) {
    return { setting: "version", value: version, rule: "a whole number of at least 0", remedy: "use 1, 2, 3, ..." }
  }
  return typeof build === "function"
    ? undefined
    : { setting: "build", value: build, rule: "a function of the payload", remedy: "write (payload) => effect" }
}

/** @internal */
export const checkRunOptions = (
  shape: KindShape,
  build: unknown,
  options: RunOptions
): Effect.Effect<void, InvalidConfig> => {
  const fault = checkShape(shape, build) ?? checkGrace(options) ?? checkStartTimeout(options.startTimeout) ??
    checkRestart(options.restart) ?? oneOf("onRegistryLoss", options.onRegistryLoss, ["stop", "keep"]) ??
    oneOf("onOverdue", options.onOverdue, ["report", "exit"])
  const of = (setting: string): string => `${shape.kind}: ${setting}`
  if (fault !== undefined) {
    return Effect.fail(new InvalidConfig({ ...fault, setting: of(fault.setting), value: describe(fault.value) }))
  }
  return Either.match(checkIntensity(options.intensity), {
    onLeft: ({ remedy, rule, setting, value }) =>
      Effect.fail(new InvalidConfig({ setting: of(setting), value, rule, remedy })),
    onRight: () => Effect.void
  })
}
