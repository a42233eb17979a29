/**
 * Options of the layers that run a kind's children, and their checks.
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
import { describe } from "../runtime/userInput.js"
import { checkKind, checkShutdown, type KindShape, shutdownOf } from "./specCodec.js"
import { maxStateBytes } from "./stateCodec.js"

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
   * Time in which a child has to end when it is stopped, before it is reported as overdue. A run that ends or crashes by
   * itself, or does not start in time, has as long to come to its end (5 seconds with `"brutalKill"`). Default 5 seconds
   * for workers, `"infinity"` for supervisors.
   */
  readonly shutdown?: Duration.DurationInput | "brutalKill" | "infinity" | undefined
  /** Restart intensity: the most restarts within a time. Default: the supervisor's, which has none unless it is set. */
  readonly intensity?: Intensity | undefined
  /**
   * Time in which a child that is a layer has to be built, or handlers have to be made. Default 1 minute. Then the build
   * is interrupted, and counts as a crash; one that does not heed that is overdue when its `shutdown` is over, too.
   */
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
  /**
   * Time for which a child that has come to a node stays there, though it would belong on another one that has joined, or
   * whose labels or weight have changed. It counts from the claim, and not from a restart. A node that leaves, or is
   * drained, gives it up all the same, and what is terminated or replaced ends at once. For children that are dear to start.
   * Default 0: it moves when it belongs elsewhere.
   */
  readonly minimumStay?: Duration.DurationInput | undefined
}

/**
 * How a node runs the children of a kind with a protocol.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServeOptions extends RunOptions {
  /**
   * How many calls of one child run at a time. Default 1: its handlers need no locks. Streams, and handlers wrapped by
   * `Rpc.fork`, run beside the others.
   */
  readonly concurrency?: number | "unbounded" | undefined
  /** How many calls of one child may wait; more fail with `MailboxFull`. Default 1,000. */
  readonly mailbox?: number | undefined
  /** What a handler that dies takes with it: its call only (default), or the child, which is then restarted. */
  readonly onDefect?: "call" | "child" | undefined
}

/** Setting that is refused: its value, the rule that it breaks, and a remedy. */
interface BadSetting {
  readonly setting: string
  readonly value: unknown
  readonly rule: string
  readonly remedy: string
}

const invalid = ({ remedy, rule, setting, value }: BadSetting): InvalidConfig =>
  new InvalidConfig({ setting, value: describe(value), rule, remedy })

const isPositiveDuration = (value: unknown): boolean =>
  Option.exists(Duration.decodeUnknown(value), Duration.greaterThan(Duration.zero))

const badIntensity = ({ maxRestarts, within }: Intensity): BadSetting | undefined => {
  if (!(Number.isInteger(maxRestarts) && maxRestarts >= 0)) {
    return {
      setting: "intensity.maxRestarts",
      value: maxRestarts,
      rule: "a whole number of at least 0",
      remedy: "use 0, 1, 2, ..."
    }
  }
  return isPositiveDuration(within) ? undefined : {
    setting: "intensity.within",
    value: within,
    rule: "a duration above 0",
    remedy: "write it like \"5 seconds\""
  }
}

/** Checks a restart intensity, wherever it is set. */
export const checkIntensity = (
  intensity: Intensity | undefined
): Either.Either<Intensity | undefined, InvalidConfig> => {
  const bad = intensity === undefined ? undefined : badIntensity(intensity)
  return bad === undefined ? Either.right(intensity) : Either.left(invalid(bad))
}

const badKind = ({ kind, state, version }: KindShape, build: unknown): BadSetting | undefined => {
  const wrong = checkKind(kind)
  if (wrong !== undefined) {
    return { setting: "kind", value: kind, rule: `a kind's name: it ${wrong.problem}`, remedy: wrong.remedy }
  }
  if (!Number.isSafeInteger(version) || version < 0) {
    return { setting: "version", value: version, rule: "a whole number of at least 0", remedy: "use 1, 2, 3, ..." }
  }
  const limit = state?.maxBytes ?? 1
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > maxStateBytes) {
    return {
      setting: "maxStateBytes",
      value: limit,
      rule: `a whole number from 1 to ${maxStateBytes}`,
      remedy: "keep what is larger elsewhere, and a reference to it in the state"
    }
  }
  return typeof build === "function"
    ? undefined
    : { setting: "build", value: build, rule: "a function of the payload", remedy: "write (payload) => effect" }
}

const badChoice = (setting: string, value: unknown, allowed: ReadonlyArray<string>): BadSetting | undefined =>
  value === undefined || allowed.includes(value as string)
    ? undefined
    : { setting, value, rule: allowed.map((one) => `"${one}"`).join(" or "), remedy: `use "${allowed[0]}"` }

const restartTypes: ReadonlyArray<unknown> = ["permanent", "transient", "temporary"]

const isRestart = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false
  const { resetAfter, schedule, type } = value as { readonly [field: string]: unknown }
  return restartTypes.includes(type) && Schedule.isSchedule(schedule) && Duration.isDuration(resetAfter)
}

const badRun = (options: RunOptions) => {
  const { intensity, minimumStay, onOverdue, onRegistryLoss, restart, shutdown, startTimeout } = options
  const grace = shutdownOf(shutdown)
  if (checkShutdown(grace) !== undefined) {
    return {
      setting: "shutdown",
      value: grace,
      rule: "a finite duration of at least 0",
      remedy: "or use \"infinity\""
    }
  }
  if (startTimeout !== undefined && !isPositiveDuration(startTimeout)) {
    return {
      setting: "startTimeout",
      value: startTimeout,
      rule: "a duration above 0",
      remedy: "write it like \"30 seconds\""
    }
  }
  if (minimumStay !== undefined && Option.isNone(Duration.decodeUnknown(minimumStay))) {
    return {
      setting: "minimumStay",
      value: minimumStay,
      rule: "a duration of at least 0",
      remedy: "write it like \"10 minutes\", or leave it out"
    }
  }
  if (restart !== undefined && !isRestart(restart)) {
    return {
      setting: "restart",
      value: restart,
      rule: "a policy of the module Restart",
      remedy: "write Restart.permanent(), Restart.transient() or Restart.temporary"
    }
  }
  return badChoice("onRegistryLoss", onRegistryLoss, ["stop", "keep"]) ??
    badChoice("onOverdue", onOverdue, ["report", "exit"]) ??
    (intensity === undefined ? undefined : badIntensity(intensity))
}

const badServe = ({ concurrency, mailbox }: ServeOptions): BadSetting | undefined => {
  if (concurrency !== undefined && concurrency !== "unbounded" && !(Number.isInteger(concurrency) && concurrency > 0)) {
    return {
      setting: "concurrency",
      value: concurrency,
      rule: "a whole number of at least 1",
      remedy: "or use \"unbounded\""
    }
  }
  return mailbox === undefined || (Number.isInteger(mailbox) && mailbox >= 0)
    ? undefined
    : { setting: "mailbox", value: mailbox, rule: "a whole number of at least 0", remedy: "use 1000" }
}

/** Checks a kind, its code and its options; fails with the first setting that is wrong. */
export const checkRunOptions = (
  shape: KindShape,
  build: unknown,
  options: ServeOptions
): Effect.Effect<void, InvalidConfig> => {
  const bad = badKind(shape, build) ?? badRun(options) ?? badServe(options)
  return bad === undefined
    ? Effect.void
    : Effect.fail(invalid({ ...bad, setting: `${shape.kind}: ${bad.setting}` }))
}
