/**
 * The page of one child: what it is, why it is as it is, where it can run, and what became of it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ChildId } from "../../ChildSpec.js"
import type { HistoryEntry } from "../../PogoHistory.js"
import { explain, rowById, specById } from "../commands/queries.js"
import { Internals } from "../internals.js"
import type { Node } from "../node/node.js"
import { decodeText } from "../replica/knownDirectives.js"
import { printError } from "../runtime/userCode.js"
import type { Service } from "../supervisorTag.js"
import type { ChildPage } from "./answers.js"
import { lineById } from "./childLines.js"
import { type Proof, proofOf, runsOf } from "./childRuns.js"
import { paragraphsOf } from "./childWords.js"
import { causeWords, eventLine } from "./eventWords.js"
import { plain } from "./marks.js"

/** How many entries a page has. */
const maxEntries = 1_000

/** How many entries about nodes, and all others of that time, are read to judge what looks like two at once. */
const maxContext = 20_000

/** How long the page waits for a state that a node may yet give back. */
const stateWait = "2 seconds"

const hiddenWords = (payload: boolean, state: boolean): string | undefined => {
  const kept = [...(payload ? [] : ["payload"]), ...(state ? [] : ["state"])]
  return kept.length === 0
    ? undefined
    : `This server does not show the ${kept.join(" and the ")} of a child. To see it here, serve the page with ` +
      plain(`PogoHttp.layer({ ${kept.map((name) => `${name}: true`).join(", ")} }).`)
}

const readState = (pogo: Service, id: string): Effect.Effect<typeof ChildPage.Type["state"]> =>
  pogo[Internals].readState(id).pipe(
    Effect.timeoutOption(stateWait),
    Effect.map(Option.getOrUndefined),
    Effect.orElseSucceed(() => undefined),
    Effect.map((record) => {
      if (record === undefined) return undefined
      const { at, body, node, token, version } = record
      const value = Either.getOrElse(Either.try((): unknown => JSON.parse(body)), () => body)
      return {
        value,
        token: BigInt(token),
        version: BigInt(version),
        at: new Date(Math.min(at, 8.64e15)),
        node: decodeText(node)
      }
    })
  )

/** What looks like two at once is looked at again, together with what became of nodes and of the data. */
const provenOf = (pogo: Service, id: string, entries: ReadonlyArray<HistoryEntry>): Effect.Effect<Proof> => {
  const proof = proofOf(id, entries)
  const [oldest] = entries
  if (proof.ok || oldest === undefined) return Effect.succeed(proof)
  return pogo.history(undefined, { since: oldest.at, limit: maxContext }).pipe(
    Effect.map((all) =>
      all.length < maxContext
        ? proofOf(id, all)
        : { ok: false, text: `${proof.text} The history is too long to say whether the data was lost in between.` }
    ),
    Effect.orElseSucceed(() => proof)
  )
}

/** When it was last seen to run: since then it does not. */
const idleSinceOf = (entries: ReadonlyArray<HistoryEntry>): Date | undefined => {
  const last = entries.findLast(({ what }) => what === "stopped" || what === "lost" || what === "refused")
  return last?.at
}

/** The page of one child; `undefined` when it is not registered. */
export const childPageOf = (
  pogo: Service,
  node: Node,
  id: string,
  shows: { readonly payload: boolean; readonly state: boolean }
): Effect.Effect<typeof ChildPage.Type | undefined> =>
  Effect.gen(function*() {
    const entry = node.view.entries.get(id)
    if (entry === undefined) return undefined
    const read = yield* Effect.either(pogo.history(id, { limit: maxEntries }))
    const entries = Either.getOrElse(read, () => [])
    const proof = yield* provenOf(pogo, id, entries)
    const state = shows.state ? yield* readState(pogo, id) : undefined
    const [line, row] = [lineById(node, id), rowById(node, id)]
    if (line === undefined || row === undefined) return undefined
    const stored = specById(node, id)
    const explanation = explain(node, id as ChildId)
    const requires = stored?.spec.requires ?? {}
    const facts = {
      line,
      status: row.status,
      gaveUp: entry.spec?.failed === true,
      explanation,
      requires,
      idleSince: idleSinceOf(entries),
      ttl: node.timing.ttl
    }
    const hidden = hiddenWords(shows.payload, shows.state)
    return {
      line,
      generation: row.generation,
      ...(row.digest === undefined ? {} : { digest: row.digest }),
      type: row.type,
      words: paragraphsOf(facts),
      ...(explanation.belongs === undefined ? {} : { belongs: explanation.belongs }),
      places: explanation.nodes.map(({ name, obstacle }) => obstacle === undefined ? { name } : { name, obstacle }),
      requires,
      runs: runsOf(entries),
      proof,
      history: entries.map((one) => eventLine(one, causeWords(one))).toReversed(),
      ...(Either.isRight(read)
        ? {}
        : { historyProblem: `The history cannot be read: ${plain(printError(read.left))}` }),
      ...(shows.payload && stored !== undefined ? { payload: stored.spec.payload } : {}),
      ...(state === undefined ? {} : { state }),
      ...(hidden === undefined ? {} : { hidden }),
      ...(row.staleSince === undefined ? {} : { staleSince: row.staleSince })
    }
  })
