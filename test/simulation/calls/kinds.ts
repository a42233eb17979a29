/**
 * Children that are called. Whatever one answers carries a mark: which child, under which token, and which request.
 */
import { Rpc } from "@effect/rpc"
import { Effect, type Layer, Schema, type Scope, Stream } from "effect"
import { Child, type Pogo } from "effect-pogo"
import type { Current } from "../../../src/internal/kind/current.js"
import type { Dice } from "../../../src/internal/testing/dice.js"
import type { Process } from "../../../src/internal/testing/virtualWorld.js"
import type { Vault } from "./vault.js"

export type CalledKind = "Account" | "Desk"

export const calledKinds: ReadonlyArray<CalledKind> = ["Account", "Desk"]

/** What the handlers tell. */
export interface CallJournal {
  readonly process: Process
  readonly vault: Vault
  /** A handler begins. */
  readonly begins: (self: Current, request: string) => void
}

class Declined extends Schema.TaggedError<Declined>("simulation/Declined")("Declined", { mark: Schema.String }) {}

class Stale extends Schema.TaggedError<Stale>("simulation/Stale")("Stale", { mark: Schema.String }) {}

const work = {
  payload: {
    request: Schema.String,
    before: Schema.Number,
    after: Schema.Number,
    end: Schema.Literal("answer", "refuse", "die")
  },
  success: Schema.Struct({ mark: Schema.String }),
  error: Schema.Union(Declined, Stale)
}

const items = {
  payload: { request: Schema.String, from: Schema.Number, count: Schema.Number, every: Schema.Number },
  success: Schema.Struct({ mark: Schema.String, item: Schema.Number }),
  stream: true as const
}

const make = (kind: CalledKind) =>
  Child.make(kind, {
    payload: { content: Schema.Number },
    protocol: [
      Rpc.make("pay", work),
      Child.idempotent(Rpc.make("note", work)),
      Rpc.make("watch", items),
      Child.resumable(Rpc.make("follow", items), (payload, last) => ({ ...payload, from: last.item + 1 }))
    ]
  })

export const called = { Account: make("Account"), Desk: make("Desk") }

export interface Mark {
  readonly id: string
  readonly token: number
  readonly request: string
}

const markOf = ({ id, token }: Current, request: string): string => `<${id}@${token}#${request}>`

/** The marks in whatever is answered. */
export const marksIn = (answer: unknown): ReadonlyArray<Mark> =>
  Array.from(
    (JSON.stringify(answer) ?? "").matchAll(/<([^@<>]+)@(\d+)#([^<>]+)>/g),
    ([, id, token, request]) => ({ id: id!, token: Number(token), request: request! })
  )

type Asked = Schema.Struct.Type<typeof work.payload>
type AskedItems = Schema.Struct.Type<typeof items.payload>

/** What a child needs to tell of itself, and then does. */
export type Writing = <A, E>(
  then: (dice: Dice) => Effect.Effect<A, E, Current | Scope.Scope>
) => Effect.Effect<A, E, Current | Scope.Scope>

const handlers = (journal: CallJournal, self: Current) => {
  const act = ({ after, before, end, request }: Asked) =>
    Effect.gen(function*() {
      const mark = markOf(self, request)
      journal.begins(self, request)
      if (before > 0) yield* Effect.sleep(before)
      if (!(yield* journal.vault.write(journal.process, self.id, self.token, request))) {
        return yield* new Stale({ mark })
      }
      if (after > 0) yield* Effect.sleep(after)
      if (end === "refuse") return yield* new Declined({ mark })
      if (end === "die") return yield* Effect.die(new Error(mark))
      return { mark }
    })
  const produce = ({ count, every, from, request }: AskedItems) =>
    Stream.range(from, count - 1).pipe(
      Stream.rechunk(1),
      Stream.mapEffect((item) => Effect.as(Effect.sleep(every), { mark: markOf(self, request), item }))
    )
  return { pay: act, note: act, watch: produce, follow: produce }
}

const serving = (journal: CallJournal, writing: Writing) =>
  writing((dice) =>
    Effect.gen(function*() {
      const self = yield* Child.Current
      if (dice.chance(0.3)) yield* Effect.sleep(dice.between(0, 1_500))
      if (dice.chance(0.1)) {
        const millis = dice.between(0, 15_000)
        yield* Child.fork(Effect.zipRight(Effect.sleep(millis), Effect.fail(new Error("crashed"))))
      }
      return handlers(journal, self)
    })
  )

/** One that serves a call at a time, and one that serves several, dies of its handlers, and goes on without a lease. */
export const calledLayers: {
  readonly [K in CalledKind]: (journal: CallJournal, writing: Writing) => Layer.Layer<never, unknown, Pogo.Pogo>
} = {
  Account: (journal, writing) => called.Account.toLayer(() => serving(journal, writing)),
  Desk: (journal, writing) =>
    called.Desk.toLayer(() => serving(journal, writing), {
      concurrency: 4,
      mailbox: 8,
      onDefect: "child",
      onRegistryLoss: "keep"
    })
}
