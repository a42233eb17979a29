/**
 * A job on a schedule, of which each turn is taken once: whatever fails, moves or is killed meanwhile.
 *
 * A child knows nothing of the turns that were due while nobody ran it, or while its run failed. So the resource that the
 * job writes to keeps the last turn that was taken, and a run goes on with the one after it: what was missed is taken
 * late, in order. And it refuses a turn that was taken already, and a run that is older than one that it has seen.
 */
import { Clock, Context, Cron, Data, Effect, Schema } from "effect"
import { Child } from "effect-pogo"

/** A run of a child: its claim, and its number under that claim. The token tells owners apart, the attempt their runs. */
interface Run {
  readonly token: bigint
  readonly attempt: number
}

interface Entry extends Run {
  readonly node: string
  /** When the turn was due, and when it was taken. */
  readonly turn: Date
  readonly at: Date
}

export class StaleRun extends Data.TaggedError("StaleRun")<Run> {}

export class TurnTaken extends Data.TaggedError("TurnTaken")<{ readonly turn: Date }> {}

const isBefore = (one: Run, other: Run) =>
  one.token === other.token ? one.attempt < other.attempt : one.token < other.token

/**
 * What the job writes to, and what knows how far it is. In SQL it is one row for each job, and `write` one statement, in
 * the transaction of whatever else a turn does:
 *
 *     UPDATE jobs SET token = $1, attempt = $2, last_turn = $3
 *     WHERE name = $4 AND (token, attempt) <= ($1, $2) AND last_turn < $3
 */
export class Ledger extends Effect.Service<Ledger>()("examples/Ledger", {
  sync: () => {
    const entries: Array<Entry> = []
    let newest: Run | undefined
    let last: Date | undefined
    const admit = (run: Run) =>
      Effect.suspend(() => {
        if (newest !== undefined && isBefore(run, newest)) return new StaleRun({ ...run })
        newest = run
        return Effect.void
      })
    return {
      entries,
      /** The last turn that was taken. Of a new job: now, so that the turns count from its first run on. */
      lastTurn: (run: Run, now: Date) => Effect.map(admit(run), () => last ??= now),
      write: (entry: Entry) =>
        Effect.flatMap(admit(entry), () => {
          if (last !== undefined && entry.turn <= last) return new TurnTaken({ turn: entry.turn })
          last = entry.turn
          entries.push(entry)
          return Effect.void
        })
    }
  }
}) {}

/** What a turn does before its result is written. It may fail: the child is restarted, and takes the same turn again. */
export class Work extends Context.Tag("examples/Work")<Work, (turn: Date) => Effect.Effect<void, unknown>>() {}

const now = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis))

/** Longest sleep at a time: no timer waits for more than 24 days, and the clock may be set meanwhile. Milliseconds. */
const longest = 3_600_000

const sleepUntil = (moment: Date): Effect.Effect<void> =>
  Effect.flatMap(now, (at) => {
    const left = moment.getTime() - at.getTime()
    if (left <= 0) return Effect.void
    return Effect.zipRight(Effect.sleep(Math.min(left, longest)), Effect.suspend(() => sleepUntil(moment)))
  })

/** Takes the turn after the last one, for ever: at its time, or at once if that is past. */
const takeTurns = (turns: Cron.Cron) =>
  Effect.gen(function*() {
    const { attempt, check, node, token } = yield* Child.Current
    const ledger = yield* Ledger
    const work = yield* Work
    let last = yield* ledger.lastTurn({ token, attempt }, yield* now)
    for (;;) {
      // Where only the newest of those missed is worth taking, go on here for as long as the next one is past as well.
      const turn = Cron.next(turns, last)
      yield* sleepUntil(turn)
      yield* work(turn)
      // Work takes time, in which the claim may be lost. So: ask right before the effect, and let the resource ask, too.
      yield* check
      yield* ledger.write({ token, attempt, node, turn, at: yield* now })
      last = turn
    }
  })

export const Report = Child.make("Report", { payload: { cron: Schema.NonEmptyString } })

export const ReportLive = Report.toLayer(({ cron }) => Effect.flatMap(Cron.parse(cron), takeTurns))
