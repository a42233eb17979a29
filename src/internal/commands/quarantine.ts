/**
 * Calls while the registry's data is new: it may not know yet what exists, so they wait.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { Node } from "../node/node.js"
import { unavailable } from "../node/registryRequest.js"

const detail = (left: number): string =>
  `the registry's data is new, and may not know yet what exists; ${Math.ceil(left / 1000)} s to go`

/** Says so once, however many calls wait. */
const tell = (node: Node, left: number): void => {
  const { session } = node
  if (session === undefined || session.toldOfWaiting) return
  session.toldOfWaiting = true
  node.fork(Effect.logInfo(`calls that start children wait: ${detail(left)}`))
}

/** Repeats an attempt, which is safe to repeat, for as long as its answers say that it came too early. */
export const pastQuarantine = <A extends ReadonlyArray<{ readonly result: { readonly _tag: string } }>>(
  node: Node,
  operation: string,
  attempt: Effect.Effect<A, RegistryUnavailable>
): Effect.Effect<A, RegistryUnavailable> =>
  Effect.gen(function*() {
    const { ambient, timing } = node
    const before = ambient.now() + timing.ttl + timing.heartbeat
    for (;;) {
      const answers = yield* attempt
      if (answers.every(({ result }) => result._tag !== "QUARANTINE")) return answers
      const left = Math.max(0, (node.session?.quarantineUntil ?? 0) - ambient.now())
      if (ambient.now() + left > before) {
        return yield* Effect.fail(unavailable(operation, "Quarantine", detail(left), false))
      }
      tell(node, left)
      yield* Effect.sleep(Math.max(left, timing.heartbeat / 10))
    }
  })
