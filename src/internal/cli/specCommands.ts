/**
 * Commands that take specs: `start`, `replace`, `reconcile`.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ChildSpec } from "../../ChildSpec.js"
import { capital } from "../console/childWords.js"
import type { ReconcilePlan } from "../reconcileErrors.js"
import { type ActOptions, confirm } from "./actCommands.js"
import { Ended, endingOf, exitCodes, Failed, Usage } from "./failures.js"
import { openSource } from "./openSource.js"
import { tell } from "./output.js"
import type { Output } from "./outputForms.js"
import type { GivenPlace } from "./place.js"
import { many } from "./quantities.js"
import { Shell } from "./shell.js"
import type { ScopeSource } from "./source.js"
import { readSpecs } from "./specFiles.js"
import { cell, harmless, type TextLine } from "./textTable.js"

/** What became of one spec. */
interface SpecResult {
  readonly id: string
  readonly ok: boolean
  readonly text: string
  readonly code: number
}

const lineOf = ({ id, ok, text }: SpecResult): TextLine => [
  cell(ok ? "✓ " : "✗ ", ok ? "plain" : "bad"),
  cell(harmless(id), "bold"),
  cell(`  ${harmless(text)}`)
]

const words = { Created: "created", AlreadyStarted: "is there already, with this content", Replaced: "replaced" }

const attempted = <E>(id: string, effect: Effect.Effect<{ readonly _tag: keyof typeof words }, E>) =>
  Effect.match(effect, {
    onSuccess: ({ _tag }): SpecResult => ({ id, ok: true, text: words[_tag], code: exitCodes.ok }),
    onFailure: (error): SpecResult => {
      const { code, say = "" } = endingOf(error)
      return { id, ok: false, text: say, code }
    }
  })

/** What would become of a spec. */
const planned = (source: ScopeSource, action: "start" | "replace", id: string) =>
  Effect.map(source.console.child(id), (found): SpecResult => {
    const there = Option.isSome(found)
    const ok = action === "start" || there
    const text = action === "start"
      ? there ? "is there already" : "would be created"
      : there
      ? "would be replaced"
      : "is not there; start it instead"
    return { id, ok, text, code: ok ? exitCodes.ok : exitCodes.notFound }
  })

const finish = (output: Output, results: ReadonlyArray<SpecResult>) =>
  Effect.gen(function*() {
    const rows = results.map(({ id, ok, text }) => ({ id, ok, text }))
    yield* tell(output, { lines: () => results.map(lineOf), json: rows, rows })
    const worst = Math.max(...results.map(({ code }) => code))
    if (worst !== exitCodes.ok) return yield* new Ended({ code: worst })
  })

const sayLeft = (left: number) =>
  Effect.flatMap(
    Shell,
    (shell) => shell.say(`${many(left, "spec")} not tried: the registry does not answer; to do the same again is safe`)
  )

/** `start`, `replace`: the specs of a file, one after the other; the exit code is that of the worst. */
export const startSpecs = (
  given: GivenPlace,
  output: Output,
  action: "start" | "replace",
  file: string,
  options: ActOptions
) =>
  Effect.scoped(Effect.gen(function*() {
    const specs = yield* readSpecs(file)
    const source = yield* openSource(given)
    if (specs.length === 0) return yield* new Usage({ sentence: `${file} holds no spec` })
    if (options.dryRun) {
      return yield* finish(output, yield* Effect.forEach(specs, ({ id }) => planned(source, action, id)))
    }
    if (action === "replace") {
      const shell = yield* Shell
      yield* shell.say(
        `${many(specs.length, "child", "children")} would be stopped, and started anew with other content.`
      )
      yield* confirm("Replace", specs.length > 20 ? String(specs.length) : undefined, options.yes)
    }
    const why = Option.getOrUndefined(options.reason)
    const one = (spec: ChildSpec) =>
      action === "start" ? attempted(spec.id, source.start(spec, why)) : attempted(spec.id, source.replace(spec, why))
    const results: Array<SpecResult> = []
    for (const spec of specs) {
      const result = yield* one(spec)
      results.push(result)
      // Where the registry is away the others would only wait for it, too.
      if (result.code === exitCodes.unreachable || result.code === exitCodes.unknown) break
    }
    const left = specs.length - results.length
    if (left > 0) yield* sayLeft(left)
    yield* finish(output, results)
  }))

const steps = [["create", "+"], ["replace", "~"], ["terminate", "-"]] as const

const planLines = (plan: ReconcilePlan): ReadonlyArray<TextLine> =>
  steps.flatMap(([what, sign]) =>
    plan[what].map(({ id }): TextLine => [
      cell(`${sign} `, what === "terminate" ? "bad" : "plain"),
      cell(harmless(id), "bold"),
      cell(`  ${what}`)
    ])
  )

const refusals = {
  EmptyList: "the list is empty, and would end all of the set",
  TooManyEnds: "it would end more of the set than a reconcile may"
}

/** What a plan comes to, and what keeps it from being carried out. */
const sumOf = ({ refused }: ReconcilePlan, changes: number): string =>
  `${changes === 0 ? "Nothing is to be done." : `${many(changes, "change")} would be made.`}${
    refused === undefined ? "" : ` The reconcile itself would be refused: ${refusals[refused]}.`
  }`

/** `reconcile`: makes the children of a kind, or of a set of it, those of a file. */
export const reconcileSpecs = (
  given: GivenPlace,
  output: Output,
  file: string,
  options: {
    readonly kind: Option.Option<string>
    readonly set: Option.Option<string>
    readonly dryRun: boolean
    readonly yes: boolean
  }
) =>
  Effect.scoped(Effect.gen(function*() {
    const shell = yield* Shell
    const specs = yield* readSpecs(file)
    const kinds = [...new Set([...Option.toArray(options.kind), ...specs.map(({ kind }) => kind)])]
    const [kind] = kinds
    if (kind === undefined) return yield* new Usage({ sentence: "the list is empty: say of which kind, with --kind" })
    if (kinds.length > 1) {
      return yield* new Usage({ sentence: `the list has several kinds (${kinds.join(", ")}): reconcile one at a time` })
    }
    const source = yield* openSource(given)
    const set = Option.getOrUndefined(options.set)
    const plan = yield* source.reconcile(kind, specs, { dryRun: true, set })
    const show = (done: ReconcilePlan) => tell(output, { lines: () => planLines(done), json: done, rows: [done] })
    const changes = steps.reduce((sum, [what]) => sum + plan[what].length, 0)
    const { onlyPlans } = source
    if (options.dryRun || changes === 0 || onlyPlans !== undefined) {
      yield* show(plan)
      yield* shell.say(sumOf(plan, changes))
      if (changes === 0 || onlyPlans === undefined) return
      if (options.dryRun) return yield* shell.say(`${capital(onlyPlans)}.`)
      return yield* new Failed({ sentence: `this was a dry run, and nothing was done: ${onlyPlans}` })
    }
    if (output === "table" && !options.yes) {
      yield* Effect.forEach(planLines(plan), (line) => shell.say(line.map(({ text }) => text).join("")))
    }
    yield* confirm("Reconcile", changes > 20 ? String(changes) : undefined, options.yes)
    yield* show(yield* source.reconcile(kind, specs, { set }))
    yield* shell.say(`${many(changes, "change")} made.`)
  }))
