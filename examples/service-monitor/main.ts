/**
 * Runs a demo as the main program.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Exit, Logger, LogLevel } from "effect"

/** What shells expect of a program that Ctrl-C ended. */
const interrupted = 130

/** Whoever reads the output is gone, as in `npm run demo | head`: the demo ends as if by Ctrl-C. */
const endWithReader = (): void => {
  let ending = false
  process.stdout.on("error", () => {
    if (!ending) process.kill(process.pid, "SIGTERM")
    ending = true
  })
}

/** Those who started us may pass a signal on that we have got already: the end in order is not cut short by it. */
const endInOrder = (): void => {
  process.on("SIGINT", () => setTimeout(() => process.exit(interrupted), 5_000).unref())
}

/** The demo tells whether all went well. The supervisor's log is silent but for errors: the screen tells the same. */
export const runDemo = <E extends { readonly message: string }>(demo: Effect.Effect<boolean, E>): void => {
  endWithReader()
  endInOrder()
  const told = Effect.catchAll(demo, ({ message }) => Effect.as(Console.error(message), false))
  NodeRuntime.runMain(Logger.withMinimumLogLevel(told, LogLevel.Error), {
    teardown: (exit, onExit) =>
      onExit(Exit.isInterrupted(exit) ? interrupted : Exit.isSuccess(exit) && exit.value === true ? 0 : 1)
  })
}
