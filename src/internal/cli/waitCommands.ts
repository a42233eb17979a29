/**
 * Commands that wait, or read on: `wait`, `history`, `events`, `state get`.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { HistoryEntry } from "../../PogoHistory.js"
import { EventLine, EventList } from "../console/answers.js"
import { causeWords, eventLine } from "../console/eventWords.js"
import { readDuration } from "../runtime/environmentSettings.js"
import { said } from "./childTables.js"
import { Failed, NotFound, Usage } from "./failures.js"
import { pageOf } from "./lookCommands.js"
import { openSource } from "./openSource.js"
import { jsonOf, tell } from "./output.js"
import type { Goal, Output } from "./outputForms.js"
import type { GivenPlace } from "./place.js"
import { countText } from "./quantities.js"
import { Shell } from "./shell.js"
import type { ScopeSource } from "./source.js"
import { cell, type Column, harmless, tableLines, type TextLine } from "./textTable.js"

/** A duration of the command line. */
const durationOf = (option: string, text: string): Effect.Effect<Duration.Duration, Usage> =>
  Either.mapLeft(readDuration(text), (problem) => new Usage({ sentence: `--${option}: ${problem}` }))

/** How often it is looked. */
const look = "300 millis"

const lookFor = (source: ScopeSource, id: string, goal: Goal) =>
  Effect.gen(function*() {
    for (;;) {
      const found = yield* source.console.child(id)
      const status = Option.map(found, ({ line }) => line.status)
      if (Option.isNone(status) ? goal === "gone" : status.value.toLowerCase() === goal) return found
      if (goal === "running" && Option.isSome(found) && found.value.line.status === "Failed") {
        const now = yield* Clock.currentTimeMillis
        return yield* new Failed({
          sentence: `${id} ${said(found.value.line.note, now)}; \`effect-pogo restart ${id}\` brings it back`
        })
      }
      yield* Effect.sleep(look)
    }
  })

/** Why what was waited for did not come about. */
const tooLate = (source: ScopeSource, id: string, after: Duration.Duration) =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const found = yield* source.console.child(id)
    if (Option.isNone(found)) {
      return yield* new NotFound({ sentence: `after ${Duration.format(after)} there is no child "${id}"` })
    }
    const { note, status } = found.value.line
    return yield* new Failed({
      sentence: `after ${Duration.format(after)} ${id} is ${status.toLowerCase()}${
        note === "" ? "" : `: ${said(note, now)}`
      }`
    })
  })

/** `wait` */
export const wait = (
  given: GivenPlace,
  goal: Goal,
  ids: ReadonlyArray<string>,
  timeout: Option.Option<string>
) =>
  Effect.scoped(Effect.gen(function*() {
    const shell = yield* Shell
    const limit = Option.isNone(timeout) ? undefined : yield* durationOf("timeout", timeout.value)
    const source = yield* openSource(given)
    for (const id of ids) {
      const looking = lookFor(source, id, goal)
      const found = limit === undefined ? yield* looking : yield* Effect.flatMap(
        Effect.timeoutOption(looking, limit),
        Option.match({ onNone: () => tooLate(source, id, limit), onSome: Effect.succeed })
      )
      const node = Option.flatMapNullable(found, ({ line }) => line.node)
      yield* shell.say(`${id} is ${goal}${Option.match(node, { onNone: () => "", onSome: (name) => ` on ${name}` })}`)
    }
  }))

const columns: ReadonlyArray<Column> = [
  { title: "AT" },
  { title: "WHAT" },
  { title: "CHILD", cut: "end", least: 16 },
  { title: "NODE", cut: "start", least: 8 },
  { title: "TOKEN", right: true, dispensable: 2 },
  { title: "WHY", cut: "end", least: 12, dispensable: 1 }
]

const time = (at: Date): string => at.toISOString().replace("T", " ").slice(0, 23)

const cellsOf = ({ at, count, id, node, text, token, what }: EventLine, now: number) => [
  cell(time(at), "dim"),
  cell(
    count > 1 ? `${what} ×${countText(count)}` : what,
    what === "failed" || what === "leaseLost" || what === "gone" ? "bad" : "plain"
  ),
  cell(harmless(id ?? "")),
  cell(harmless(node ?? "")),
  cell(token === undefined ? "" : String(token)),
  cell(said(text, now))
]

const eventTable = (lines: ReadonlyArray<EventLine>, now: number, width: number): ReadonlyArray<TextLine> =>
  tableLines(columns, lines.map((line) => cellsOf(line, now)), width)

