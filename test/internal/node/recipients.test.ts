import { describe, expect, it } from "@effect/vitest"
import { Array as Arr, Effect, TestClock } from "effect"
import * as GroupRegistry from "../../../src/GroupRegistry.js"
import type { Envelope } from "../../../src/internal/registry/commands.js"
import { makeCluster } from "../../support/cluster.js"
import { Journal } from "../../support/journal.js"
import { Worker, workerLive } from "../../support/worker.js"

/** A registry on which news of others may wait for 50 ms, and what nodes said whom their changes concern. */
const makeRegistry = Effect.map(GroupRegistry.makeMemory(), (base) => {
  const told: Array<{ readonly name: string; readonly concerns: Envelope["concerns"] }> = []
  const registry = GroupRegistry.makeEncoded({
    description: base.description,
    newsDelay: 50,
    onWake: base.onWake,
    execute: (name, envelope, args) => {
      told.push({ name, concerns: envelope.concerns })
      return base.execute(name, envelope, args)
    }
  })
  const take = (wanted: string) => {
    const names = told.filter(({ name }) => name === wanted).map(({ concerns }) =>
      concerns?.map((sid) => sid.slice(0, sid.indexOf("#")))
    )
    told.length = 0
    return names
  }
  return { registry, take }
})

const scene = Effect.gen(function*() {
  const { registry, take } = yield* makeRegistry
  const journal = new Journal()
  const cluster = yield* makeCluster(registry, workerLive(journal))
  const [a, b, c] = [yield* cluster.add("a"), yield* cluster.add("b"), yield* cluster.add("c")]
  yield* TestClock.adjust("3 seconds")
  take("")
  return { journal, a, b, c, take, cluster }
})

const keys = Arr.range(0, 30).map((i) => `k${i}`)

describe("news", () => {
  it.scoped("of a start concern the node that is to run the child, at once, and others a little later", () =>
    Effect.gen(function*() {
      const { a, c, journal, take } = yield* scene
      for (const key of keys) {
        const { id } = yield* a.pogo.startChild(Worker.spec(key, {}))
        yield* TestClock.adjust(1)
        const { node } = journal.running().find((run) => run.id === id)!
        expect(take("put")).toEqual([node === "a" ? [] : [node]])
        if (node === "b") expect((yield* c.pogo.getChild(id))._tag).toBe("None")
        yield* TestClock.adjust(50)
        expect((yield* c.pogo.getChild(id))._tag).toBe("Some")
      }
    }))

  it.scoped("reach whoever waits for a child at once", () =>
    Effect.gen(function*() {
      const { a, c, journal } = yield* scene
      for (const key of keys) {
        const waiting = yield* Effect.fork(c.pogo.awaitChild(`Worker/${key}`))
        yield* Effect.yieldNow()
        yield* a.pogo.startChild(Worker.spec(key, {}))
        yield* TestClock.adjust(1)
        expect((yield* waiting.await)._tag).toBe("Success")
      }
      expect(journal.running().length).toBe(keys.length)
    }))

  it.scoped("of an end concern the node that runs the child, and of many all", () =>
    Effect.gen(function*() {
      const { a, journal, take } = yield* scene
      yield* a.pogo.startChildren(keys.map((key) => Worker.spec(key, {})))
      expect(take("put")).toEqual([undefined])
      yield* TestClock.adjust(200)
      for (const key of keys) {
        const { node } = journal.running().find(({ id }) => id === `Worker/${key}`)!
        yield* a.pogo.terminateChild(`Worker/${key}`)
        yield* TestClock.adjust(1)
        expect(take("del")).toEqual([node === "a" ? [] : [node]])
        expect(journal.running().some(({ id }) => id === `Worker/${key}`)).toBe(false)
        yield* TestClock.adjust(60)
      }
    }))

  it.scoped("of a move concern the next node, and then the one before", () =>
    Effect.gen(function*() {
      const { a, cluster, journal, take } = yield* scene
      yield* a.pogo.startChildren(keys.map((key) => Worker.spec(key, {})))
      yield* TestClock.adjust(200)
      yield* cluster.add("d")
      take("")
      yield* TestClock.adjust("2 seconds")
      expect(journal.running().filter(({ node }) => node === "d").length).toBeGreaterThan(0)
      expect(journal.violations()).toEqual([])
      const claims = take("claim").flatMap((concerns) => concerns ?? ["all"])
      expect(claims.length).toBeGreaterThan(0)
      expect(claims.filter((name) => !["a", "b", "c"].includes(name))).toEqual([])
    }))
})
