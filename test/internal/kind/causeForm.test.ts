import { describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Either, FiberId, Schema } from "effect"
import { causeSchema } from "../../../src/internal/kind/causeForm.js"

const own = causeSchema(Schema.NumberFromString, Schema.Defect)

/** What the library's own codec makes of it: nodes of an earlier version read and write that. */
const earlier = Schema.Cause({ error: Schema.NumberFromString, defect: Schema.Defect })

const causes: ReadonlyArray<readonly [name: string, cause: Cause.Cause<number>, form: unknown]> = [
  ["nothing", Cause.empty, { _tag: "Empty" }],
  ["an error, by its schema", Cause.fail(5), { _tag: "Fail", error: "5" }],
  ["a defect", Cause.die(new TypeError("ouch")), { _tag: "Die", defect: { name: "TypeError", message: "ouch" } }],
  ["an interrupt by nobody", Cause.interrupt(FiberId.none), { _tag: "Interrupt", fiberId: { _tag: "None" } }],
  ["an interrupt by a fiber", Cause.interrupt(FiberId.runtime(3, 9)), {
    _tag: "Interrupt",
    fiberId: { _tag: "Runtime", id: 3, startTimeMillis: 9 }
  }],
  ["an interrupt by two fibers", Cause.interrupt(FiberId.composite(FiberId.runtime(1, 2), FiberId.runtime(3, 4))), {
    _tag: "Interrupt",
    fiberId: {
      _tag: "Composite",
      left: { _tag: "Runtime", id: 1, startTimeMillis: 2 },
      right: { _tag: "Runtime", id: 3, startTimeMillis: 4 }
    }
  }],
  ["a tree", Cause.sequential(Cause.parallel(Cause.fail(1), Cause.fail(2)), Cause.die("then")), {
    _tag: "Sequential",
    left: { _tag: "Parallel", left: { _tag: "Fail", error: "1" }, right: { _tag: "Fail", error: "2" } },
    right: { _tag: "Die", defect: "then" }
  }]
]

describe("the form of a cause", () => {
  it.each(causes)("is golden, and read back: %s", (_, cause, form) => {
    expect(Schema.encodeSync(own)(cause)).toEqual(form)
    const back = Schema.decodeUnknownSync(own)(form)
    expect(Schema.encodeSync(own)(back)).toEqual(form)
    expect(Chunk.toReadonlyArray(Cause.failures(back))).toEqual(Chunk.toReadonlyArray(Cause.failures(cause)))
    expect(Cause.isInterrupted(back)).toBe(Cause.isInterrupted(cause))
  })

  it.each(causes)("is what nodes of an earlier version write and read: %s", (_, cause, form) => {
    expect(Schema.encodeSync(earlier)(cause)).toEqual(form)
    expect(Schema.encodeSync(earlier)(Schema.decodeUnknownSync(earlier)(Schema.encodeSync(own)(cause) as never)))
      .toEqual(form)
  })

  it("is refused where it is none, and where an error does not fit", () => {
    const decode = Schema.decodeUnknownEither(own)
    for (
      const wrong of [undefined, null, 5, [], {}, { _tag: "Fail" }, { _tag: "Fail", error: "x" }, { _tag: "Other" }]
    ) {
      expect(Either.isLeft(decode(wrong)), JSON.stringify(wrong)).toBe(true)
    }
    expect(Either.isLeft(decode({ _tag: "Sequential", left: { _tag: "Empty" }, right: { _tag: "Interrupt" } }))).toBe(
      true
    )
    expect(Either.isLeft(Schema.encodeUnknownEither(own)("no cause"))).toBe(true)
    expect(Either.isLeft(Schema.encodeUnknownEither(own)(Cause.fail("no number")))).toBe(true)
  })
})
