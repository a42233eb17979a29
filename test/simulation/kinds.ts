/**
 * The children of the simulation. What a run does, and how long it takes to end, is drawn from the seed, its token and
 * its attempt, so that it is the same whenever the history is played.
 */
import { Effect, Layer, Schedule, Schema, type Scope } from "effect"
import { Child, type ChildSpec, type Pogo, Restart } from "effect-pogo"
import type { Current } from "../../src/internal/kind/current.js"
import type { Dice } from "../../src/internal/testing/dice.js"
import { called, type CalledKind, calledKinds, calledLayers, type CallJournal } from "./calls/kinds.js"
import { type Code, type KindName, kindOf, type PlainKind, timing } from "./plan.js"
import { saved, type SavedKind, savedKinds, savedLayers, type StateJournal } from "./states/kinds.js"

/** Told by the children themselves: what runs, whatever anybody believes. */
export interface Journal {
  readonly begin: (self: Current) => void
  readonly end: (self: Current) => void
  readonly dice: Dice
  readonly slowStops: number
  /** Where children are called. */
  readonly calls: CallJournal | undefined
  readonly states: StateJournal
}

const plain = { content: Schema.Number }
/** Reads what the first version wrote; the first cannot read what this writes. */
const extended = { content: Schema.Union(Schema.Number, Schema.String) }

const make = (kind: PlainKind) => Child.make(kind, { payload: plain })

const simple = {
  Steady: make("Steady"),
  Keep: make("Keep"),
  Task: make("Task"),
  Once: make("Once"),
  Flaky: make("Flaky"),
  Standing: make("Standing"),
  Stubborn: make("Stubborn")
}

/** The second version says so; of `Sloppy` somebody forgot to raise it. */
const versioned = {
  Versioned: {
    1: Child.make("Versioned", { payload: plain }),
    2: Child.make("Versioned", { payload: extended, version: 2 })
  },
  Sloppy: { 1: Child.make("Sloppy", { payload: plain }), 2: Child.make("Sloppy", { payload: extended }) }
}

const isCalled = (kind: KindName): kind is CalledKind => (calledKinds as ReadonlyArray<KindName>).includes(kind)

const isSaved = (kind: KindName): kind is SavedKind => (savedKinds as ReadonlyArray<KindName>).includes(kind)

/** The spec of a child, as code of this version makes it. */
export const specOf = (id: string, content: number, code: Code): ChildSpec.Draft => {
  const kind = kindOf(id)
  const key = id.slice(kind.length + 1)
  if (isCalled(kind)) return called[kind].spec(key, { content })
  if (isSaved(kind)) return saved[kind].spec(key, { content })
  if (kind !== "Versioned" && kind !== "Sloppy") return simple[kind].spec(key, { content })
  return code === 1
    ? versioned[kind][1].spec(key, { content })
    : versioned[kind][2].spec(key, { content: `${content}` })
}

type Body = Effect.Effect<unknown, unknown, Current | Scope.Scope>

/** How long a run's finalizer takes: mostly within the budget. */
const stopTime = (dice: Dice, slow: number, budget: number): number => {
  if (dice.chance(slow)) return dice.between(timing.stopBudget, dice.chance(0.7) ? 8_000 : 18_000)
  return dice.chance(0.6) ? dice.between(0, 300) : dice.between(300, budget)
}

const writing = <A, E>(
  journal: Journal,
  then: (dice: Dice) => Effect.Effect<A, E, Current | Scope.Scope>,
  budget: number = timing.stopBudget - 60
): Effect.Effect<A, E, Current | Scope.Scope> =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    const dice = journal.dice.stream(`${self.id} ${self.token} ${self.attempt}`)
    yield* Effect.acquireRelease(
      Effect.sync(() => journal.begin(self)),
      () => Effect.sync(() => journal.end(self))
    )
    const millis = stopTime(dice, journal.slowStops, budget)
    if (millis > 0) yield* Effect.addFinalizer(() => Effect.sleep(millis))
    return yield* then(dice)
  })

