/**
 * The children of the tests' processes. They write what they do to a file that all nodes append to, and to a resource
 * that compares tokens.
 */
import { Effect, Layer, Option, Schedule, Schema } from "effect"
import { Child, type Pogo, Restart } from "effect-pogo"
import { appendFileSync } from "node:fs"
import { createConnection } from "node:net"
import type { Line } from "./evidence.js"

/** Milliseconds of a clock that all processes of the machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6

const fields = {
  /** Milliseconds between beats. */
  every: Schema.Number,
  /** Milliseconds that its finalizer takes. */
  stopTakes: Schema.optionalWith(Schema.Number, { default: () => 0 }),
  /** It does not hear that it is to stop. */
  deaf: Schema.optionalWith(Schema.Boolean, { default: () => false })
}

export const Probe = Child.make("Probe", { payload: fields })
export const Kept = Child.make("Kept", { payload: fields })
/** Of a later version, as far as `TEST_VERSION` says so, with a payload that older code does not understand. */
export const Newer = Child.make("Newer", {
  version: Number(process.env["TEST_VERSION"] ?? 1),
  payload: process.env["TEST_STRICT"] === "yes" ? { ...fields, added: Schema.String } : fields
})

/** Ends its process `every` milliseconds after it has started. */
export const Poison = Child.make("Poison", { payload: fields })

/** Counts, and stores how far it is. */
export const Offset = Child.make("Offset", { payload: fields, state: Schema.Struct({ count: Schema.Number }) })

export const kinds = { Probe, Kept, Newer, Poison, Offset }

/** Fenced writes: the resource keeps the highest token of each id, and refuses lower ones. */
const connection = createConnection({ port: Number(process.env["TEST_RESOURCE"]), host: "127.0.0.1" })
connection.on("error", () => {})

const journal = process.env["TEST_JOURNAL"]!

const write = (self: Child.Current, what: Line["what"], count?: number): void => {
  const { id, node, token } = self
  const line: Line = { id, node, token: String(token), what, at: now(), ...(count === undefined ? {} : { count }) }
  appendFileSync(journal, JSON.stringify(line) + "\n")
}

const beat = (self: Child.Current) =>
  Effect.map(Effect.either(self.check), ({ _tag }) => {
    write(self, _tag === "Right" ? "beat" : "fenced")
    // A copy that does not ask: its token alone must keep it out.
    connection.write(JSON.stringify({ id: self.id, token: String(self.token), node: self.node }) + "\n")
  })

interface Payload {
  readonly every: number
  readonly stopTakes: number
  readonly deaf: boolean
}

const run = ({ deaf, every, stopTakes }: Payload) =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    yield* Effect.acquireRelease(
      Effect.sync(() => write(self, "start")),
      () => Effect.zipRight(Effect.sleep(stopTakes), Effect.sync(() => write(self, "stop")))
    )
    const beats = Effect.repeat(beat(self), Schedule.spaced(every))
    yield* deaf ? Effect.uninterruptible(beats) : beats
  })

const counting = ({ every }: Payload) =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    const state = yield* Offset.state
    const countOf = Option.match({ onNone: () => 0, onSome: ({ count }: { readonly count: number }) => count })
    write(self, "begins", countOf(yield* state.get))
    const step = Effect.flatMap(
      state.update((before) => ({ count: countOf(before) + 1 })),
      ({ count }) => Effect.sync(() => write(self, "stored", count))
    )
    // One that was not stored is not told: the next one goes on.
    yield* Effect.repeat(Effect.ignore(step), Schedule.spaced(every))
  })

const options = (onRegistryLoss: "stop" | "keep"): Child.RunOptions => ({
  restart: Restart.permanent(Schedule.spaced("200 millis")),
  shutdown: "2 seconds",
  onRegistryLoss,
  onOverdue: process.env["TEST_ON_OVERDUE"] === "exit" ? "exit" : "report"
})

const layers = {
  Probe: Probe.toLayer(run, options("stop")),
  Kept: Kept.toLayer(run, options("keep")),
  Newer: Newer.toLayer((payload) => run(payload), options("stop")),
  Offset: Offset.toLayer(counting, options("stop")),
  Poison: Poison.toLayer(({ every }) => Effect.zipRight(Effect.sleep(every), Effect.sync(() => process.exit(1))))
}

const wanted = (process.env["TEST_KINDS"] ?? "Probe,Kept").split(",") as ReadonlyArray<keyof typeof layers>

/** The kinds that this process has. */
export const kindsLive: Layer.Layer<never, never, Pogo.Pogo> = wanted.reduce<Layer.Layer<never, never, Pogo.Pogo>>(
  (all, kind) => Layer.merge(all, Layer.orDie(layers[kind])),
  Layer.empty
)
