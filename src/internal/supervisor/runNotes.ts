/**
 * What an owner has to tell the history of one child's runs. It waits here for the child's next report, release or end:
 * of a child that crashes all the time there are few entries, each with the number of runs that it stands for.
 *
 * @internal
 */
import type { HistoryNote } from "../registry/historyRecords.js"

/** Entries that a child may have at any pace, and the milliseconds between two beyond them. */
const free = { entries: 20, pause: 60_000 } as const

/** Notes that are on their way. */
export interface TakenNotes {
  readonly list: ReadonlyArray<HistoryNote>
  /** Has them told later: what carried them had no effect. */
  readonly putBack: () => void
}

/** No notes. */
export const noNotes: TakenNotes = { list: [], putBack: () => {} }

/** The notes of one child, under one claim. */
export class RunNotes {
  /** Runs that were up, and the last of them. */
  private starts = 0
  private up = 0
  /** Runs that ended by themselves, and the last of them. */
  private exits = 0
  private ended = 0
  private overdue = ""
  private entries = 0
  private toldAt = -Infinity

  /** A run is up. */
  began(attempt: number): void {
    this.starts++
    this.up = attempt
  }

  /** A run ended by itself. */
  exited(attempt: number): void {
    this.exits++
    this.ended = attempt
  }

  /** The child takes longer to end than it may. */
  becameOverdue(why: string): void {
    this.overdue = why
  }

  /**
   * Takes what is to be told now. `cause`: of the last end. `last`: the claim is given up, so there is no later time; of
   * what is told all the time the other notes wait for the end of the pause.
   */
  take(attempt: number, now: number, cause: () => string, last: boolean): TakenNotes {
    const { ended, entries, exits, overdue, starts, toldAt, up } = this
    const isSpare = entries >= free.entries
    if ((exits === 0 && starts === 0 && overdue === "") || (isSpare && !last && now - toldAt < free.pause)) {
      return noNotes
    }
    const exit = exits === 0 ? [] : [{ what: "exited", attempt: ended, n: exits, text: cause() } as const]
    // That it was up is told by the end of the run, where there are few words.
    const start = starts === 0 || (isSpare && exits > 0)
      ? []
      : [{ what: "running", attempt: up, n: starts, text: "" } as const]
    const late = overdue === "" ? [] : [{ what: "overdue", attempt, n: 1, text: overdue } as const]
    const list: ReadonlyArray<HistoryNote> = up > ended ? [...exit, ...start, ...late] : [...start, ...exit, ...late]
    Object.assign(this, { starts: 0, exits: 0, overdue: "", entries: entries + list.length, toldAt: now })
    return {
      list,
      putBack: () => {
        this.starts += starts
        this.exits += exits
        this.up = Math.max(this.up, up)
        this.ended = Math.max(this.ended, ended)
        if (this.overdue === "") this.overdue = overdue
        this.entries -= list.length
        this.toldAt = toldAt
      }
    }
  }
}
