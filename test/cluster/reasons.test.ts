/**
 * What a node says of a lease that it lost, and of commands that were not answered: a pause of the process is not the
 * registry's fault.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Logger, LogLevel, Stream, TestClock } from "effect"
import * as PogoTest from "effect-pogo/PogoTest"
import { makeCluster } from "../support/cluster.js"
import { makeFaulty } from "../support/faulty.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"

describe("the reason of a lost lease", () => {
  const reasons = (fault: (cluster: PogoTest.Cluster) => Effect.Effect<void>) =>
    Effect.gen(function*() {
      const cluster = yield* PogoTest.cluster(1, workerLive(new Journal()))
      const found: Array<string> = []
      yield* Effect.forkScoped(Stream.runForEach(cluster.node("n1").events, (event) =>
        Effect.sync(() =>
          event._tag === "LeaseLost" ? found.push(event.reason) : 0
        )))
      yield* cluster.pass("5 seconds")
      yield* fault(cluster)
      yield* cluster.pass("10 seconds")
      return found
    })

  it.scoped("is the pause, where the process was paused", () =>
    Effect.gen(function*() {
      const found = yield* reasons((cluster) =>
        cluster.freeze("n1").pipe(
          Effect.zipRight(cluster.pass("20 seconds")),
          Effect.zipRight(cluster.thaw("n1"))
        )
      )
      expect(found.length).toBe(1)
      expect(found[0]).toMatch(/^this process did not run for (1[6-9]|2\d)\.\d s, and then: /)
    }))

  it.scoped("is the silence, where the registry was silent", () =>
    Effect.gen(function*() {
      const found = yield* reasons((cluster) =>
        cluster.partition("n1").pipe(Effect.zipRight(cluster.pass("20 seconds")))
      )
      expect(found).toEqual(["no renewal was answered in time"])
    }))
})

describe("a command that times out", () => {
  it.scoped("leaves a line, and many leave few", () => {
    const lines: Array<string> = []
    const log = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
    )
    return Effect.gen(function*() {
      const line = (yield* makeFaulty()).line()
      const { pogo } = yield* (yield* makeCluster(line.registry, workerLive(new Journal()))).add("a")
      yield* TestClock.adjust("1 second")
      line.dropReplies = true
      for (let i = 0; i < 20; i++) {
        yield* Effect.fork(Effect.ignore(pogo.restartChild(`Worker/${i}`)))
        yield* Effect.fork(Effect.ignore(pogo.startChild(Worker.spec(`${i}`, {}))))
      }
      yield* TestClock.adjust("7 seconds")
      const found = lines.filter((text) => text.includes("timed out"))
      expect(found.length).toBe(1)
      expect(found[0]).toMatch(/^WARN the registry command "\w+" timed out: no answer within \d+ ms$/)
    }).pipe(Effect.provide(log), Logger.withMinimumLogLevel(LogLevel.Info))
  })
})
