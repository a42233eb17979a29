/**
 * To whom an action is done: checked, and bounded.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { eachSlice } from "../runtime/slices.js"
import { type ActionName, ActionRefused, type ActionTarget } from "./answers.js"
import type { ChildIndex } from "./childIndex.js"
import { allOf, parseChildQuery } from "./childQuery.js"
import { plainWords } from "./marks.js"

type ActionAsked = typeof ActionTarget.Type

/** How many children or nodes an action is done to at most. */
export const maxTargets = 500

/** Above so many children their number is typed before something is done to them. */
export const typedAbove = 20

/** What is done to children by their ids, and what to nodes by their names. Others need a spec. */
export const toChildren: ReadonlySet<ActionName> = new Set(["restart", "terminate"])
export const toNodes: ReadonlySet<ActionName> = new Set(["cordon", "uncordon", "drain"])

/** Whom an action is done to. */
export interface Targets {
  readonly ids: ReadonlyArray<string>
  /** As it was asked, if it was by a query. */
  readonly query: string | undefined
}

export const refuse = (
  action: ActionName,
  reason: ActionRefused["reason"],
  detail: string
): Effect.Effect<never, ActionRefused> => Effect.fail(new ActionRefused({ action, reason, detail }))

const tooMany = (action: ActionName, count: string) =>
  refuse(action, "TooMany", `${count} are more than the ${maxTargets} that one action is done to; narrow it down`)

/** The children of a query, at most as many as an action is done to. */
const matching = (
  node: Node,
  index: ChildIndex,
  action: ActionName,
  query: string
): Effect.Effect<ReadonlyArray<string>, ActionRefused> =>
  Effect.gen(function*() {
    const { problem, terms } = parseChildQuery(query)
    if (problem !== undefined) return yield* refuse(action, "WrongQuery", plainWords(problem, 0))
    const isBounded = terms.some(({ values }) => values.some((value) => value !== ""))
    if (!isBounded) {
      return yield* refuse(
        action,
        "WrongQuery",
        "a query without a term would mean all children; write one, or name ids"
      )
    }
    const found: Array<string> = []
    const [test, now] = [allOf(terms), node.ambient.wall()]
    yield* eachSlice(node, yield* index.lines, 5_000, (line) => {
      if (!line.gone && test(line, now)) found.push(line.id)
    })
    if (found.length > maxTargets) {
      return yield* tooMany(action, `${found.length.toLocaleString("en")} children match, which`)
    }
    return found
  })

/** Whom an action is done to; fails where it is nobody, or too many. */
export const targetsOf = (
  node: Node,
  index: ChildIndex,
  { action, ids, query }: ActionAsked,
  allowed: ReadonlyArray<ActionName>
): Effect.Effect<Targets, ActionRefused> =>
  Effect.gen(function*() {
    if (!allowed.includes(action)) {
      return yield* refuse(
        action,
        "NotAllowed",
        allowed.length === 0
          ? "this server only shows; its option `actions` says what may be done"
          : `"${action}" may not be done here; the server's option \`actions\` allows ${allowed.join(", ")}`
      )
    }
    const isOfNodes = toNodes.has(action)
    if (!isOfNodes && !toChildren.has(action)) {
      return yield* refuse(action, "NoTarget", `"${action}" is done with specs, not by ids or a query`)
    }
    if ((ids === undefined) === (query === undefined)) {
      return yield* refuse(action, "NoTarget", "give either ids or a query")
    }
    if (query !== undefined) {
      if (isOfNodes) return yield* refuse(action, "NoTarget", `"${action}" is done to nodes: give their names as ids`)
      const found = yield* matching(node, index, action, query)
      return found.length === 0
        ? yield* refuse(action, "NotFound", "nothing matches the query any more")
        : { ids: found, query }
    }
    const named = [...new Set(ids)]
    if (named.length === 0) return yield* refuse(action, "NoTarget", "name at least one")
    if (named.length > maxTargets) return yield* tooMany(action, named.length.toLocaleString("en"))
    const isKnown = (id: string) =>
      isOfNodes ? node.view.membership.list.some(({ name }) => name === id) : node.view.entries.has(id)
    if (!named.some(isKnown)) {
      return yield* refuse(action, "NotFound", isOfNodes ? "no such node is live" : "no such child is registered")
    }
    return { ids: named, query: undefined }
  })
