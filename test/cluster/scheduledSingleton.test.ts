/**
 * The example of a job on a schedule: whatever befalls the nodes and the runs, each turn is taken, and taken once.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as PogoTest from "effect-pogo/PogoTest"
import { Ledger, Report, ReportLive, Work } from "../../examples/scheduled-singleton/report.js"

const spec = Report.spec("sales", { cron: "*/2 * * * * *" })

/** The job on three nodes, with work that may be made to fail, and what its ledger has. */
const scene = (work: (turn: Date) => Effect.Effect<void, unknown> = () => Effect.void) =>
  Effect.gen(function*() {
    const ledger = yield* Ledger
    const kinds = ReportLive.pipe(
      Layer.provide(Layer.succeed(Ledger, ledger)),
      Layer.provide(Layer.succeed(Work, work))
    )
    const cluster = yield* PogoTest.cluster(3, kinds)
    yield* cluster.node("n1").startChild(spec)
    const owner = yield* cluster.eventuallyOne(spec.id)
    yield* cluster.pass("10 seconds")
    const turns = () => ledger.entries.map(({ turn }) => turn.getTime())
    return { cluster, ledger, owner, turns }
  })

/** Every turn from the first to the last, once and in order. */
const expectAll = (turns: ReadonlyArray<number>) => {
  const [first = 0] = turns
  expect(turns).toEqual(turns.map((_, i) => first + 2_000 * i))
  expect(turns.length).toBeGreaterThan(20)
}

const lateness = ({ entries }: typeof Ledger.Service) =>
  Math.max(...entries.map(({ at, turn }) => at.getTime() - turn.getTime()))

describe("a job on a schedule", () => {
  it.scoped("takes each turn at its time while all is well", () =>
    Effect.gen(function*() {
      const { cluster, ledger, turns } = yield* scene()
      yield* cluster.pass("1 minute")
      expectAll(turns())
      expect(lateness(ledger)).toBeLessThan(500)
    }).pipe(Effect.provide(Ledger.Default)))

  it.scoped("takes late what nobody took between the crash of its node and the takeover", () =>
    Effect.gen(function*() {
      const { cluster, ledger, owner, turns } = yield* scene()
      yield* cluster.crash(owner)
      yield* cluster.pass("1 minute")
      expectAll(turns())
      expect(lateness(ledger)).toBeGreaterThan(5_000)
      expect(new Set(ledger.entries.map(({ node }) => node)).size).toBe(2)
      yield* cluster.atMostOne
    }).pipe(Effect.provide(Ledger.Default)))

  it.scoped("takes none twice when its node was cut off, or paused, and comes back", () =>
    Effect.gen(function*() {
      const { cluster, owner, turns } = yield* scene()
      yield* cluster.partition(owner)
      yield* cluster.pass("40 seconds")
      yield* cluster.heal()
      const second = yield* cluster.eventuallyOne(spec.id)
      yield* cluster.freeze(second)
      yield* cluster.pass("40 seconds")
      yield* cluster.thaw(second)
      yield* cluster.pass("40 seconds")
      expectAll(turns())
      yield* cluster.atMostOne
    }).pipe(Effect.provide(Ledger.Default)))

  it.scoped("takes a turn again whose work failed, and then those that came due meanwhile", () => {
    let failures = 6
    const work = (turn: Date) => turn.getTime() > 20_000 && failures-- > 0 ? Effect.fail("away") : Effect.void
    return Effect.gen(function*() {
      const { cluster, ledger, turns } = yield* scene(work)
      yield* cluster.pass("1 minute")
      expect(failures).toBeLessThan(0)
      expectAll(turns())
      expect(lateness(ledger)).toBeGreaterThan(3_000)
    }).pipe(Effect.provide(Ledger.Default))
  })

  it.effect("is refused what is stale, and what has been taken", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger
      const entry = (token: bigint, attempt: number, turn: number) => ({
        token,
        attempt,
        node: "a",
        turn: new Date(turn),
        at: new Date(turn)
      })
      expect(yield* ledger.lastTurn({ token: 1n, attempt: 1 }, new Date(5))).toEqual(new Date(5))
      yield* ledger.write(entry(1n, 1, 10))
      expect(yield* ledger.lastTurn({ token: 2n, attempt: 1 }, new Date(50))).toEqual(new Date(10))
      expect((yield* Effect.flip(ledger.write(entry(1n, 1, 20))))._tag).toBe("StaleRun")
      expect((yield* Effect.flip(ledger.write(entry(2n, 1, 10))))._tag).toBe("TurnTaken")
      yield* ledger.write(entry(2n, 2, 20))
      expect((yield* Effect.flip(ledger.write(entry(2n, 1, 30))))._tag).toBe("StaleRun")
    }).pipe(Effect.provide(Ledger.Default)))
})
