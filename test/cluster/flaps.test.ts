/**
 * A call while the registry's data is replaced again and again: it is repeated where it had no effect, and ends in time.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, TestClock } from "effect"
import { makeCluster, type Registry } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { slowly, takes } from "../support/slow.js"
import { Worker, workerLive } from "../support/worker.js"

describe("a call while eras flap", () => {
  const scene = (flaps: number, roundTrip: number) =>
    Effect.gen(function*() {
      const faulty = yield* makeFaulty()
      const { registry } = faulty.line()
      const seen = { puts: 0 }
      const way = { roundTrip: 0 }
      const flapping: Registry = {
        ...registry,
        execute: (name, envelope, args) => {
          if (name !== "put") return slowly(registry, way).execute(name, envelope, args)
          return Effect.suspend(() => {
            if (seen.puts++ < flaps) faulty.lose()
            return slowly(registry, way).execute(name, envelope, args)
          })
        }
      }
      const { pogo } = yield* (yield* makeCluster(flapping, workerLive(new Journal()))).add("a")
      yield* TestClock.adjust("1 second")
      way.roundTrip = roundTrip
      return { pogo, seen }
    })

  it.scoped("fails after one command timeout in all", () =>
    Effect.gen(function*() {
      const { pogo, seen } = yield* scene(1_000, 20)
      const call = yield* Effect.fork(Effect.exit(pogo.startChild(Worker.spec("x", {}))))
      const time = yield* takes(Effect.asVoid(Fiber.join(call)), 10)
      expect(time).toBeGreaterThan(1_900)
      expect(time).toBeLessThan(2_100)
      expect(Exit.isFailure(yield* Fiber.join(call))).toBe(true)
      expect(seen.puts).toBeGreaterThan(1)
    }))

  it.scoped("is answered when the last flap is over in time", () =>
    Effect.gen(function*() {
      const { pogo, seen } = yield* scene(3, 20)
      const call = yield* Effect.fork(pogo.startChild(Worker.spec("x", {})))
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(call)).toMatchObject({ _tag: "Created" })
      expect(seen.puts).toBe(4)
    }))

  it.scoped("waits no longer for an answer than there is time", () =>
    Effect.gen(function*() {
      const { pogo } = yield* scene(1, 1_500)
      const call = yield* Effect.fork(Effect.exit(pogo.startChild(Worker.spec("x", {}))))
      const time = yield* takes(Effect.asVoid(Fiber.join(call)), 10)
      expect(time).toBeLessThan(2_100)
      expect(Exit.isFailure(yield* Fiber.join(call))).toBe(true)
    }))
})
