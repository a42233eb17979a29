/**
 * Records and payloads that this node's code cannot read, met by a whole node.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Layer, Schema, Stream, TestClock } from "effect"
import { Child, ChildSpec, GroupRegistry, Pogo } from "effect-pogo"

const Worker = Child.make("Worker", { payload: {} })

/** A schema whose own code throws. */
const Hasty = Child.make("Hasty", {
  payload: {
    json: Schema.transform(Schema.String, Schema.Unknown, {
      strict: true,
      decode: (text): unknown => JSON.parse(text),
      encode: (value) => JSON.stringify(value)
    })
  }
})

const kinds = Layer.merge(Worker.toLayer(() => Effect.never), Hasty.toLayer(() => Effect.never))

const scene = Effect.gen(function*() {
  const registry = yield* GroupRegistry.makeMemory()
  const calls = { claims: 0 }
  const counting = GroupRegistry.GroupRegistry.of({
    ...registry,
    execute: (name, envelope, args) =>
      Effect.suspend(() => {
        // A node that never stops asking would never let the test end.
        if (name === "claim" && ++calls.claims > 500) return Effect.never
        return registry.execute(name, envelope, args)
      })
  })
  const pogo = yield* Effect.provideService(Pogo.make({ name: "a" }), GroupRegistry.GroupRegistry, counting)
  const kindsLive = Layer.provide(kinds, Layer.succeed(Pogo.Pogo, pogo))
  const envelope = {
    scope: "default",
    era: "",
    notAfter: Infinity,
    high: 0,
    seconds: 0,
    bits: "b",
    ttl: 15_000,
    maxStep: 2_500
  }
  const probe = yield* registry.nodes(envelope, {})
  const here = { ...envelope, era: probe._tag === "ERA" ? probe.era : "" }
  const put = (mode: GroupRegistry.PutMode, id: string, generation: bigint, body: string) =>
    registry.put(here, { mode, items: [{ id, op: `op of ${id}`, generation: Number(generation), body }] })
  return { pogo, calls, kindsLive, put, registry, here }
})

/** A later version's body: this one does not know the restart type. */
const later = "{\"kind\":\"Worker\",\"restart\":\"rest_for_one\",\"version\":1}"

const running = (pogo: Pogo.Service) =>
  Effect.map(
    pogo.whichChildren("global"),
    (rows) => rows.filter(({ status }) => status._tag === "Running").map(({ id }) => id).sort()
  )

describe("a record that cannot be read", () => {
  it.scoped("is reported once, however often it is met, and left alone", () =>
    Effect.gen(function*() {
      const { here, kindsLive, pogo, put, registry } = yield* scene
      yield* Layer.build(kindsLive)
      const events = yield* Effect.fork(
        Stream.runCollect(
          Stream.interruptAfter(Stream.filter(pogo.events, ({ _tag }) => _tag === "ForeignData"), "3 minutes")
        )
      )
      yield* TestClock.adjust("1 second")
      yield* put("ensure", "Worker/odd", 0n, later)
      yield* TestClock.adjust("1 minute")
      yield* put("ensure", "Worker/other", 0n, "?")
      yield* put("ensure", "Worker/odd", 0n, later)
      yield* pogo.startChild(Worker.spec("good", {}))
      yield* TestClock.adjust("2 minutes")
      expect(Chunk.toReadonlyArray(yield* Fiber.join(events))).toMatchObject([
        { id: "Worker/odd", part: "spec" },
        { id: "Worker/other", part: "spec" }
      ])
      expect(yield* running(pogo)).toEqual(["Worker/good"])
      const page = yield* registry.snap(here, { cursor: "" })
      const items = page._tag === "OK" ? page.value.items : []
      expect(items.find(({ id }) => id === "Worker/odd")?.spec?.endsWith(later)).toBe(true)
    }))

  it.scoped("in the place of a child's stops the child here, and asks for nothing", () =>
    Effect.gen(function*() {
      const { calls, kindsLive, pogo, put } = yield* scene
      yield* Layer.build(kindsLive)
      const { generation } = yield* pogo.startChild(Worker.spec("x", {}))
      yield* pogo.awaitChild("Worker/x")
      yield* put("replace", "Worker/x", generation, later)
      yield* TestClock.adjust("5 seconds")
      expect(yield* running(pogo)).toEqual([])
      expect(calls.claims).toBeLessThan(10)
    }))

  it.scoped("in the place of a child that waits is not asked for without end", () =>
    Effect.gen(function*() {
      const { calls, kindsLive, pogo, put } = yield* scene
      yield* Layer.build(kindsLive)
      yield* pogo.cordon
      const { generation } = yield* pogo.startChild(Worker.spec("x", {}))
      yield* TestClock.adjust("1 second")
      yield* put("replace", "Worker/x", generation, later)
      yield* TestClock.adjust("1 second")
      yield* pogo.uncordon
      yield* TestClock.adjust("5 seconds")
      expect(calls.claims).toBeLessThan(10)
    }))

  it.scoped("does not end the reading of others, whatever it holds", () =>
    Effect.gen(function*() {
      const { kindsLive, pogo, put } = yield* scene
      yield* Layer.build(kindsLive)
      yield* put("ensure", "Worker/odd", 0n, "{\"kind\":{\"toString\":1},\"version\":1}")
      yield* pogo.startChild(Worker.spec("good", {}))
      yield* TestClock.adjust("10 seconds")
      expect(yield* running(pogo)).toEqual(["Worker/good"])
    }))
})

describe("a payload whose decoding throws", () => {
  it.scoped("harms no child that is claimed with it", () =>
    Effect.gen(function*() {
      const { kindsLive, pogo } = yield* scene
      const spec = (key: string, json: string) => new ChildSpec.ChildSpec({ kind: "Hasty", key, payload: { json } })
      const keys = ["a", "b", "c", "d", "e"]
      yield* pogo.startChildren([spec("bad", "{"), ...keys.map((key) => spec(key, "1")), spec("worse", "}")])
      yield* Layer.build(kindsLive)
      yield* TestClock.adjust("1 minute")
      expect(yield* running(pogo)).toEqual(keys.map(Hasty.id))
      const bad = (yield* pogo.explain("Hasty/bad")).row
      expect(bad?.status._tag).toBe("Failed")
    }))
})
