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
import { asMember, isSameContent } from "../kind/specSets.js"
import type { Node } from "../node/node.js"
import { firstBatch } from "../registry/batches.js"
import type { PutResult } from "../registry/commands.js"
import { parseSpec } from "../registry/state.js"
import { untilSuccess } from "../runtime/environment.js"
import { ignoreLogged, logWarning } from "../runtime/userCode.js"
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

/** Resolves a conflict of content: a newer version of the kind replaces what is registered, an older one leaves it. */
const settleConflict = (node: Node, commands: ChildCommands, { body, id }: InitialChild, stored: string) => {
  const spec = parseSpec(stored)
  if (spec !== undefined && versionOf(body) > versionOf(spec.body)) {
    return Effect.flatMap(
      asMember(id, body, decodeBody(spec.body)?.set),
      (replacement) => commands.replaceExactly(id, spec.generation, replacement)
    )
  }
  node.emit(() => PogoEvent.SpecConflict({ id, node: node.config.name }))
  return Effect.annotateLogs(
    logWarning(
      "this initial child is registered with other content, which stays; raise the kind's version, or use replaceChild"
    ),
    "child",
    id
  )
}

/** Takes over the answer about one initial child. */
const settle = (node: Node, commands: ChildCommands, initial: InitialChild, result: PutResult, at: number) => {
  if (!("spec" in result)) return Effect.void
  // A member of a set has the same content, and another body.
  const differs = result._tag === "CONFLICT" && !isSameContent(parseSpec(result.spec)?.body ?? "", initial.body)
  if (differs) return settleConflict(node, commands, initial, result.spec)
  node.view.learnSpec(initial.id, result.spec, at)
  return Effect.void
}

/** Registers all of them. Those that a quarantine puts off are tried again until it is over. */
const ensureInitial = (
  node: Node,
  commands: ChildCommands,
  children: ReadonlyArray<InitialChild>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    let left = children
    const step = Effect.gen(function*() {
      while (left.length > 0) {
        const batch = firstBatch(left, ({ body, id }) => Math.max(body.length, node.view.specSize(id)))
        const answers = yield* commands.ensureInitial(batch)
        const postponed: Array<InitialChild> = []
        for (const [i, { at, result }] of answers.entries()) {
          if (result._tag === "QUARANTINE") postponed.push(batch[i]!)
          else yield* ignoreLogged(settle(node, commands, batch[i]!, result, at))
        }
        left = [...left.slice(batch.length), ...postponed]
        if (postponed.length > 0) return yield* Effect.fail("postponed by a quarantine")
      }
    })
    return untilSuccess(step, node.retries)
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
