/**
 * Nodes whose codes of one kind have one version and different digests, as during a rolling deployment: no child is lost.
 */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, Schema, TestClock } from "effect"
import { Child, GroupRegistry, Pogo } from "effect-pogo"
import { makeHub } from "../../src/internal/transport/hub.js"
import { passing } from "../rpc/support.js"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"

const protocol = [Rpc.make("add", { payload: { by: Schema.Number }, success: Schema.Number })] as const

/** Of one version, in three deployments: the second adds a field, the third cannot read what the others wrote. */
const First = Child.make("Job", { payload: { size: Schema.Number }, protocol })
const Second = Child.make("Job", { payload: { size: Schema.Number, colour: Schema.optional(Schema.String) }, protocol })
const Strict = Child.make("Job", { payload: { size: Schema.Number, colour: Schema.String }, protocol })

const ids = Array.from({ length: 8 }, (_, i) => First.id(String(i)))

const scene = Effect.gen(function*() {
  const journal = new Journal()
  const build = () =>
    Effect.gen(function*() {
      yield* Child.fork(Effect.zipRight(journal.record, Effect.never))
      let sum = 0
      return { add: ({ by }: { readonly by: number }) => Effect.sync(() => (sum += by)) }
    })
  const cluster = yield* makeCluster(yield* GroupRegistry.makeMemory(), First.toLayer(build))
  const { transport } = makeHub()
  const first = (name: string) => cluster.add(name, { transport }, First.toLayer(build))
  const second = (name: string) => cluster.add(name, { transport }, Second.toLayer(build))
  const strict = (name: string) => cluster.add(name, { transport }, Strict.toLayer(build))
  return { first, second, strict, journal }
})

const digestOn = (pogo: Pogo.Service, name: string) =>
  Effect.map(pogo.nodes, (nodes) => nodes.find((node) => node.name === name)?.kinds["Job"]?.digest)

const holders = (pogo: Pogo.Service) =>
  Effect.map(pogo.whichChildren("global"), (rows) => new Set(rows.map(({ node, status }) => `${node} ${status._tag}`)))

describe("nodes that differ in a digest", () => {
  it.scoped("[F52] take each other's children over and answer each other's calls, through a whole rolling deployment", () =>
    Effect.gen(function*() {
      const { first, journal, second } = yield* scene
      const a = yield* first("a")
      const b = yield* first("b")
      yield* a.pogo.startChildren(ids.map((id) => First.spec(id.slice(4), { size: 1 })))
      yield* TestClock.adjust("5 seconds")
      yield* b.stop
      const newB = yield* second("b")
      yield* TestClock.adjust("10 seconds")
      expect(yield* digestOn(a.pogo, "a")).not.toBe(yield* digestOn(a.pogo, "b"))
      expect(yield* holders(a.pogo)).toEqual(new Set(["a Running", "b Running"]))
      for (const [kind, pogo] of [[First, a.pogo], [Second, newB.pogo]] as const) {
        const clients = yield* Effect.provideService(kind.client, Pogo.Pogo, pogo)
        for (const id of ids) expect(yield* passing(clients(id.slice(4)).add({ by: 1 }))).toBe(kind === First ? 1 : 2)
      }
      yield* a.stop
      const newA = yield* second("a")
      yield* TestClock.adjust("10 seconds")
      expect(yield* holders(newA.pogo)).toEqual(new Set(["a Running", "b Running"]))
      const explained = yield* Effect.forEach(ids, (id) => newA.pogo.explain(id))
      expect(explained.flatMap(({ nodes }) => nodes.map(({ obstacle }) => obstacle))).toEqual(
        ids.flatMap(() => [undefined, undefined])
      )
      yield* newB.crash
      yield* TestClock.adjust("30 seconds")
      expect(yield* holders(newA.pogo)).toEqual(new Set(["a Running"]))
      expect(journal.violations()).toEqual([])
    }))

  it.scoped("[F52] refuse a child each for itself: it waits with a reason while nobody reads it, and runs as soon as one does", () =>
    Effect.gen(function*() {
      const { first, journal, second, strict } = yield* scene
      const s = yield* strict("s")
      yield* s.pogo.startChildren(ids.map((id) => First.spec(id.slice(4), { size: 1 })))
      yield* TestClock.adjust("5 seconds")
      const statuses = (yield* s.pogo.whichChildren("global")).map(({ status }) => status)
      expect(statuses.length).toBe(ids.length)
      for (const status of statuses) {
        expect(status).toMatchObject({ _tag: "Failed", cause: expect.stringContaining("no node's code can decode") })
      }
      const a = yield* first("a")
      const b = yield* second("b")
      yield* TestClock.adjust("10 seconds")
      expect(yield* holders(a.pogo)).toEqual(new Set(["a Running", "b Running"]))
      const clients = yield* Effect.provideService(First.client, Pogo.Pogo, s.pogo)
      for (const id of ids) expect(yield* passing(clients(id.slice(4)).add({ by: 1 }))).toBe(1)
      yield* a.stop
      yield* TestClock.adjust("10 seconds")
      expect(yield* holders(b.pogo)).toEqual(new Set(["b Running"]))
      yield* b.stop
      yield* TestClock.adjust("10 seconds")
      expect(Option.getOrThrow(yield* s.pogo.getChild(ids[0]!)).status._tag).toBe("Failed")
      const again = yield* first("a")
      yield* TestClock.adjust("10 seconds")
      expect(yield* holders(again.pogo)).toEqual(new Set(["a Running"]))
      expect(journal.violations()).toEqual([])
    }))
})
