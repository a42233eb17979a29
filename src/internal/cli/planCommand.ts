/**
 * `plan`: what would move if nodes were drained, gone, or new.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { PlanSummary } from "../console/answers.js"
import { readLabels } from "../runtime/environmentSettings.js"
import { said } from "./childTables.js"
import { Usage } from "./failures.js"
import { openSource } from "./openSource.js"
import { tell } from "./output.js"
import type { Output } from "./outputForms.js"
import type { GivenPlace } from "./place.js"
import { countText } from "./quantities.js"
import { cell, harmless, tableLines, type TextLine } from "./textTable.js"

/** What is planned for: names of nodes, and what those to add would be like. */
interface PlannedFor {
  readonly drain: ReadonlyArray<string>
  readonly remove: ReadonlyArray<string>
  readonly add: ReadonlyArray<string>
  readonly label: ReadonlyArray<string>
  readonly weight: Option.Option<number>
}

const planLines = (plan: typeof PlanSummary.Type, now: number, width: number): ReadonlyArray<TextLine> => [
  [cell(said(plan.text, now), "bold")],
  ...tableLines(
    [{ title: "NODE", cut: "start" }, { title: "NOW", right: true }, { title: "THEN", right: true }, {
      title: "",
      cut: "end"
    }],
    [
      ...plan.to.map(({ after, name, now: before }) => [
        cell(harmless(name)),
        cell(countText(before)),
        cell(countText(after), after === before ? "dim" : "plain"),
        cell("")
      ]),
      ...plan.closed.map((
        { name, why }
      ) => [cell(harmless(name), "dim"), cell(""), cell(""), cell(`takes none: ${said(why, now)}`, "dim")])
    ],
    width
  )
]

/** `plan --drain`, `--remove`, `--add` */
export const plan = (given: GivenPlace, output: Output, { add, drain, label, remove, weight }: PlannedFor) =>
  Effect.scoped(Effect.gen(function*() {
    if (add.length + drain.length + remove.length === 0) {
      return yield* new Usage({ sentence: "say what is planned: --drain NODE, --remove NODE or --add NAME" })
    }
    if (add.length === 0 && (label.length > 0 || Option.isSome(weight))) {
      return yield* new Usage({ sentence: "--label and --weight are of a node to add: give --add NAME, too" })
    }
    const labels = yield* Either.mapLeft(
      readLabels(label.join(",")),
      (problem) => new Usage({ sentence: `--label: ${problem}` })
    )
    const source = yield* openSource(given)
    const now = yield* Clock.currentTimeMillis
    const joining = add.map((name) => ({ name, labels, weight: Option.getOrElse(weight, () => 1) }))
    const found = yield* source.console.plan({ drain, remove, add: joining })
    const encoded = yield* Effect.orDie(Schema.encode(PlanSummary)(found))
    yield* tell(output, { lines: (width) => planLines(found, now, width), json: encoded, rows: encoded.to })
  }))
