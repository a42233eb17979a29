/**
 * Commands that change something: each shows its consequence first, asks where somebody is there to answer, and is kept
 * in the history with who did it and why.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ActionResult, type ActionTarget, Preview } from "../console/answers.js"
import { said } from "./childTables.js"
import { Ended, exitCodes, Failed, Usage } from "./failures.js"
import { openSource } from "./openSource.js"
import { tell } from "./output.js"
import type { Output } from "./outputForms.js"
import type { GivenPlace } from "./place.js"
import { Shell } from "./shell.js"
import type { ScopeSource } from "./source.js"
import { cell, harmless, type TextLine } from "./textTable.js"

/** How an action is done. */
export interface ActOptions {
  readonly dryRun: boolean
  readonly yes: boolean
  readonly reason: Option.Option<string>
}

/** What is asked where nobody can answer. */
const nobody = new Usage({
  sentence: "nobody is there to be asked: add --yes to do it, or --dry-run to see what would be done"
})

/** Asks before a change; ends the command where the answer is no. `type`: what must be typed. */
export const confirm = (verb: string, type: string | undefined, yes: boolean) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    if (yes) return
    if (!shell.asks) return yield* nobody
    const answer = yield* shell.ask(type === undefined ? `${verb}? [y/N] ` : `Type ${type} to go on: `)
    const agreed = type === undefined ? /^y(es)?$/i.test(answer) : answer === type
    if (!agreed) return yield* new Failed({ sentence: "nothing was done" })
  })

/** The question and what would follow; a question only where one is asked. */
const sayPreview = ({ text, title }: typeof Preview.Type, asks: boolean, now: number) =>
  Effect.flatMap(Shell, (shell) => shell.say(`${asks ? title : title.replace(/\?$/, ".")}\n${said(text, now)}`))

const resultLines = ({ ids }: typeof ActionResult.Type, now: number): ReadonlyArray<TextLine> =>
  ids.map(({ id, ok, text }) => [
    cell(ok ? "✓ " : "✗ ", ok ? "plain" : "bad"),
    cell(harmless(id), "bold"),
    cell(`  ${said(text, now)}`)
  ])

/** Does an action to what it is meant for, by ids or by a query. */
export const act = (
  source: ScopeSource,
  output: Output,
  target: typeof ActionTarget.Type,
  { dryRun, reason, yes }: ActOptions
) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const now = yield* Clock.currentTimeMillis
    const preview = yield* source.console.preview(target)
    // To let a node have children again harms nobody, and is not asked.
    const asks = !yes && !dryRun && target.action !== "uncordon"
    yield* sayPreview(preview, asks, now)
    if (dryRun) {
      const encoded = yield* Effect.orDie(Schema.encode(Preview)(preview))
      return yield* tell(output, {
        lines: () => preview.ids.map((id) => [cell(harmless(id))]),
        json: encoded,
        rows: preview.ids
      })
    }
    yield* confirm(preview.verb, preview.type, !asks)
    const why = Option.getOrUndefined(reason)
    // The children that were shown: a query may match others by now.
    const shown = { action: target.action, ids: preview.ids }
    const result = yield* source.console.act(shown, { by: source.by, ...(why === undefined ? {} : { reason: why }) })
    const encoded = yield* Effect.orDie(Schema.encode(ActionResult)(result))
    yield* tell(output, { lines: () => resultLines(result, now), json: encoded, rows: encoded.ids })
    if (result.ids.length !== 1) yield* shell.say(said(result.text, now))
    if (result.ids.some(({ ok }) => !ok)) return yield* new Ended({ code: exitCodes.failed })
  })

/** Text that is the id of a child: `kind/key`. Anything else is part of a query. */
const isId = (word: string): boolean => /^[^\s:]+\/\S+$/.test(word)

/** Children that are meant: by their ids, or by a query. */
export const targetOf = (
  action: (typeof ActionTarget.Type)["action"],
  words: ReadonlyArray<string>,
  q: string
): Effect.Effect<typeof ActionTarget.Type, Usage> =>
  q === ""
    ? Effect.fail(new Usage({ sentence: `which children? Give ids, or a query such as kind:Poller status:failed` }))
    : words.length > 0 && words.every(isId) && q === words.join(" ")
    ? Effect.succeed({ action, ids: words })
    : Effect.succeed({ action, query: q })

/** `terminate`, `restart`: to children by ids or a query. */
export const actOnChildren = (
  given: GivenPlace,
  output: Output,
  action: "terminate" | "restart",
  words: ReadonlyArray<string>,
  q: string,
  options: ActOptions
) =>
  Effect.scoped(Effect.gen(function*() {
    const target = yield* targetOf(action, words, q)
    yield* act(yield* openSource(given), output, target, options)
  }))

/** How often it is looked whether a node is empty. */
const look = "500 millis"

/** Waits until a node has no children left. */
const awaitEmpty = (source: ScopeSource, name: string) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    let last = -1
    for (;;) {
      const found = yield* source.console.node(name)
      const left = Option.match(found, { onNone: () => 0, onSome: ({ node }) => node.live ? node.children : 0 })
      if (left === 0) return yield* shell.say(`${name} has no children left.`)
      if (left !== last) yield* shell.say(`${left} left on ${name}`)
      last = left
      yield* Effect.sleep(look)
    }
  })

/** `cordon`, `uncordon`, `drain`: to nodes by their names. */
export const actOnNodes = (
  given: GivenPlace,
  output: Output,
  action: "cordon" | "uncordon" | "drain",
  names: ReadonlyArray<string>,
  options: ActOptions & { readonly wait: boolean }
) =>
  Effect.scoped(Effect.gen(function*() {
    const source = yield* openSource(given)
    yield* act(source, output, { action, ids: names }, options)
    if (options.wait && !options.dryRun) yield* Effect.forEach(names, (name) => awaitEmpty(source, name))
  }))
