/**
 * What the monitors did, one line each: for the table on the screen, and for the proof that no two copies ever ran.
 */
import { Clock, Context, Effect, Either, Exit, Layer, Schema, type Scope } from "effect"
import { Child } from "effect-pogo"
import { appendFileSync } from "node:fs"
import type { Down } from "./probe.js"

/** Unix milliseconds. */
const at = Schema.Number

const run = { at, id: Schema.String, node: Schema.String, token: Schema.BigInt }

/** One line. `Crash` and `Gone` are written by the demo, about a node; all others by the monitors. */
export const Line = Schema.Union(
  Schema.TaggedStruct("Start", run),
  /** A run ended, and its finalizers have run. `crashed`: by a failure of its own. */
  Schema.TaggedStruct("Stop", { ...run, crashed: Schema.Boolean }),
  /** A check: how long the answer took, or what was wrong. */
  Schema.TaggedStruct("Check", {
    ...run,
    latency: Schema.optional(Schema.Number),
    problem: Schema.optional(Schema.String)
  }),
  /** A node was ended without notice. */
  Schema.TaggedStruct("Crash", { at, node: Schema.String }),
  /** Nothing of that node runs any more. */
  Schema.TaggedStruct("Gone", { at, node: Schema.String })
)

export type Line = typeof Line.Type

/** A line as text. */
export const LineJson = Schema.parseJson(Line)

export class Journal extends Context.Tag("examples/Journal")<Journal, {
  /** Writes a line. It is written when this returns, whatever happens to the process afterwards. */
  readonly append: (line: Line) => Effect.Effect<void>
}>() {}

/** Who writes: the child, where it runs, and by which right. */
const origin = Effect.gen(function*() {
  const { id, node, token } = yield* Child.Current
  return { at: yield* Clock.currentTimeMillis, id, node, token }
})

/** Writes that a run begins; and that it ended, when its scope is closed. */
export const recordRun: Effect.Effect<void, never, Journal | Child.Current | Scope.Scope> = Effect.gen(function*() {
  const journal = yield* Journal
  const start = Effect.flatMap(origin, (run) => journal.append({ _tag: "Start", ...run }))
  const stop = (crashed: boolean) => Effect.flatMap(origin, (run) => journal.append({ _tag: "Stop", ...run, crashed }))
  yield* Effect.acquireRelease(start, (_, exit) => stop(Exit.isFailure(exit) && !Exit.isInterrupted(exit)))
})

/** Writes what a check found. */
export const report = (result: Either.Either<number, Down>): Effect.Effect<void, never, Journal | Child.Current> =>
  Effect.gen(function*() {
    const journal = yield* Journal
    const finding = Either.match(result, {
      onLeft: ({ reason }) => ({ problem: reason }),
      onRight: (latency) => ({ latency })
    })
    yield* journal.append({ _tag: "Check", ...(yield* origin), ...finding })
  })

/** Calls a function with every line. */
export const layerFunction = (append: (line: Line) => void): Layer.Layer<Journal> =>
  Layer.succeed(Journal, { append: (line) => Effect.sync(() => append(line)) })

/** Appends to a file that many processes may share: the system keeps their lines whole, and in order (`O_APPEND`). */
export const layerFile = (path: string): Layer.Layer<Journal> =>
  layerFunction((line) => appendFileSync(path, `${Schema.encodeSync(LineJson)(line)}\n`))
