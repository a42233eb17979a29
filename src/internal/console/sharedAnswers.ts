/**
 * Answers that several askers share: many who look at the same page cost about as much as one.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"

/** For so many times as long as it took to make an answer, the same question has it again; at most so long. Milliseconds. */
const rest = 10
const longest = 1_000

/** How many questions are remembered. */
const most = 64

interface Shared {
  readonly lock: Effect.Semaphore
  /** `until`: elapsed milliseconds. */
  answer: { readonly value: unknown; readonly until: number } | undefined
}

/** Answers by their questions. What costs little is made anew each time. */
export class SharedAnswers {
  private readonly known = new Map<string, Shared>()

  constructor(private readonly node: Pick<Node, "ambient">) {}

  private of(question: string): Shared {
    const known = this.known.get(question)
    if (known !== undefined) return known
    for (const oldest of this.known.keys()) {
      if (this.known.size < most) break
      this.known.delete(oldest)
    }
    const made = { lock: Effect.unsafeMakeSemaphore(1), answer: undefined }
    this.known.set(question, made)
    return made
  }

  /** The answer to a question. `question`: all that the answer depends on, but the time. */
  share<A, E>(question: string, make: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const { now } = this.node.ambient
    return Effect.suspend(() => {
      const shared = this.of(question)
      const fresh = Effect.suspend(() => {
        if (shared.answer !== undefined && now() < shared.answer.until) {
          return Effect.succeed(shared.answer.value as A)
        }
        const begun = now()
        return Effect.tap(make, (value) => {
          const took = now() - begun
          shared.answer = { value, until: begun + took + Math.min(longest, rest * took) }
        })
      })
      return shared.lock.withPermits(1)(fresh)
    })
  }

  /** Forgets all answers: something was done. */
  clear(): void {
    this.known.clear()
  }
}
