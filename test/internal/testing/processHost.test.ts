/**
 * A process within a test's own: what its fibers do when it is frozen or killed.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Runtime } from "effect"
import { createServer } from "node:net"

import { PlainHost, rootFibers } from "../../../src/internal/testing/processHost.js"

const makeHost = () => new PlainHost(Runtime.defaultRuntime)

/** Turns of the real event loop in which whatever may run has run. */
const turns = Effect.promise(async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
})

/** Starts an effect in a process, at once, as a call from another one does. */
const start = <A>(host: PlainHost, effect: Effect.Effect<A>) => Runtime.runFork(host.runtime)(effect)

describe("a process within a test's own", () => {
  it.live("lets no fiber begin when it is dead, and none go on", () =>
    Effect.gen(function*() {
      const host = makeHost()
      const steps: Array<string> = []
      const note = (what: string) => Effect.sync(() => void steps.push(what))
      start(host, note("first").pipe(Effect.zipRight(Effect.yieldNow()), Effect.zipRight(note("second"))))
      start(host, Effect.ensuring(Effect.never, note("finalizer")))
      host.kill()
      start(host, note("third"))
      yield* turns
      expect(steps).toEqual(["first"])
    }))

  it.live("ends a fiber that ends its own process at its next step", () =>
    Effect.gen(function*() {
      const host = makeHost()
      let after = false
      start(
        host,
        Effect.zipRight(Effect.sync(() => host.kill()), Effect.sync(() => (after = true)))
      )
      yield* turns
      expect(after).toBe(false)
    }))

  it.live("lets a fiber that is started while it is frozen wait until it is thawed", () =>
    Effect.gen(function*() {
      const host = makeHost()
      let ran = false
      host.freeze()
      const fiber = start(host, Effect.sync(() => (ran = true)))
      yield* turns
      expect(ran).toBe(false)
      host.thaw()
      yield* Fiber.await(fiber)
      expect(ran).toBe(true)
      host.kill()
    }))

  it.live("stops the timers that its fibers have set, and waits for no socket of theirs, when it is killed", () =>
    Effect.gen(function*() {
      const host = makeHost()
      let rang = 0
      const server = createServer()
      const waitedFor = () => process.getActiveResourcesInfo().filter((type) => type === "TCPServerWrap").length
      const before = waitedFor()
      start(
        host,
        Effect.sync(() => {
          setInterval(() => rang++, 0)
          setTimeout(() => rang++, 0)
          setImmediate(() => rang++)
          server.listen(0)
        })
      )
      expect(waitedFor()).toBe(before + 1)
      host.kill()
      expect(waitedFor()).toBe(before)
      // A timer of nobody's process, which rings after the others would have.
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
      expect(rang).toBe(0)
      server.close()
    }))

  it.live("keeps its hands off the timers of others that run meanwhile", () =>
    Effect.gen(function*() {
      const [host, other] = [makeHost(), makeHost()]
      const sleeping = start(other, Effect.as(Effect.sleep(1), "slept"))
      start(host, Effect.sleep(1))
      host.kill()
      expect(yield* Fiber.await(sleeping)).toEqual(Exit.succeed("slept"))
      other.kill()
    }))

  it("leaves none of its fibers among those that Effect keeps", () => {
    const host = makeHost()
    const fiber = start(host, Effect.never)
    expect(rootFibers().has(fiber)).toBe(true)
    host.kill()
    expect(rootFibers().has(fiber)).toBe(false)
  })
})
