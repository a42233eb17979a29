/**
 * A kind as two versions of the code have it: its protocol changed in every way that one can, its payload did not.
 */
import { Rpc } from "@effect/rpc"
import { Effect, Schema, Stream } from "effect"
import { Child } from "effect-pogo"

const payload = { from: Schema.Number }

const add = Rpc.make("add", { payload: { by: Schema.Number }, success: Schema.Number })
const wait = Rpc.make("wait", { payload: { millis: Schema.Number }, success: Schema.String })

class RefusedOnce extends Schema.TaggedError<RefusedOnce>("test/RefusedOnce")("Refused", { why: Schema.String }) {}

class RefusedNow extends Schema.TaggedError<RefusedNow>("test/RefusedNow")("Refused", { code: Schema.Number }) {}

class Banned extends Schema.TaggedError<Banned>("test/Banned")("Banned", { by: Schema.String }) {}

export const Old = Child.make("Skewed", {
  payload,
  protocol: [
    add,
    wait,
    Rpc.make("removed", { success: Schema.String }),
    Rpc.make("greet", { payload: { name: Schema.String }, success: Schema.String }),
    Rpc.make("note", { payload: { text: Schema.String }, success: Schema.String }),
    Rpc.make("size", { success: Schema.Number }),
    Rpc.make("refuse", { error: RefusedOnce }),
    Rpc.make("ban", { error: RefusedOnce }),
    Rpc.make("ticks", { success: Schema.Number, stream: true })
  ]
})

export const New = Child.make("Skewed", {
  payload,
  protocol: [
    add,
    wait,
    Rpc.make("added", { success: Schema.String }),
    // Another payload.
    Rpc.make("greet", {
      payload: { name: Schema.Struct({ first: Schema.String, last: Schema.String }) },
      success: Schema.String
    }),
    // One more field, which may be left out.
    Rpc.make("note", { payload: { text: Schema.String, tag: Schema.optional(Schema.String) }, success: Schema.String }),
    // Another answer, other failures, other items.
    Rpc.make("size", { success: Schema.Struct({ items: Schema.Number }) }),
    Rpc.make("refuse", { error: RefusedNow }),
    Rpc.make("ban", { error: Schema.Union(RefusedOnce, Banned) }),
    Rpc.make("ticks", { success: Schema.Struct({ n: Schema.Number }), stream: true })
  ]
})

const common = (from: number) => {
  let count = from
  return {
    add: ({ by }: { readonly by: number }) => Effect.sync(() => (count += by)),
    wait: ({ millis }: { readonly millis: number }) => Effect.delay(Effect.succeed("waited"), millis)
  }
}

export const oldLive = Old.toLayer(
  ({ from }) =>
    Effect.sync(() => ({
      ...common(from),
      removed: () => Effect.succeed("still here"),
      greet: ({ name }) => Effect.succeed(`hello ${name}`),
      note: ({ text }) => Effect.succeed(`old ${text}`),
      size: () => Effect.succeed(3),
      refuse: () => Effect.fail(new RefusedOnce({ why: "once" })),
      ban: () => Effect.fail(new RefusedOnce({ why: "once" })),
      ticks: () => Stream.range(1, 3)
    })),
  { concurrency: 8 }
)

export const newLive = New.toLayer(
  ({ from }) =>
    Effect.sync(() => ({
      ...common(from),
      added: () => Effect.succeed("new"),
      greet: ({ name }) => Effect.succeed(`hello ${name.first} ${name.last}`),
      note: ({ tag, text }) => Effect.succeed(`new ${text} ${tag ?? "-"}`),
      size: () => Effect.succeed({ items: 3 }),
      refuse: () => Effect.fail(new RefusedNow({ code: 7 })),
      ban: () => Effect.fail(new Banned({ by: "the new code" })),
      ticks: () => Stream.map(Stream.range(1, 3), (n) => ({ n }))
    })),
  { concurrency: 8 }
)
