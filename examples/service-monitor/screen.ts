/**
 * Shows what happens. On a terminal: a live picture, redrawn in place. Otherwise, when the output goes to a file or to
 * another program: plain lines, and the table once per stage.
 */
import { Effect, Fiber, Schedule, type Scope } from "effect"
import { type Block, type Colour, cut, piece, type TextLine } from "./table.js"

export interface Screen {
  /** What is going on from now on. */
  readonly stage: (text: string) => Effect.Effect<void>
  /** Something that happened. */
  readonly event: (text: string) => Effect.Effect<void>
  /** The end of a stage: where there is no live picture, the table is shown now. */
  readonly settle: Effect.Effect<void>
  /** The last words. */
  readonly summary: (block: Block) => Effect.Effect<void>
}

const codes: { readonly [C in Colour]: number } = { plain: 0, bold: 1, dim: 2, red: 31, green: 32, yellow: 33 }

const isTerminal = (): boolean => process.stdout.isTTY && process.env["TERM"] !== "dumb"

/** See https://no-color.org. */
const isColoured = (): boolean => isTerminal() && (process.env["NO_COLOR"] ?? "") === ""

const render = (line: TextLine): string =>
  line.map(({ colour, text }) =>
    colour === "plain" || !isColoured() ? text : `\u001b[${codes[colour]}m${text}\u001b[0m`
  ).join("").trimEnd()

const write = (text: string): void => void process.stdout.write(text)

const print = (...lines: ReadonlyArray<TextLine>): void => write(lines.map((line) => `${render(line)}\n`).join(""))

/** Seconds since the beginning, before every line about something that happened. */
const makeClock = () => {
  const begin = Date.now()
  return (text: string): TextLine => [
    piece(`${((Date.now() - begin) / 1_000).toFixed(1).padStart(5)} s  `, "dim"),
    piece(text)
  ]
}

const plainScreen = (table: Effect.Effect<Block>): Screen => {
  const timed = makeClock()
  return {
    stage: (text) => Effect.sync(() => print([], [piece(`== ${text}`)], [])),
    event: (text) => Effect.sync(() => print(timed(text))),
    settle: Effect.map(table, (block) => print([], ...block(Infinity), [])),
    summary: (block) => Effect.sync(() => print([], ...block(Infinity)))
  }
}

/** The most events that the picture shows. */
const maxEvents = 6

/** The lines of the picture, as many and as wide as the terminal takes. */
const pictureOf = (
  title: TextLine,
  table: Block,
  events: ReadonlyArray<TextLine>
) => {
  // One column and one line less than there are, or the terminal would scroll.
  const width = columns() - 1
  const height = rows() - 1
  const body = [title, [], ...table(width), []]
  const room = Math.max(0, height - body.length)
  const shown = events.slice(Math.max(0, events.length - Math.min(room, maxEvents)))
  const all = [...body, ...shown].map((line) => cut(line, width))
  return all.length <= height ? all : [...all.slice(0, height - 1), [piece("...", "dim")]]
}

// Some terminals do not tell their size.
const columns = (): number => process.stdout.columns || 80
const rows = (): number => process.stdout.rows || 24

/** Draws over the last picture. */
const makeCanvas = () => {
  let drawn = 0
  const draw = (lines: ReadonlyArray<TextLine>): void => {
    const back = drawn === 0 ? "" : `\u001b[${drawn}A\r`
    drawn = lines.length
    write(`${back}${lines.map((line) => `${render(line)}\u001b[K\n`).join("")}\u001b[J`)
  }
  // The lines of the last picture may be broken now: none is where it was.
  const clear = (): void => {
    drawn = 0
    write("\u001b[2J\u001b[H")
  }
  return { draw, clear }
}

/** Sets the terminal up, and leaves it as it was. */
const takeTerminal = (onResize: () => void): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      process.stdout.on("resize", onResize)
      write("\u001b[?25l")
    }),
    () =>
      Effect.sync(() => {
        process.stdout.off("resize", onResize)
        write("\u001b[?25h")
      })
  )

const liveScreen = (table: Effect.Effect<Block>): Effect.Effect<Screen, never, Scope.Scope> =>
  Effect.gen(function*() {
    const timed = makeClock()
    const canvas = makeCanvas()
    const events: Array<TextLine> = []
    let title: TextLine = []
    yield* takeTerminal(canvas.clear)
    const draw = Effect.map(table, (block) => canvas.draw(pictureOf(title, block, events)))
    const artist = yield* Effect.forkScoped(Effect.repeat(draw, Schedule.spaced("150 millis")))
    return {
      stage: (text) => Effect.sync(() => void (title = [piece(text, "bold")])),
      event: (text) => Effect.sync(() => void events.push(timed(text))),
      settle: Effect.void,
      summary: (block) =>
        Fiber.interrupt(artist).pipe(
          Effect.zipRight(draw),
          Effect.zipRight(Effect.sync(() => print([], ...block(columns()))))
        )
    }
  })

/** A screen that fits where the output goes. Call `summary` last. */
export const makeScreen = (table: Effect.Effect<Block>): Effect.Effect<Screen, never, Scope.Scope> =>
  isTerminal() ? liveScreen(table) : Effect.succeed(plainScreen(table))
