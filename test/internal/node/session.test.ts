import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { Session } from "../../../src/internal/node/session.js"

const open = (): Session => new Session("n#1", "era")

const hasNews = (session: Session): boolean => Exit.isSuccess(Effect.runSyncExit(session.unread.await))

/** A session of which all news have been read. */
const quiet = (): Session => {
  const session = open()
  session.unread.unsafeClose()
  return session
}

describe("Session", () => {
  it.effect("ends once, and tells how", () =>
    Effect.gen(function*() {
      const session = open()
      const waiting = yield* Effect.fork(session.ended)
      expect(session.over).toBe(false)
      session.end("era")
      session.end("fenced")
      expect(session.over).toBe(true)
      expect(yield* Fiber.join(waiting)).toBe("era")
      expect(yield* session.ended).toBe("era")
    }))

  it("has news at first, and when it hears of a log position that it has not read", () => {
    expect(hasNews(open())).toBe(true)
    const session = quiet()
    session.cursor = 10
    session.heardOf(10)
    session.heardOf(9)
    expect([session.behind, hasNews(session)]).toEqual([false, false])
    session.heardOf(11)
    expect([session.behind, hasNews(session)]).toEqual([true, true])
    session.heardOf(5)
    expect(session.newestKnown).toBe(11)
    session.cursor = 11
    expect(session.behind).toBe(false)
  })

  it("looks once when messages may have been missed", () => {
    const session = quiet()
    session.heardOf(undefined)
    expect([session.behind, session.mayHaveMissed, hasNews(session)]).toEqual([true, true, true])
  })

  it("has news when everything is to be read again", () => {
    const session = quiet()
    session.wantFullRead()
    expect([session.behind, session.fullReadWanted, hasNews(session)]).toEqual([true, true, true])
  })
})
