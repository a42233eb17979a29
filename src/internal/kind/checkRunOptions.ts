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
import { InvalidConfig } from "../../PogoError.js"
import type { Intensity, Restart } from "../../Restart.js"
import { describe } from "../runtime/describe.js"
import { checkIntensity } from "./checkIntensity.js"
import { type KindShape, shutdownOf } from "./draftSpec.js"
import { checkKind, checkShutdown } from "./specCodec.js"

/**
 * How a node runs the children of a kind.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunOptions {
  /** Restart policy. Default `Restart.permanent()`. */
  readonly restart?: Restart | undefined
  /**
   * Time in which a child has to end when it is stopped, before it is reported as overdue. Default 5 seconds for workers,
   * `"infinity"` for supervisors.
   */
  readonly shutdown?: Duration.DurationInput | "brutalKill" | "infinity" | undefined
  /** Restart intensity: the most restarts within a time. Default: the supervisor's, which has none unless it is set. */
  readonly intensity?: Intensity | undefined
  /** Time in which a child that is a layer has to be built. Default 1 minute. */
  readonly startTimeout?: Duration.DurationInput | undefined
  /**
   * Policy for when the node cannot renew its lease. `"stop"` (default): the child is stopped before it may be started
   * elsewhere, so that no two copies run. `"keep"`: it goes on, its `check` fails, and if only this node was cut off a
   * second copy is started elsewhere.
   */
  readonly onRegistryLoss?: "stop" | "keep" | undefined
  /**
   * Policy for a child that does not end in time. `"report"` (default): a status and an event tell it. `"exit"`: the
   * process is ended, since nothing else ends a stuck fiber.
   */
  readonly onOverdue?: "report" | "exit" | undefined
}

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
