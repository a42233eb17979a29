/**
 * What follows from the lines of the journal: which copies ran when, how long a takeover took, and whether a rule was
 * broken.
 */
import type { Line } from "./Journal.js"

/** A child that got to run on another node. */
export interface Change {
  readonly id: string
  readonly from: string
  readonly to: string
  /** For how long no copy ran. */
  readonly millis: number
}

type Run = Extract<Line, { readonly _tag: "Start" }>

interface End {
  readonly at: number
  readonly node: string
  readonly how: "stopped" | "crashed" | "gone"
}

/** Reads lines in the order in which they were written. */
export class History {
  /** Two copies at once: must stay empty. */
  readonly overlaps: Array<string> = []
  /** Tokens lower than that of an owner before: must stay empty. */
  readonly setbacks: Array<string> = []
  /** Children of crashed nodes, started elsewhere. Counted from the crash. */
  readonly takeovers: Array<Change> = []
  /** Children that were stopped on one node and started on another. */
  readonly moves: Array<Change> = []
  /** Children that have crashed by themselves. */
  readonly crashed = new Set<string>()
  readonly lastCheck = new Map<string, Extract<Line, { readonly _tag: "Check" }>>()
  runs = 0
  checks = 0
  /** Checks that found a service down. */
  problems = 0
  private readonly open = new Map<string, ReadonlyArray<Run>>()
  private readonly ends = new Map<string, End>()
  private readonly tokens = new Map<string, bigint>()
  /** Children whose node crashed, and which nobody took over yet. */
  private readonly orphans = new Map<string, { readonly at: number; readonly node: string }>()

  /** Children of crashed nodes that nobody runs. */
  get orphaned(): ReadonlyArray<string> {
    return Array.from(this.orphans.keys())
  }

  /** Since when nobody runs a child, if it is one of a crashed node. */
  orphanedAt(id: string): number | undefined {
    return this.orphans.get(id)?.at
  }

  add(line: Line): void {
    switch (line._tag) {
      case "Start":
        return this.start(line)
      case "Stop":
        return this.end(line, { ...line, how: line.crashed ? "crashed" : "stopped" })
      case "Check":
        this.lastCheck.set(line.id, line)
        this.checks++
        if (line.problem !== undefined) this.problems++
        return
      case "Crash":
        for (const { id } of this.runsOn(line.node)) this.orphans.set(id, line)
        return
      case "Gone":
        for (const run of this.runsOn(line.node)) this.end(run, { ...line, how: "gone" })
    }
  }

  private runsOn(node: string): ReadonlyArray<Run> {
    return Array.from(this.open.values()).flat().filter((run) => run.node === node)
  }

  private start(run: Run): void {
    const { id, node, token } = run
    const others = this.open.get(id) ?? []
    for (const other of others) this.overlaps.push(`${id}: started on ${node} while it ran on ${other.node}`)
    if (token < (this.tokens.get(id) ?? 0n)) this.setbacks.push(`${id}: token ${token} is lower than one before`)
    this.runs++
    this.tokens.set(id, token)
    this.open.set(id, [...others, run])
    this.notice(run)
  }

  /** Was it taken over, or moved? A run that had crashed on its own was in nobody's hands: it counts as neither. */
  private notice({ at, id, node }: Run): void {
    const orphan = this.orphans.get(id)
    const end = this.ends.get(id)
    this.orphans.delete(id)
    if (orphan !== undefined) this.takeovers.push({ id, from: orphan.node, to: node, millis: at - orphan.at })
    else if (end?.how === "stopped" && end.node !== node) {
      this.moves.push({ id, from: end.node, to: node, millis: at - end.at })
    }
  }

  private end({ id, node, token }: Pick<Run, "id" | "node" | "token">, end: End): void {
    if (end.how === "crashed") this.crashed.add(id)
    this.open.set(id, (this.open.get(id) ?? []).filter((run) => run.node !== node || run.token !== token))
    this.ends.set(id, end)
  }
}