const fails = (millis: number): Body => Effect.zipRight(Effect.sleep(millis), Effect.fail(new Error("crashed")))

const steady = (dice: Dice): Body => (dice.chance(0.05) ? fails(dice.between(0, 20_000)) : Effect.never)

const task = (dice: Dice): Body => {
  const millis = dice.between(0, dice.chance(0.3) ? 500 : 25_000)
  return dice.chance(0.6) ? Effect.sleep(millis) : dice.chance(0.5) ? fails(millis) : Effect.never
}

const flaky = (dice: Dice): Body => (dice.chance(0.7) ? fails(dice.between(0, 4_000)) : Effect.never)

/** Ignores its interruption for a while, and fails in a finalizer. */
const stubborn = (journal: Journal): Body => {
  const most = journal.slowStops > 0 ? 10_000 : timing.stopBudget / 2
  const run = (dice: Dice): Body => stuckFor(dice, most)
  return writing(journal, run, timing.stopBudget / 2 - 60)
}

const stuckFor = (dice: Dice, most: number): Body => {
  const stuck = Effect.uninterruptible(Effect.sleep(dice.between(100, most)))
  const broken = Effect.addFinalizer(() => dice.chance(0.5) ? Effect.die(new Error("finalizer failed")) : Effect.void)
  return Effect.zipRight(broken, Effect.forever(Effect.zipRight(stuck, Effect.sleep(dice.between(1, 3_000)))))
}

/** A layer that takes a while to build, or hangs. */
const standing = (journal: Journal) =>
  Layer.scopedDiscard(
    writing(
      journal,
      (dice) => dice.chance(0.15) ? Effect.never : Effect.sleep(dice.between(0, 2_000))
    ) as Effect.Effect<
      unknown,
      never,
      Current | Scope.Scope
    >
  )

const shutdown = "1 seconds"

const layers: { readonly [K in PlainKind]: (journal: Journal, code: Code) => Layer.Layer<never, unknown, Pogo.Pogo> } =
  {
    Steady: (journal) => simple.Steady.toLayer(() => writing(journal, steady), { shutdown: "5 seconds" }),
    Keep: (journal) => simple.Keep.toLayer(() => writing(journal, steady), { onRegistryLoss: "keep" }),
    Task: (journal) => simple.Task.toLayer(() => writing(journal, task), { restart: Restart.transient(), shutdown }),
    Once: (journal) => simple.Once.toLayer(() => writing(journal, task), { restart: Restart.temporary }),
    Flaky: (journal) =>
      simple.Flaky.toLayer(() => writing(journal, flaky), {
        restart: Restart.permanent(Schedule.intersect(Schedule.recurs(2), Schedule.spaced("500 millis")))
      }),
    Standing: (journal) =>
      simple.Standing.toLayer(() => standing(journal), {
        startTimeout: "3 seconds",
        restart: Restart.permanent(Schedule.spaced("1 seconds"))
      }),
    Stubborn: (journal) => simple.Stubborn.toLayer(() => stubborn(journal), { shutdown }),
    Versioned: (journal, code) =>
      code === 1
        ? versioned.Versioned[1].toLayer(() => writing(journal, steady))
        : versioned.Versioned[2].toLayer(() => writing(journal, steady)),
    Sloppy: (journal, code) =>
      code === 1
        ? versioned.Sloppy[1].toLayer(() => writing(journal, steady))
        : versioned.Sloppy[2].toLayer(() => writing(journal, steady))
  }

export const layerOf = (kind: KindName, journal: Journal, code: Code): Layer.Layer<never, unknown, Pogo.Pogo> =>
  isCalled(kind)
    ? calledLayers[kind](journal.calls!, (then) => writing(journal, then))
    : isSaved(kind)
    ? savedLayers[kind](journal.states, (then) => writing(journal, then))
    : layers[kind](journal, code)
