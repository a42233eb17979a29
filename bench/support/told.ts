/**
 * What the programs of the benchmark share that are told what to do: commands on standard input, answers on standard
 * output, one line of JSON each; what is logged goes to standard error.
 */
import { Effect, Layer, Logger, Stream } from "effect"
import { createInterface } from "node:readline"

/** A command, as it is sent. */
export interface ToldCommand {
  readonly id: number
  readonly call: string
}

/** What a program does when it is told, by the name of the call. */
export type Calls<C, R> = { readonly [call: string]: (command: C) => Effect.Effect<unknown, unknown, R> }

const answer = (line: unknown): void => {
  process.stdout.write(JSON.stringify(line, (_, value) => typeof value === "bigint" ? String(value) : value) + "\n")
}

/** Does what it is told until standard input ends, each command on a fiber of its own. */
const serve = <C extends ToldCommand, R>(calls: Calls<C, R>) =>
  Effect.gen(function*() {
    const runtime = yield* Effect.runtime<R>()
    const lines = createInterface({ input: process.stdin })
    yield* Stream.fromAsyncIterable(lines, String).pipe(
      Stream.runForEach((text) => {
        const command: C = JSON.parse(text)
        const asked = calls[command.call]?.(command) ?? Effect.fail(`unknown call ${command.call}`)
        return Effect.forkDaemon(
          asked.pipe(
            Effect.matchCause({
              onFailure: (cause) => answer({ id: command.id, error: cause.toString() }),
              onSuccess: (value) => answer({ id: command.id, value: value ?? null })
            }),
            Effect.provide(runtime)
          )
        )
      })
    )
  })

const logger = Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))

/** A program that is told what to do: says that it is ready as soon as its layer is built. */
export const toldProgram = <C extends ToldCommand, R, E>(calls: Calls<C, R>, live: Layer.Layer<R, E>) =>
  Effect.zipRight(Effect.sync(() => answer({ ready: true })), serve(calls)).pipe(
    Effect.provide(Layer.provideMerge(live, logger))
  )
