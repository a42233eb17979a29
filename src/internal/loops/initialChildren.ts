/**
 * Initial children: every node that names them makes sure that they are registered.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as PogoEvent from "../../PogoEvent.js"
import type { Calls } from "../commands/commands.js"
import { decodeBody } from "../kind/specCodec.js"
import type { Node } from "../node/node.js"
import type { PutResult } from "../registry/commands.js"
import { maxBatch } from "../registry/commands.js"
import { parseSpec } from "../registry/state.js"

/** An initial child, encoded. */
export interface Initial {
  readonly id: string
  readonly body: string
}

const versionOf = (body: string): number => decodeBody(body)?.version ?? 0

/** The id is taken by other content: newer code replaces it, older code leaves it alone. */
const settleConflict = (node: Node, calls: Calls, { body, id }: Initial, stored: string) => {
  const spec = parseSpec(stored)
  if (spec !== undefined && versionOf(body) > versionOf(spec.body)) {
    return Effect.asVoid(calls.replaceExactly(id, spec.generation, body))
  }
  node.emit(() => PogoEvent.SpecConflict({ id, node: node.config.name }))
  return Effect.annotateLogs(
    Effect.logWarning(
      "this initial child is registered with other content, which stays; raise the kind's version, or use replaceChild"
    ),
    "child",
    id
  )
}

const settle = (node: Node, calls: Calls, initial: Initial, result: PutResult, at: number) => {
  if (result._tag === "CREATED" || result._tag === "SAME") node.view.learnSpec(initial.id, result.spec, at)
  return result._tag === "CONFLICT" ? settleConflict(node, calls, initial, result.spec) : Effect.void
}

/** Registers them all; what a quarantine puts off is tried again until it is over. */
const ensureInitial = (node: Node, calls: Calls, children: ReadonlyArray<Initial>): Effect.Effect<void> =>
  Effect.gen(function*() {
    let todo = children
    while (todo.length > 0) {
      const batch = todo.slice(0, maxBatch)
      const answers = yield* Effect.option(calls.ensureInitial(batch))
      const postponed: Array<Initial> = []
      for (let i = 0; i < batch.length; i++) {
        const answer = answers._tag === "Some" ? answers.value[i]! : undefined
        if (answer === undefined || answer.result._tag === "QUARANTINE") postponed.push(batch[i]!)
        else yield* Effect.ignoreLogged(settle(node, calls, batch[i]!, answer.result, answer.at))
      }
      todo = [...todo.slice(maxBatch), ...postponed]
      if (postponed.length > 0) yield* Effect.sleep(node.timing.heartbeat / 2)
    }
  })

/** The same, to be run at the beginning of each session: what was done once is not done again. */
export const ensureInitialOnce = (
  node: Node,
  calls: Calls,
  children: ReadonlyArray<Initial>
): Effect.Effect<void> => {
  let done = false
  return Effect.suspend(() =>
    done ? Effect.void : Effect.tap(ensureInitial(node, calls, children), () => Effect.sync(() => (done = true)))
  )
}