const withoutId = (line: EventLine): EventLine => ({ ...line, id: "" })

const inWords = (entry: HistoryEntry): EventLine => eventLine(entry, causeWords(entry))

const encodeLines = Schema.encode(Schema.Array(EventLine))

/** Tells what is kept, entry by entry. */
const tellHistory = (
  source: ScopeSource,
  output: Output,
  id: Option.Option<string>,
  since: Duration.Duration | undefined,
  limit: number
) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const entries = yield* source.history(Option.getOrUndefined(id), { since, limit })
    const lines = entries.map(inWords)
    const encoded = yield* Effect.orDie(encodeLines(lines))
    const now = yield* Clock.currentTimeMillis
    if (lines.length === 0 && output === "table") return yield* shell.say("Nothing is kept of that.")
    yield* tell(output, {
      // The id stands in the question.
      lines: (width) => eventTable(Option.isSome(id) ? lines.map(withoutId) : lines, now, width),
      json: encoded,
      rows: encoded
    })
  })

/** Entries that are told unless more are asked for. */
const usualEntries = 100

/** `history` */
export const history = (
  given: GivenPlace,
  output: Output,
  id: Option.Option<string>,
  options: { readonly since: Option.Option<string>; readonly limit: Option.Option<number> }
) =>
  Effect.scoped(Effect.gen(function*() {
    const since = Option.isNone(options.since) ? undefined : yield* durationOf("since", options.since.value)
    const source = yield* openSource(given)
    yield* tellHistory(source, output, id, since, Option.getOrElse(options.limit, () => usualEntries))
  }))

const followed = (source: ScopeSource, output: Output) =>
  Effect.flatMap(Shell, (shell) =>
    Stream.runForEach(source.happenings, (entry) =>
      Effect.gen(function*() {
        const line = inWords(entry)
        const [encoded] = yield* Effect.orDie(encodeLines([line]))
        if (output !== "table") return yield* shell.write(`${jsonOf(encoded)}\n`)
        const now = yield* Clock.currentTimeMillis
        const cells = cellsOf(line, now).filter(({ text }) => text !== "")
        yield* shell.print([cells.map((one, i) => (i === 0 ? one : { ...one, text: `  ${one.text}` }))])
      })))

/** `events`: those of the last hour, like ones in one line; or what happens from now on. */
export const events = (
  given: GivenPlace,
  output: Output,
  q: string,
  options: { readonly follow: boolean; readonly limit: Option.Option<number> }
) =>
  Effect.scoped(Effect.gen(function*() {
    const shell = yield* Shell
    const source = yield* openSource(given)
    if (options.follow) return yield* followed(source, output)
    const list = yield* source.console.events({ q, limit: Option.getOrElse(options.limit, () => 50) })
    const now = yield* Clock.currentTimeMillis
    if (list.problem !== undefined) return yield* new Usage({ sentence: said(list.problem, now) })
    const encoded = yield* Effect.orDie(Schema.encode(EventList)(list))
    if (list.groups.length === 0 && output === "table") {
      return yield* shell.say(
        list.hint === undefined ? "Nothing happened in the last hour." : said(list.hint, now)
      )
    }
    yield* tell(output, {
      lines: (width) =>
        tableLines(
          [{ title: "AT" }, { title: "WHAT", cut: "end", least: 24 }, {
            title: "WHY",
            cut: "end",
            least: 12,
            dispensable: 1
          }],
          list.groups.map(({ event, more, text }) => [
            cell(time(event.at).slice(11, 19), "dim"),
            cell(said(text, now), event.what === "failed" || event.what === "leaseLost" ? "bad" : "plain"),
            cell(said(more, now))
          ]),
          width
        ),
      json: encoded,
      rows: encoded.groups
    })
  }))

/** `state get`: the value alone, or with who stored it and when. */
export const getState = (given: GivenPlace, output: Output, id: string) =>
  Effect.scoped(Effect.gen(function*() {
    const source = yield* openSource(given)
    const { hidden, state } = yield* pageOf(source, id)
    const now = yield* Clock.currentTimeMillis
    if (state === undefined) {
      return yield* new NotFound({
        sentence: hidden === undefined
          ? `child "${id}" has stored no state`
          : `the state is not shown: ${said(hidden, now)}`
      })
    }
    const whole = { ...state, at: state.at.toISOString() }
    yield* tell(output, {
      lines: () => jsonOf(state.value, 2).split("\n").map((line) => [cell(harmless(line))]),
      json: whole,
      rows: [whole]
    })
  }))
