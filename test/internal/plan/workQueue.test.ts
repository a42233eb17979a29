import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, FastCheck, Fiber } from "effect"
import { Agenda } from "../../../src/internal/plan/workQueue.js"
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

const drain = (agenda: Agenda): ReadonlyArray<string> => {
  const all: Array<string> = []
  for (;;) {
    const ids = agenda.take(3)
    if (ids.length === 0) return all
    all.push(...ids)
  }
}

const isReady = (agenda: Agenda): boolean => Exit.isSuccess(Effect.runSyncExit(agenda.wait))

describe("Agenda", () => {
  holds(
    "loses nothing: what was added, resumed, or there at a sweep is taken before it is empty",
    [FastCheck.array(command, { maxLength: 60 })],
    (commands) => {
      const everything = new Set(["0", "1", "2"])
      const agenda = new Agenda(() => everything.values())
      // What must still be taken, and what waits for its time.
      const due = new Set<string>()
      const later = new Set<string>()
      for (const one of commands) {
        switch (one.do) {
          case "add":
            due.add(one.id)
            agenda.add(one.id)
            break
          case "postpone":
            later.add(one.id)
            agenda.postpone(one.id)
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
            agenda.resume()
            break
          case "sweep":
            for (const known of everything) due.add(known)
            agenda.sweep()
            break
          case "take":
            for (const taken of agenda.take(one.count)) due.delete(taken)
        }
        if (due.size > 0) expect(isReady(agenda)).toBe(true)
        expect(agenda.postponed).toBe(later.size)
      }
      const taken = new Set(drain(agenda))
      for (const known of due) expect(taken).toContain(known)
      expect(isReady(agenda)).toBe(false)
    },
    2_000
  )

  holds(
    "takes nothing that nobody asked for, and no more at once than it was told to",
    [FastCheck.array(command, { maxLength: 60 })],
    (commands) => {
      const agenda = new Agenda(() => ["a", "b", "c"].values())
      const asked = new Set<string>()
      const postponed = new Set<string>()
      for (const one of commands) {
        if (one.do === "add") {
          asked.add(one.id)
          agenda.add(one.id)
        } else if (one.do === "postpone") {
          postponed.add(one.id)
          agenda.postpone(one.id)
        } else if (one.do === "resume") {
          for (const known of postponed) asked.add(known)
          agenda.resume()
        } else if (one.do === "sweep") {
          for (const known of ["a", "b", "c"]) asked.add(known)
          agenda.sweep()
        } else if (one.do === "take") {
          const taken = agenda.take(one.count)
          expect(taken.length).toBeLessThanOrEqual(one.count)
          for (const known of taken) expect(asked).toContain(known)
        }
      }
    },
    500
  )

  it("takes what was named before what is gone through", () => {
    const agenda = new Agenda(() => ["a", "b", "c"].values())
    agenda.sweep()
    expect(agenda.take(1)).toEqual(["a"])
    agenda.add("x")
    agenda.add("y")
    expect(agenda.take(3)).toEqual(["x", "y", "b"])
    expect(drain(agenda)).toEqual(["c"])
  })

  it("goes through everything once more, when a sweep is asked for while one is on its way", () => {
    const agenda = new Agenda(() => ["a", "b", "c"].values())
    agenda.sweep()
    agenda.take(2)
    agenda.sweep()
    agenda.sweep()
    expect(drain(agenda)).toEqual(["c", "a", "b", "c"])
  })

  it("names an id once, however often it was added", () => {
    const agenda = new Agenda(() => [].values())
    for (let i = 0; i < 5; i++) agenda.add("a")
    expect(drain(agenda)).toEqual(["a"])
  })

  it("forgets everything when it is cleared", () => {
    const agenda = new Agenda(() => ["a", "b"].values())
    agenda.add("x")
    agenda.postpone("y")
    agenda.sweep()
    agenda.clear()
    agenda.resume()
    expect(drain(agenda)).toEqual([])
  })

  it("looks again at no more of the postponed than it is told to, and at those that waited longest", () => {
    const agenda = new Agenda(() => [].values())
    for (const id of ["a", "b", "c"]) agenda.postpone(id)
    agenda.resume(2)
    expect(drain(agenda)).toEqual(["a", "b"])
    expect(agenda.postponed).toBe(1)
    agenda.resume(2)
    expect(drain(agenda)).toEqual(["c"])
  })

  it.effect("wakes who waits, when something is added, resumed or to be gone through", () =>
    Effect.gen(function*() {
      for (const act of ["add", "resume", "sweep"] as const) {
        const agenda = new Agenda(() => ["a"].values())
        const waiting = yield* Effect.fork(agenda.wait)
        yield* Effect.yieldNow()
        agenda.postpone("p")
        expect(waiting.unsafePoll()).toBeNull()
        if (act === "add") agenda.add("a")
        else if (act === "resume") agenda.resume()
        else agenda.sweep()
        yield* Fiber.join(waiting)
      }
    }))
})
