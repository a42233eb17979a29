/**
 * Initial children: every node that lists them makes sure that they are registered.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as ChildSpec from "../../ChildSpec.js"
import type { InvalidChildSpec } from "../../PogoError.js"
import * as PogoEvent from "../../PogoEvent.js"
import { decodeBody, encodeSpec } from "../kind/specCodec.js"
import { readList } from "../kind/specList.js"
import { asMember, contentOf, isSameContent } from "../kind/specSets.js"
import type { Node } from "../node/node.js"
import { firstBatch } from "../registry/batches.js"
import type { PutResult } from "../registry/commands.js"
import { parseSpec, parseTomb } from "../registry/state.js"
import { untilSuccess } from "../runtime/environment.js"
import { ignoreLogged, logInfo, logWarning } from "../runtime/userCode.js"
import type { ChildCommands } from "./childCommands.js"

/** An initial child: its id, and its spec's content as it is stored. */
export interface InitialChild {
  readonly id: ChildSpec.ChildId
  readonly body: string
}

/** Encodes initial children; fails on the first one that is not valid. */
export const encodeInitial = (
  children: ReadonlyArray<ChildSpec.Any>
): Effect.Effect<ReadonlyArray<InitialChild>, InvalidChildSpec> =>
  Effect.flatMap(readList("children", children), Effect.forEach((child) => encodeSpec(child)))

const versionOf = (body: string): number => decodeBody(body)?.version ?? 0

/** Tells that an initial child is registered with other content, which stays. */
const tellConflict = (node: Node, id: ChildSpec.ChildId) => {
  node.emit(() => PogoEvent.SpecConflict({ id, node: node.config.name }))
  return Effect.annotateLogs(
    logWarning(
      "this initial child is registered with other content, which stays; raise the kind's version, or use replaceChild"
    ),
    "child",
    id
  )
}

/**
 * Resolves a conflict of content: a newer version of the kind replaces what is registered, and leaves it in its set; an
 * older one leaves it. `list`: the set of a list that replaces what differs by itself, and nothing of another named set.
 */
const settleConflict = (
  node: Node,
  commands: ChildCommands,
  { body, id }: InitialChild,
  stored: string,
  list: string | undefined
) => {
  const spec = parseSpec(stored)
  const set = spec === undefined ? undefined : decodeBody(spec.body)?.set
  const isOthers = list !== undefined && set !== undefined && set !== list
  if (spec !== undefined && !isOthers && versionOf(body) > versionOf(spec.body)) {
    return Effect.flatMap(
      asMember(id, contentOf(body), set),
      (replacement) => commands.replaceExactly(id, spec.generation, replacement)
    )
  }
  return list === undefined ? tellConflict(node, id) : Effect.void
}

/** Takes over the answer about one initial child. */
const settle = (
  node: Node,
  commands: ChildCommands,
  initial: InitialChild,
  { at, result }: { readonly result: PutResult; readonly at: number },
  list: string | undefined
) => {
  if ("tomb" in result) node.view.learnTomb(initial.id, result.tomb, at)
  if (!("spec" in result)) return Effect.void
  // A member of a set has the same content, and another body.
  const differs = result._tag === "CONFLICT" && !isSameContent(parseSpec(result.spec)?.body ?? "", initial.body)
  if (differs) return settleConflict(node, commands, initial, result.spec, list)
  node.view.learnSpec(initial.id, result.spec, at)
  return Effect.void
}

/** Whether a call has ended the child on purpose. */
const isKeptAway = (result: PutResult): boolean =>
  result._tag === "TERMINATED" && parseTomb(result.tomb)?.pruned !== true

/** Ids that a line names. */
const named = 5

/** Tells which of the listed children are not started, and how they come back. */
const tellKeptAway = (ids: ReadonlyArray<string>): Effect.Effect<void> => {
  if (ids.length === 0) return Effect.void
  const rest = ids.length > named ? `, and ${ids.length - named} more` : ""
  return logInfo(
    `${ids.slice(0, named).join(", ")}${rest}: listed by this node, and not started, since terminateChild ended ` +
      `${ids.length === 1 ? "it" : "them"} on purpose; Pogo.startChild with the same spec brings a child back`
  )
}

/**
 * Registers all of them. Those that a quarantine puts off are tried again until it is over. `list`: the set of a list that
 * is to be exactly what is registered; see `ListKeeper`.
 */
export const ensureInitial = (
  node: Node,
  commands: ChildCommands,
  children: ReadonlyArray<InitialChild>,
  list?: string
): Effect.Effect<void> =>
  Effect.suspend(() => {
    let left = children
    const keptAway: Array<string> = []
    const step = Effect.gen(function*() {
      while (left.length > 0) {
        const batch = firstBatch(left, ({ body, id }) => Math.max(body.length, node.view.specSize(id)))
        const answers = yield* commands.ensureInitial(batch)
        const postponed: Array<InitialChild> = []
        for (const [i, answer] of answers.entries()) {
          const initial = batch[i]!
          if (answer.result._tag === "QUARANTINE") postponed.push(initial)
          else yield* ignoreLogged(settle(node, commands, initial, answer, list))
          if (isKeptAway(answer.result)) keptAway.push(initial.id)
        }
        left = [...left.slice(batch.length), ...postponed]
        if (postponed.length > 0) return yield* Effect.fail("postponed by a quarantine")
      }
    })
    return Effect.zipRight(untilSuccess(step, node.retries), Effect.suspend(() => tellKeptAway(keptAway)))
  })

/**
 * The effect that registers all of them, to be run at the beginning of each session: once it has succeeded it does
 * nothing.
 */
export const ensureInitialOnce = (
  node: Node,
  commands: ChildCommands,
  children: ReadonlyArray<InitialChild>
): Effect.Effect<void> => {
  let done = false
  return Effect.suspend(() =>
    done ? Effect.void : Effect.tap(ensureInitial(node, commands, children), () => Effect.sync(() => (done = true)))
  )
}
