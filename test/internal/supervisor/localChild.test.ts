import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, FastCheck, Random, Schedule } from "effect"
import { Restart } from "effect-pogo"
import { Backoff } from "../../../src/internal/supervisor/localChild.js"
import { holds } from "../../support/arbitrary.js"

const crash = Exit.fail(new Error("crash"))

/** The delays of so many steps, each made when the delay before it is over. */
const delays = (backoff: Backoff, count: number, begin = 0, exit: Exit.Exit<unknown, unknown> = crash) =>
  Effect.gen(function*() {
    const all: Array<number | undefined> = []
    let now = begin
    for (let i = 0; i < count; i++) {
      const delay = yield* backoff.step(now, exit)
      all.push(delay)
      now += delay ?? 0
    }
    return all
  })

const delaysOf = (schedule: Restart.RestartSchedule, count: number) =>
  Effect.runSync(delays(new Backoff(schedule), count))

/** Schedules that depend on nothing, on the step, on the exit, and on time. */
const schedules: ReadonlyArray<Restart.RestartSchedule> = [
  Schedule.spaced("3 seconds"),
  Schedule.exponential("10 millis", 1.5),
  Schedule.fibonacci("10 millis"),
  Schedule.fixed("7 seconds"),
  Schedule.recurs(4),
  Schedule.recurs(0),
  Schedule.stop,
  Schedule.exponential("1 second").pipe(Schedule.upTo("20 seconds")),
  Schedule.exponential("100 millis").pipe(Schedule.union(Schedule.spaced("2 seconds"))),
  Schedule.spaced("1 second").pipe(Schedule.whileInput((exit: Exit.Exit<unknown, unknown>) => Exit.isFailure(exit))),
  Schedule.exponential("50 millis").pipe(Schedule.resetAfter("10 seconds"))
]

describe("Backoff", () => {
  it("tells the delays of a schedule, and when it is done", () => {
    expect(delaysOf(Schedule.spaced("3 seconds"), 3)).toEqual([3_000, 3_000, 3_000])
    expect(delaysOf(Schedule.exponential("100 millis"), 4)).toEqual([100, 200, 400, 800])
    expect(delaysOf(Schedule.recurs(2), 3)).toEqual([0, 0, undefined])
    expect(delaysOf(Schedule.stop, 1)).toEqual([undefined])
    expect(delaysOf(Schedule.forever, 2)).toEqual([0, 0])
  })

  it("gives the schedule the exit, and the time", () => {
    const seen: Array<unknown> = []
    const schedule: Restart.RestartSchedule = Schedule.spaced("1 second").pipe(
      Schedule.tapInput((exit: Exit.Exit<unknown, unknown>) => Effect.sync(() => seen.push(exit)))
    )
    const end = Exit.succeed("well")
    Effect.runSync(Effect.gen(function*() {
      const backoff = new Backoff(schedule)
      yield* backoff.step(0, crash)
      yield* backoff.step(5, end)
    }))
    expect(seen).toEqual([crash, end])
    const fixed = new Backoff(Schedule.fixed("10 seconds"))
    expect(Effect.runSync(fixed.step(1_000_000, crash))).toBe(10_000)
    expect(Effect.runSync(fixed.step(1_013_000, crash))).toBe(7_000)
  })

  it("dies when the schedule dies, and does nothing before it is asked", () => {
    let asked = 0
    const schedule: Restart.RestartSchedule = Schedule.spaced("1 second").pipe(
      Schedule.tapInput((exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> => {
        asked += Exit.isExit(exit) ? 1 : 0
        throw new Error("broken schedule")
      })
    )
    const backoff = new Backoff(schedule)
    expect(asked).toBe(0)
    expect(Exit.isFailure(Effect.runSyncExit(backoff.step(0, crash)))).toBe(true)
  })

  holds(
    "goes on after a replay as if it had made the steps itself",
    [FastCheck.constantFrom(...schedules.keys()), FastCheck.nat(12), FastCheck.nat(1_000_000)],
    (index, times, begin) => {
      const schedule = schedules[index]!
      const [stepped, replayed] = [new Backoff(schedule), new Backoff(schedule)]
      const next = Effect.runSync(Effect.gen(function*() {
        const done = yield* delays(stepped, times, begin)
        const after = done.reduce<number>((at, delay) => at + (delay ?? 0), begin)
        yield* replayed.replay(times, begin, crash)
        return [yield* delays(stepped, 5, after), yield* delays(replayed, 5, after)] as const
      }))
      expect(next[1]).toEqual(next[0])
    },
    300
  )

  it("replays without sleeping, however long the delays are", () => {
    const backoff = new Backoff(Schedule.exponential("1 hour"))
    const steps = Effect.gen(function*() {
      yield* backoff.replay(8, 0, crash)
      return yield* backoff.step(0, crash)
    })
    expect(Effect.runSync(steps)).toBe(Duration.toMillis("256 hours"))
  })

  it("replays no further than the schedule goes, and no more than a thousand steps", () => {
    const [short, long] = [
      new Backoff(Schedule.recurs(3)),
      new Backoff(Schedule.count.pipe(Schedule.addDelay((n) => n)))
    ]
    Effect.runSync(short.replay(100, 0, crash))
    expect(Effect.runSync(short.step(0, crash))).toBeUndefined()
    Effect.runSync(long.replay(1_000_000, 0, crash))
    expect(Effect.runSync(long.step(0, crash))).toBe(1_000)
  })
})

describe("the default schedule", () => {
  it("doubles from 100 milliseconds up to 30 seconds, each delay varied by a fifth, without end", () => {
    for (let seed = 0; seed < 20; seed++) {
      const all = Effect.runSync(Effect.withRandom(
        delays(new Backoff(Restart.defaultSchedule), 60),
        Random.make(`seed ${seed}`)
      ))
      all.forEach((delay, i) => {
        const middle = Math.min(100 * 2 ** i, 30_000)
        expect(delay).toBeGreaterThanOrEqual(Math.floor(0.8 * middle))
        expect(delay).toBeLessThanOrEqual(Math.ceil(1.2 * middle))
      })
    }
  })

  it("varies", () => {
    const thirds = Array.from({ length: 200 }, () => delaysOf(Restart.defaultSchedule, 9).at(-1)!)
    expect(Math.max(...thirds) - Math.min(...thirds)).toBeGreaterThan(0.25 * 25_600)
  })

  it("still gives a delay after thousands of restarts", () => {
    const backoff = new Backoff(Restart.defaultSchedule)
    for (const delay of Effect.runSync(delays(backoff, 5_000)).slice(-100)) {
      expect(delay).toBeGreaterThanOrEqual(24_000)
      expect(delay).toBeLessThanOrEqual(36_000)
    }
  })
})
