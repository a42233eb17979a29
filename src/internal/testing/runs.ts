/**
 * What the children of a test's cluster really do, and whether two copies of one ever ran.
 *
 * @internal
 */
import type { LocalChild } from "../supervisor/child.js"
import type { Member } from "./members.js"

/** One thing that happened. */
export interface Occurrence {
  /** Milliseconds since the cluster was made. */
  readonly at: number
  readonly node: string
  /** A fault or its end, or `started` and `ended` for a run of a child. */
  readonly what: string
  readonly id?: string
  readonly token?: bigint
}

interface Run {
  readonly member: Member
  readonly child: LocalChild
  /** Its process was paused for longer than its lease: nothing can keep it from running on for a moment. */
  excused: boolean
}

/** @internal */
export class Runs {
  readonly history: Array<Occurrence> = []
  readonly violations: Array<string> = []
  private readonly runs = new Map<string, Set<Run>>()

  constructor(private readonly now: () => number) {}

  note(node: string, what: string, child?: LocalChild): void {
    const at = Math.round(this.now())
    this.history.push(child === undefined ? { at, node, what } : { at, node, what, id: child.id, token: child.token })
  }

  /** The runs of a child that have not ended. */
  of(id: string): ReadonlyArray<Run> {
    return [...this.runs.get(id) ?? []]
  }

  began(member: Member, child: LocalChild): void {
    this.note(member.name, "started", child)
    for (const other of this.of(child.id)) this.compare({ member, child, excused: false }, other)
    const runs = this.runs.get(child.id) ?? new Set()
    this.runs.set(child.id, runs.add({ member, child, excused: false }))
  }

  ended(member: Member, child: LocalChild): void {
    if (member.host.dead) return
    this.note(member.name, "ended", child)
    this.remove(child.id, (run) => run.child === child)
  }

  private remove(id: string, gone: (run: Run) => boolean): void {
    for (const run of this.of(id)) if (gone(run)) this.runs.get(id)!.delete(run)
  }

  /** The process is gone, and all that ran there. */
  drop(member: Member): void {
    for (const id of this.runs.keys()) this.remove(id, (run) => run.member === member)
  }

  /** A paused process goes on. */
  thawed(member: Member): void {
    if (member.node?.lease.holds() === true) return
    for (const runs of this.runs.values()) for (const run of runs) if (run.member === member) run.excused = true
  }

  private compare(newer: Run, other: Run): void {
    const names =
      `${newer.child.id} on ${newer.member.name} (token ${newer.child.token}) and on ${other.member.name} ` +
      `(token ${other.child.token})`
    if (other.child.holds && newer.child.holds) this.violations.push(`two copies may act: ${names}`)
    else if (!other.excused && !other.member.host.frozen && other.child.registration.onRegistryLoss === "stop") {
      this.violations.push(`two copies run: ${names}`)
    }
  }
}
