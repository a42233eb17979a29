/**
 * The program `effect-pogo`. It is bundled into one file with all that it needs.
 *
 * @internal
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import type * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { runCli } from "./cliApp.js"
import { type CommandEnd, endingOfCause, exitCodes } from "./failures.js"
import { plainText, tidied } from "./helpText.js"
import { shellLive } from "./shell.js"

/** The version of this package, put in when the file is built. */
declare const POGO_VERSION: string

const { stderr, stdout } = process

const logger = Logger.map(Logger.logfmtLogger, (line) => void stderr.write(`${line}\n`))

/** Help is made readable; versions and completions are written as they are. */
const asWritten = (text: string): string => (/USAGE/.test(plainText(text)) ? tidied(text) : `${text.trimEnd()}\n`)

/** What the parser prints by itself: help goes out, and errors are told once, at the end. */
const quieted = (usual: Console.Console): Console.Console => ({
  ...usual,
  log: (...parts) => Effect.sync(() => void stdout.write(asWritten(parts.join(" ")))),
  error: () => Effect.void
})

const surroundings = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeTerminal.layer,
  shellLive,
  Logger.replace(Logger.defaultLogger, logger),
  // What a client says of its connections would only repeat what the command's own end says; --log-level shows it.
  Logger.minimumLogLevel(LogLevel.None)
)

/** Ends the process when all is written. */
const end = ({ code, say }: CommandEnd): void => {
  if (say !== undefined) stderr.write(`effect-pogo: ${say}\n`)
  stdout.write("", () => stderr.write("", () => process.exit(code)))
}

const fiber = Effect.runFork(
  Effect.consoleWith((usual) => runCli(POGO_VERSION, process.argv).pipe(Effect.withConsole(quieted(usual)))).pipe(
    Effect.provide(surroundings),
    Effect.onExit((exit) =>
      Effect.sync(() => end(Exit.isSuccess(exit) ? { code: exitCodes.ok, say: undefined } : endingOfCause(exit.cause)))
    )
  )
)

// Whoever read the output is gone, and wants no more: `| head` is no failure.
stdout.on("error", () => process.exit(exitCodes.ok))
stderr.on("error", () => {})

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    fiber.unsafeInterruptAsFork(fiber.id())
    // A second one does not wait for connections to be closed.
    process.once(signal, () => process.exit(exitCodes.interrupted))
  })
}
