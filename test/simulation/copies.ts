/**
 * What runs where, and what believes that it may: at most one copy of each child.
 */
import type { ChildRun } from "../../src/internal/supervisor/childRun.js"
import type { LocalChild } from "../../src/internal/supervisor/localChild.js"
import type { Life } from "./life.js"
import { isSane, timing } from "./plan.js"

/** A run, as the child itself tells of it. */
interface Copy {
  readonly life: Life
  readonly child: LocalChild
  readonly since: number
  /** Until when the lease held that was lost during this run, by the clock of its node. */
  fencedUntil: number | undefined
}

/** A run that has ended: leftovers of it may still hold its `Current`. */
interface Past {
  readonly life: Life
  readonly run: ChildRun
  readonly attempt: number
}

/** Runs that ended, as many as are looked at. */
const maxPast = 64

/** By how much a pause, stops included, may delay the end of a child that has lost its lease. */
const pause = timing.margin - timing.maxStep - timing.stopBudget - 0.02 * timing.ttl

const nameOf = ({ child, life }: Pick<Copy, "child" | "life">) => `${life.process.name} (token ${child.claim})`

export class Copies {
  private readonly running = new Map<string, Set<Copy>>()
  private readonly holders = new Map<string, Set<Pick<Copy, "child" | "life">>>()
  private past: Array<Past> = []
  /** Children of which there is more than one copy. */
  private readonly contested = new Set<string>()

  constructor(private readonly now: () => number) {}

  /** A node takes a child over. */
  taken(life: Life, child: LocalChild): void {
    const holders = this.holders.get(child.id) ?? new Set()
    this.holders.set(child.id, holders.add({ life, child }))
    if (holders.size > 1) this.contested.add(child.id)
  }

  begin(life: Life, run: ChildRun): void {
    const child = run.child as LocalChild
    const copies = this.running.get(child.id) ?? new Set()
    this.running.set(child.id, copies.add({ life, child, since: this.now(), fencedUntil: undefined }))
    if (copies.size > 1) this.contested.add(child.id)
  }

  end(life: Life, run: ChildRun): void {
    const child = run.child as LocalChild
    const copies = this.running.get(child.id)
    if (copies === undefined) return
    for (const copy of copies) if (copy.child === child && copy.life === life) copies.delete(copy)
  }

  /** A run has ended, as its node sees it, finalizers included. */
  ended(life: Life, run: ChildRun): void {
    this.past.push({ life, run, attempt: run.attempt })
    if (this.past.length > maxPast) this.past.shift()
  }

  /** The process is gone, and with it all that ran there. */
  drop(life: Life): void {
    this.past = this.past.filter((past) => past.life !== life)
    for (const copies of this.running.values()) for (const copy of copies) if (copy.life === life) copies.delete(copy)
    for (const holders of this.holders.values()) {
      for (const holder of holders) if (holder.life === life) holders.delete(holder)
    }
  }

  /** A node has lost its lease. */
  fenced(life: Life): void {
    for (const copies of this.running.values()) {
      for (const copy of copies) if (copy.life === life) copy.fencedUntil ??= life.until
    }
  }

  /** Runs of a child, those of frozen processes too. */
  of(id: string): ReadonlyArray<Copy> {
    return [...this.running.get(id) ?? []]
  }

  ids(): Iterable<string> {
    return this.running.keys()
  }

  /** Whether a token's holder still runs. */
  runs(id: string, token: number): Copy | undefined {
    return this.of(id).find(({ child }) => child.claim === token)
  }

  /** What is wrong, if anything is. */
  check(): { readonly check: string; readonly message: string } | undefined {
    const again = this.past.find(({ run }) => run.holds)
    if (again !== undefined) {
      const message = `${again.run.id}: run ${again.attempt} on ${again.life.process.name}, token ${again.run.token}`
      return { check: "a run that has ended may act", message }
    }
    if (this.contested.size === 0) return undefined
    for (const id of this.contested) {
      const found = this.twoUnfenced(id) ?? this.twoRunning(id)
      if (found !== undefined) return found
      if ((this.holders.get(id)?.size ?? 0) < 2 && (this.running.get(id)?.size ?? 0) < 2) this.contested.delete(id)
    }
    return undefined
  }

  private twoUnfenced(id: string) {
    const holders = this.holders.get(id)
    if (holders === undefined) return undefined
    const holding: Array<Pick<Copy, "child" | "life">> = []
    for (const holder of holders) {
      const { child, life } = holder
      if (life.node?.supervisor.children.get(id) !== child) holders.delete(holder)
      else if (child.stage !== "reportingEnd" && child.holds && isSane(life.process)) holding.push(holder)
    }
    if (holding.length < 2) return undefined
    return { check: "two unfenced copies", message: `${id}: ${holding.map(nameOf).join(" and ")} may both act` }
  }

  private twoRunning(id: string) {
    const copies = this.of(id).filter((copy) => !isExcused(copy))
    if (copies.length < 2) return undefined
    return { check: "two running copies", message: `${id}: ${copies.map(nameOf).join(" and ")} both run` }
  }
}

/** Whether the assumptions do not hold, under which this copy would have ended before another may begin. */
const isExcused = ({ child, fencedUntil, life }: Copy): boolean => {
  if (child.registration.onRegistryLoss === "keep" || !isSane(life.process) || life.node === undefined) return true
  return life.node.ambient.now() > (fencedUntil ?? life.until) + timing.stopBudget + pause
}
