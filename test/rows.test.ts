/**
 * What `Pogo` tells goes through JSON: `JSON.stringify` and the schemas write the same, and the schemas read it back.
 */
import { describe, expect, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Option, Schedule, Schema, Stream } from "effect"
import { Child, ChildInfo, ChildSpec, Pogo, PogoError, PogoEvent, PogoNode, Restart } from "effect-pogo"
import { holds } from "./support/arbitrary.js"

/** JSON of a value by `JSON.stringify`, which must be that of its schema, from which the value can be read. */
const throughJson = <A, I>(schema: Schema.Schema<A, I>, value: A): unknown => {
  const json: unknown = JSON.parse(JSON.stringify(value))
  expect(json).toEqual(JSON.parse(JSON.stringify(Schema.encodeSync(schema)(value))))
  expect(Schema.decodeUnknownSync(schema, { onExcessProperty: "error" })(json)).toEqual(value)
  return json
}

const Worker = Child.make("Worker", { payload: { as: Schema.Literal("good", "bad") } })

/** What a child sees of itself. */
const seen: Array<unknown> = []

const WorkerLive = Worker.toLayer(({ as }) =>
  as === "good"
    ? Effect.zipRight(Effect.map(Child.Current, (self) => seen.push(JSON.parse(JSON.stringify(self)))), Effect.never)
    : Effect.fail(as), {
  restart: Restart.permanent(Schedule.spaced("1 hour")),
  intensity: { maxRestarts: 1, within: "1 hour" }
})

const Doomed = Child.make("Doomed", { payload: {} })

const DoomedLive = Doomed.toLayer(() => Effect.fail("doomed"), { intensity: { maxRestarts: 0, within: "1 hour" } })

/** The row of a child when it has a status. */
const becomes = (id: ChildSpec.ChildId, status: ChildInfo.ChildStatus["_tag"]) =>
  Pogo.watchChild(id).pipe(
    Stream.filterMap((row) => Option.filter(row, (found) => found.status._tag === status)),
    Stream.runHead,
    Effect.flatten
  )

const Nobody = Child.make("Nobody", { payload: {} })

describe("what Pogo tells", () => {
  it.scopedLive("is written by JSON.stringify, and read by the schemas: rows, nodes, explanations, events, results", () =>
    Effect.gen(function*() {
      const events: Array<PogoEvent.PogoEvent> = []
      yield* Effect.forkScoped(
        Stream.runForEach(
          yield* Effect.map(Pogo.Pogo, (pogo) => pogo.events),
          (event) => Effect.sync(() => events.push(event))
        )
      )
      const ids = [Worker.id("good"), Worker.id("bad"), Doomed.id("x"), Nobody.id("x")]
      const results: Array<unknown> = [
        yield* Pogo.startChild(Worker.spec("good", { as: "good" })),
        yield* Pogo.startChild(Worker.spec("good", { as: "good" })),
        yield* Pogo.startChild(Worker.spec("bad", { as: "bad" })),
        yield* Pogo.startChild(Nobody.spec("x", {}))
      ]
      const restarting = [yield* becomes(Worker.id("bad"), "Restarting")]
      results.push(yield* Pogo.startChild(Doomed.spec("x", {})))
      yield* becomes(Doomed.id("x"), "Failed")
      const rows = [...restarting, yield* Pogo.awaitChild(Worker.id("good")), ...yield* Pogo.whichChildren("global")]
      expect(new Set(rows.map(({ status }) => status._tag))).toEqual(
        new Set(["Running", "Restarting", "Failed", "Pending"])
      )
      for (const row of rows) throughJson(ChildInfo.ChildRow, row)
      for (const id of ids) throughJson(ChildInfo.Explanation, yield* Pogo.explain(id))
      const directive = { what: "drain", by: "alice", reason: "", at: new Date(5), obeyed: true } as const
      for (const node of yield* Pogo.nodes) {
        throughJson(PogoNode.PogoNode, node)
        throughJson(PogoNode.PogoNode, { ...node, directive })
      }
      results.push(
        yield* Pogo.restartChild(Worker.id("bad")),
        yield* Pogo.replaceChild(Worker.spec("bad", { as: "good" })),
        yield* Pogo.terminateChild(Worker.id("good")),
        yield* Effect.flip(Pogo.startChild(Doomed.spec("x", {}, { shutdown: "1 second" })))
      )
      for (const result of results) expect(JSON.stringify(result)).toMatch(/"id":"(Worker|Nobody|Doomed)\//)
      expect(results.map((result) => JSON.stringify(result)).join()).toMatch(/"generation":"\d+"/)
      expect(events.length).toBeGreaterThan(5)
      for (const event of events) throughJson(PogoEvent.PogoEvent, event)
      expect(seen[0]).toMatchObject({ id: "Worker/good", token: expect.stringMatching(/^\d+$/), attempt: 1 })
    }).pipe(Effect.provide(Layer.merge(WorkerLive, DoomedLive)), Effect.provide(Pogo.layerMemory({ name: "one" }))))

  const anyEvent = Arbitrary.make(Schema.typeSchema(PogoEvent.PogoEvent))
  const constructors = PogoEvent as unknown as { readonly [tag: string]: (fields: object) => PogoEvent.PogoEvent }

  holds("every event goes through JSON, and equals itself", [anyEvent], (fields) => {
    const { _tag, ...rest } = fields
    const event = constructors[_tag]!(rest)
    expect({ ...event }).toEqual(fields)
    throughJson(PogoEvent.PogoEvent, event)
  }, 300)

  it("errors that hold tokens are written by JSON.stringify", () => {
    const id = new ChildSpec.ChildSpec({ kind: "K", key: "x", payload: 1 }).id
    const errors = [
      new PogoError.ChildMoved({ id, node: "n", token: 7n }),
      new PogoError.ClaimLost({ id, node: "n", token: 7n, reason: "it is over" }),
      new PogoError.ChildSpecConflict({ id, generation: 7n, existing: "a", requested: "b" })
    ]
    for (const error of errors) {
      const json: unknown = JSON.parse(JSON.stringify(error))
      expect(json).toMatchObject({ _tag: error._tag, id, message: error.message })
      expect(Object.values(json as object)).toContain("7")
    }
  })
})
