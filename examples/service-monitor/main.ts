/**
 * What both demos have in common around their story.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Data, Effect, Exit, Logger, LogLevel } from "effect"

/** Something that should have happened by now. */
export class Missed extends Data.TaggedError("Missed")<{ readonly what: string }> {
  override get message(): string {
    return `not in time: ${this.what}`
  }
}

/** Waits until a condition holds. */
export const waitUntil = (
  what: string,
  condition: Effect.Effect<boolean>,
  seconds: number
): Effect.Effect<void, Missed> =>
  Effect.sleep("50 millis").pipe(
    Effect.zipRight(condition),
    Effect.repeat({ until: (met) => met }),
    Effect.timeoutFail({ duration: seconds * 1_000, onTimeout: () => new Missed({ what }) }),
    Effect.asVoid
  )

/** What shells expect of a program that Ctrl-C ended. */
const interrupted = 130

/**
 * Runs a demo, which tells whether all went well, to its end. The supervisor's log stays silent but for errors: the
 * screen tells the same.
 */
export const runDemo = <E>(demo: Effect.Effect<boolean, E>): void =>
  NodeRuntime.runMain(Logger.withMinimumLogLevel(demo, LogLevel.Error), {
    teardown: (exit, onExit) =>
      onExit(Exit.isInterrupted(exit) ? interrupted : Exit.isSuccess(exit) && exit.value === true ? 0 : 1)
  })
