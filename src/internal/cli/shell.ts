/**
 * The terminal that a command runs in: data goes to the standard output, and everything else to the standard error.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createInterface } from "node:readline"
import { lineText, type TextLine } from "./textTable.js"

/** The surroundings of a command. */
export interface ShellService {
  /** Columns of the terminal; endless where the output goes to a file or a program, which wants all of it. */
  readonly width: number
  /** Whether a screen may be drawn. */
  readonly live: boolean
  /** Whether somebody is there to answer a question. */
  readonly asks: boolean
  /** Writes data, and waits until it is taken. */
  readonly write: (text: string) => Effect.Effect<void>
  /** Writes lines of data. */
  readonly print: (lines: ReadonlyArray<TextLine>) => Effect.Effect<void>
  /** Says something that is no data. */
  readonly say: (text: string) => Effect.Effect<void>
  /** Asks for a line, which is empty where the input ends. */
  readonly ask: (question: string) => Effect.Effect<string>
}

/** The terminal, as a service. */
export class Shell extends Context.Tag("effect-pogo/cli/Shell")<Shell, ShellService>() {}

const isCapable = (stream: NodeJS.WriteStream): boolean => stream.isTTY && process.env["TERM"] !== "dumb"

/** Whether colours are wanted: see https://no-color.org. */
export const isColoured = (stream: NodeJS.WriteStream): boolean =>
  isCapable(stream) && (process.env["NO_COLOR"] ?? "") === ""

/** Writes to a stream. One that nobody reads any more ends the process elsewhere: here it is no failure. */
const writeTo = (stream: NodeJS.WriteStream, text: string): Effect.Effect<void> =>
  Effect.async((resume) => void stream.write(text, () => resume(Effect.void)))

const ask = (question: string): Effect.Effect<string> =>
  Effect.async((resume) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    let answer = ""
    lines.on("close", () => resume(Effect.succeed(answer)))
    // Ctrl-C at a question is meant for the program.
    lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"))
    lines.question(question, (line) => {
      answer = line.trim()
      lines.close()
    })
    return Effect.sync(() => lines.close())
  })

/** The terminal of this process. */
export const shellLive: Layer.Layer<Shell> = Layer.sync(Shell, () => {
  const { stderr, stdin, stdout } = process
  const coloured = isColoured(stdout)
  return {
    // Some terminals do not tell their size.
    width: stdout.isTTY ? stdout.columns || 80 : Infinity,
    live: isCapable(stdout),
    asks: stdin.isTTY && stderr.isTTY,
    write: (text) => writeTo(stdout, text),
    print: (lines) => writeTo(stdout, lines.map((line) => `${lineText(line, coloured)}\n`).join("")),
    say: (text) => writeTo(stderr, `${text}\n`),
    ask
  }
})
