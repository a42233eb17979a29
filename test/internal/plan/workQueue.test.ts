import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, FastCheck, Fiber } from "effect"
import { WorkQueue } from "../../../src/internal/plan/workQueue.js"
import { holds } from "../../support/arbitrary.js"

const id = FastCheck.nat(9).map(String)

type Command =
  | { readonly do: "add" | "postpone" | "create" | "remove"; readonly id: string }
  | { readonly do: "resume" | "sweep" | "clear" }
  | { readonly do: "take"; readonly count: number }

const command: FastCheck.Arbitrary<Command> = FastCheck.oneof(
  FastCheck.record({ do: FastCheck.constantFrom("add", "add", "postpone", "create", "remove"), id }),
  FastCheck.record({ do: FastCheck.constantFrom("resume", "sweep", "sweep") }),
  FastCheck.record({ do: FastCheck.constant("take"), count: FastCheck.integer({ min: 1, max: 4 }) })
) as FastCheck.Arbitrary<Command>

const drain = (queue: WorkQueue): ReadonlyArray<string> => {
  const all: Array<string> = []
  for (;;) {
    const ids = queue.take(3)
    if (ids.length === 0) return all
    all.push(...ids)
  }
}

const isReady = (queue: WorkQueue): boolean => Exit.isSuccess(Effect.runSyncExit(queue.wait))

describe("WorkQueue", () => {
  holds(
    "loses nothing: what was added, resumed, or there at a sweep is taken before it is empty",
    [FastCheck.array(command, { maxLength: 60 })],
    (commands) => {
      const everything = new Set(["0", "1", "2"])
      const queue = new WorkQueue(() => everything.values())
      // What must still be taken, and what waits for its time.
      const due = new Set<string>()
      const later = new Set<string>()
      for (const one of commands) {
        switch (one.do) {
          case "add":
            due.add(one.id)
            queue.add(one.id)
            break
          case "postpone":
            later.add(one.id)
            queue.postpone(one.id)
            break
          case "create":
            everything.add(one.id)
            break
          case "remove":
            // What is gone before it is taken is of no interest.
            everything.delete(one.id)
            due.delete(one.id)
            break
          case "resume":
            for (const postponed of later) due.add(postponed)
            later.clear()
            queue.resume()
            break
          case "sweep":
            for (const known of everything) due.add(known)
            queue.sweep()
            break
          case "take":
            for (const taken of queue.take(one.count)) due.delete(taken)
        }
        if (due.size > 0) expect(isReady(queue)).toBe(true)
        expect(queue.postponed).toBe(later.size)
      }
      const taken = new Set(drain(queue))
      for (const known of due) expect(taken).toContain(known)
      expect(isReady(queue)).toBe(false)
    },
    2_000
  )

  holds(
    "takes nothing that nobody asked for, and no more at once than it was told to",
    [FastCheck.array(command, { maxLength: 60 })],
    (commands) => {
      const queue = new WorkQueue(() => ["a", "b", "c"].values())
      const asked = new Set<string>()
      const postponed = new Set<string>()
      for (const one of commands) {
        if (one.do === "add") {
          asked.add(one.id)
          queue.add(one.id)
        } else if (one.do === "postpone") {
          postponed.add(one.id)
          queue.postpone(one.id)
        } else if (one.do === "resume") {
          for (const known of postponed) asked.add(known)
          queue.resume()
        } else if (one.do === "sweep") {
          for (const known of ["a", "b", "c"]) asked.add(known)
          queue.sweep()
        } else if (one.do === "take") {
          const taken = queue.take(one.count)
          expect(taken.length).toBeLessThanOrEqual(one.count)
          for (const known of taken) expect(asked).toContain(known)
        }
      }
    },
    500
  )

  it("takes what was named before what is gone through", () => {
    const queue = new WorkQueue(() => ["a", "b", "c"].values())
    queue.sweep()
    expect(queue.take(1)).toEqual(["a"])
    queue.add("x")
    queue.add("y")
    expect(queue.take(3)).toEqual(["x", "y", "b"])
    expect(drain(queue)).toEqual(["c"])
  })

  it("goes through everything once more, when a sweep is asked for while one is on its way", () => {
    const queue = new WorkQueue(() => ["a", "b", "c"].values())
    queue.sweep()
    queue.take(2)
    queue.sweep()
    queue.sweep()
    expect(drain(queue)).toEqual(["c", "a", "b", "c"])
  })

  it("names an id once, however often it was added", () => {
    const queue = new WorkQueue(() => [].values())
    for (let i = 0; i < 5; i++) queue.add("a")
    expect(drain(queue)).toEqual(["a"])
  })

  it("forgets everything when it is cleared", () => {
    const queue = new WorkQueue(() => ["a", "b"].values())
    queue.add("x")
    queue.postpone("y")
    queue.sweep()
    queue.clear()
    queue.resume()
    expect(drain(queue)).toEqual([])
  })

  it("looks again at no more of the postponed than it is told to, and at those that waited longest", () => {
    const queue = new WorkQueue(() => [].values())
    for (const id of ["a", "b", "c"]) queue.postpone(id)
    queue.resume(2)
    expect(drain(queue)).toEqual(["a", "b"])
    expect(queue.postponed).toBe(1)
    queue.resume(2)
    expect(drain(queue)).toEqual(["c"])
  })

  it.effect("wakes who waits, when something is added, resumed or to be gone through", () =>
    Effect.gen(function*() {
      for (const act of ["add", "resume", "sweep"] as const) {
        const queue = new WorkQueue(() => ["a"].values())
        const waiting = yield* Effect.fork(queue.wait)
        yield* Effect.yieldNow()
        queue.postpone("p")
        expect(waiting.unsafePoll()).toBeNull()
        if (act === "add") queue.add("a")
        else if (act === "resume") queue.resume()
        else queue.sweep()
        yield* Fiber.join(waiting)
      }
    }))
})
