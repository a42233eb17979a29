/**
 * `top`: the picture of a scope, drawn once a second on a screen of its own, which is left as it was.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { writeSync } from "node:fs"
import { emitKeypressEvents } from "node:readline"
import { openSource } from "./openSource.js"
import type { GivenPlace } from "./place.js"
import { isColoured, Shell } from "./shell.js"
import type { HttpFailure, ScopeSource } from "./source.js"
import { lineText, type TextLine } from "./textTable.js"
import { initialTop, listedIds, pressed, type TopData, type TopKey, topLines, type TopState } from "./topView.js"

const enter = "\u001b[?1049h\u001b[?25l\u001b[2J"
const leave = "\u001b[?25h\u001b[?1049l"

/** Children of a query that are asked for: more than any terminal has lines. */
const mostRows = 200

const dataOf = (source: ScopeSource, { open, query }: TopState): Effect.Effect<TopData, HttpFailure> =>
  Effect.gen(function*() {
    const overview = yield* source.console.overview
    const found = query === "" ? undefined : yield* source.console.children({ q: query, limit: mostRows })
    const page = open === undefined ? undefined : Option.getOrUndefined(yield* source.console.child(open))
    return { overview, found, page, now: yield* Clock.currentTimeMillis }
  })

/** A key as Node tells of it. Ctrl-C comes as a key, too. */
const keyOf = (
  text: string | undefined,
  { ctrl = false, name }: { readonly name?: string; readonly ctrl?: boolean }
): TopKey =>
  ctrl
    ? { name: name === "c" || name === "d" ? "interrupt" : "", text: "" }
    : { name: name ?? text ?? "", text: text ?? "" }

/** Takes the screen and the keyboard; gives both back however the command ends. */
const takeScreen = (onKey: (key: TopKey) => void, onResize: () => void): Effect.Effect<void, never, Scope.Scope> => {
  const keypress = (text: string | undefined, key: object) => onKey(keyOf(text, key))
  return Effect.acquireRelease(
    Effect.sync(() => {
      const { stdin, stdout } = process
      const restore = () => {
        process.off("exit", restore)
        stdin.off("keypress", keypress)
        stdout.off("resize", onResize)
        if (stdin.isTTY) stdin.setRawMode(false)
        stdin.pause()
        // Also where the process ends at once, and nothing is written any more.
        writeSync(stdout.fd, leave)
      }
      process.on("exit", restore)
      if (stdin.isTTY) {
        emitKeypressEvents(stdin)
        stdin.setRawMode(true)
        stdin.on("keypress", keypress)
        stdin.resume()
      }
      stdout.on("resize", onResize)
      stdout.write(enter)
      return restore
    }),
    (restore) => Effect.sync(restore)
  )
}

const draw = (lines: ReadonlyArray<TextLine>): void => {
  const coloured = isColoured(process.stdout)
  process.stdout.write(`\u001b[H${lines.map((line) => `${lineText(line, coloured)}\u001b[K`).join("\r\n")}\u001b[J`)
}

const sizeOf = () => ({ width: process.stdout.columns || 80, height: process.stdout.rows || 24 })

const live = (source: ScopeSource) =>
  Effect.gen(function*() {
    const keys = yield* Queue.unbounded<TopKey>()
    yield* takeScreen((key) => void keys.unsafeOffer(key), () => void keys.unsafeOffer({ name: "", text: "" }))
    let state = initialTop
    let data = yield* dataOf(source, state)
    while (!state.over) {
      draw(topLines(data, state, source.scope, sizeOf()))
      const key = yield* Effect.timeoutOption(Queue.take(keys), "1 second")
      const before = state
      if (Option.isSome(key)) state = pressed(state, key.value, listedIds(data))
      // What was chosen now is asked for at once; a row that is chosen needs nothing new.
      if (Option.isNone(key) || state.open !== before.open || state.query !== before.query) {
        data = yield* dataOf(source, state)
      }
    }
  })

/** `top`: live on a terminal; once where the output goes elsewhere. */
export const top = (given: GivenPlace) =>
  Effect.scoped(Effect.gen(function*() {
    const shell = yield* Shell
    const source = yield* openSource(given)
    if (shell.live) return yield* live(source)
    const data = yield* dataOf(source, initialTop)
    const picture = topLines(data, { ...initialTop, row: -1 }, source.scope, { width: 120, height: 10_000 })
    yield* shell.print(picture.slice(0, -2))
  }))
