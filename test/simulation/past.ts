/**
 * The history that the registry keeps, read as it is written: whether it is in order, and shows a child that was two
 * nodes' at once, or lacks an end.
 */
import { HistoryReading } from "../../src/internal/historyCheck.js"
import type { HistoryRecord } from "../../src/internal/registry/historyRecords.js"
import type { RegistryState } from "../../src/internal/registry/state.js"
import { entriesOf } from "../../src/internal/replica/historyEntries.js"

type Fail = (check: string, message: string) => void

export class PastAudit {
  private readonly reading = new HistoryReading()
  private readonly seen = new WeakSet<HistoryRecord>()

  constructor(private readonly fail: Fail) {}

  /** A command was executed. */
  executed({ hist }: RegistryState): void {
    let from = hist.length
    while (from > 0 && !this.seen.has(hist[from - 1]!)) from--
    for (let i = from; i < hist.length; i++) this.read(hist[i]!, hist[i - 1])
  }

  private read(record: HistoryRecord, before: HistoryRecord | undefined): void {
    this.seen.add(record)
    if (before !== undefined && (record.at <= before.at || record.ms < before.ms)) {
      this.fail("the history is out of order", `${record.what} at ${record.at}, after ${before.at}`)
    }
    for (const entry of entriesOf(record)) this.reading.read(entry)
    const [overlap] = this.reading.overlaps
    if (overlap !== undefined) this.fail("the history shows a child twice", overlap)
    const [gap] = this.reading.gaps
    if (gap !== undefined) this.fail("the history lacks an end", gap)
  }
}
