/**
 * Processes that die, as a model: the registry's machine and the nodes' rounds are the real ones, everything between is
 * as simple as can be. So hours of deaths are played in a second, and every rule is checked after every command.
 */
import { Rounds, type Suspect } from "../../../src/internal/plan/rounds.js"
import type { Args, ClaimResult, CommandName, Reply, Value } from "../../../src/internal/registry/commands.js"
import { emptyState, parseClaim, parseSpec, type RegistryState } from "../../../src/internal/registry/state.js"
import {
  lonelyDeaths,
  parseTrial,
  proofTime,
  requiredAge,
  type TrialRecord
} from "../../../src/internal/registry/trialRecords.js"
import { hashText } from "../../../src/internal/runtime/hash.js"
import { Dice } from "../../../src/internal/testing/dice.js"
import type { Execute } from "../../../src/internal/testing/testRegistry.js"

const ttl = 15_000
const proof = proofTime(ttl)

/** Milliseconds of one step. */
const tick = 50

/** Rules that a test may break. */
export interface Rules {
  readonly execute: Execute
  readonly rounds: () => Pick<Rounds, "next" | "began">
  /** Which age of its process a trial needs, as `requiredAge`. */
  readonly age: (deaths: number) => number
}

/** What happens. */
export interface Story {
  readonly seed: number
  readonly processes: number
  readonly good: number
  /** The killers, each by when it ends its process after its start. */
  readonly killers: ReadonlyArray<number>
  /** When the killers are started. */
  readonly at: number
  readonly length: number
  /** How long after its start a process dies by itself; none if missing. */
  readonly ends?: (dice: Dice) => number
  /** Whether processes end on purpose then. */
  readonly orderly?: boolean
}

interface Held {
  readonly token: number
  readonly at: number
  readonly trial: boolean
}

interface Process {
  readonly name: string
  readonly sid: string
  readonly born: number
  readonly ends: number
  readonly held: Map<string, Held>
  readonly rounds: Pick<Rounds, "next" | "began">
  renewed: number
  died: number
}

export interface Outcome {
  /** What was found wrong, in words. */
  readonly broken: ReadonlyArray<string>
  /** When processes died, relative to the start of the killers. */
  readonly deaths: ReadonlyArray<number>
  /** How long each good child did not run after that, milliseconds. */
  readonly down: ReadonlyArray<number>
  readonly failed: ReadonlyArray<string>
}

class Model {
  readonly state: RegistryState = emptyState()
  readonly broken: Array<string> = []
  readonly deaths: Array<number> = []
  readonly down = new Map<string, number>()
  private readonly dice: Dice
  private readonly processes = new Map<string, Process>()
  private readonly gone = new Map<string, Process>()
  private readonly back = new Map<string, number>()
  /** Deaths of processes that held the child. */
  private readonly suffered = new Map<string, number>()
  private now = 1_000_000
  private era = ""
  private sessions = 0

  constructor(private readonly story: Story, private readonly rules: Rules) {
    this.dice = new Dice(`deaths ${story.seed}`)
    this.send("nodes", {})
    for (let i = 0; i < story.processes; i++) this.start(`n${i}`)
    this.put(Array.from({ length: story.good }, (_, i) => `good/${i}`))
  }

  private send<K extends CommandName>(name: K, args: Args<K>): Reply<Value<K>> {
    const envelope = {
      scope: "s",
      era: this.era,
      notAfter: Infinity,
      high: 0,
      seconds: 0,
      bits: "b",
      ttl,
      maxStep: 2_500
    }
    const reply = this.rules.execute(
      this.state,
      { time: this.now, run: "run", trust: true },
      envelope,
      name,
      args
    )
    if (reply._tag === "ERA") this.era = reply.era
    return reply
  }

  private put(ids: ReadonlyArray<string>): void {
    if (ids.length === 0) return
    const items = ids.map((id) => ({ id, op: id, generation: 0, body: "{}" }))
    this.send("put", { mode: "ensure", items })
  }

  private start(name: string): void {
    const sid = `${name}#${++this.sessions}`
    const args = { sid, version: 1, record: "{}", mode: "fresh", claims: [], last: true, supersedes: "" } as const
    this.send("open", args)
    const ends = this.now + (this.story.ends?.(this.dice) ?? Infinity)
    this.processes.set(name, {
      name,
      sid,
      born: this.now,
      ends,
      held: new Map(),
      rounds: this.rules.rounds(),
      renewed: this.now,
      died: 0
    })
  }

  private end(process: Process, orderly: boolean): void {
    this.processes.delete(process.name)
    process.died = this.now
    this.back.set(process.name, this.now + this.dice.between(300, 1_000))
    if (orderly) {
      this.send("close", { sid: process.sid })
      return
    }
    this.deaths.push(this.now)
    for (const id of process.held.keys()) this.suffered.set(id, (this.suffered.get(id) ?? 0) + 1)
    this.gone.set(process.sid, process)
  }

  private killersOf({ held }: Process): boolean {
    return this.story.killers.some((after, i) => this.now - (held.get(`kill/${i}`)?.at ?? Infinity) >= after)
  }

  private isUp(id: string): boolean {
    for (const { held } of this.processes.values()) if (held.has(id)) return true
    return false
  }

  private trialOf(id: string): TrialRecord | undefined {
    return parseTrial(this.state.trial.get(id) ?? "")
  }

  private homeOf(id: string, age: number): string | undefined {
    let best: Process | undefined
    for (const process of this.processes.values()) {
      if (age >= 0 && this.now - process.born < proof * 2 ** age) continue
      const score = hashText(`${process.name} ${id}`)
      if (best === undefined || score > hashText(`${best.name} ${id}`)) best = process
    }
    return best?.name
  }

  /** What one process does in one step. */
  private act(process: Process): void {
    if (this.now - process.renewed >= 2_000) {
      process.renewed = this.now
      this.send("tick", { sid: process.sid })
    }
    const wanted: Array<{ readonly id: string; readonly generation: number }> = []
    const suspects: Array<Suspect> = []
    for (const [id, text] of this.state.spec) {
      const { failed, generation } = parseSpec(text)!
      const claim = parseClaim(this.state.claim.get(id) ?? "")
      if (failed || (claim !== undefined && this.state.sess.has(claim.sid))) continue
      const trial = claim === undefined ? this.trialOf(id) : undefined
      if (this.homeOf(id, this.rules.age(trial?.deaths ?? 0)) !== process.name) continue
      if (trial === undefined) wanted.push({ id, generation })
      else suspects.push({ id, generation, deaths: trial.deaths, wait: trial.due - this.state.meta!.now })
    }
    this.claim(process, wanted.slice(0, 100), false)
    // A command that comes twice: nothing counts twice.
    if (this.dice.chance(0.3)) this.claim(process, wanted.slice(0, 100), false)
    const next = process.rounds.next(suspects, this.now)
    if (next._tag === "Try") {
      process.rounds.began(next.suspects, this.now)
      this.claim(process, next.suspects, true)
    }
    this.report(process)
  }

  private report({ held, sid }: Process): void {
    for (const [id, { at, token }] of held) {
      if (this.trialOf(id)?.token !== token || this.now - at < proof + 100) continue
      this.send("report", { sid, items: [{ id, token, stat: `${token}:running:0:1:0:` }] })
    }
  }

  private claim(
    process: Process,
    items: ReadonlyArray<{ readonly id: string; readonly generation: number }>,
    trial: boolean
  ): void {
    if (items.length === 0) return
    const before = items.map(({ id }) => ({
      trial: this.trialOf(id),
      holder: this.gone.get(parseClaim(this.state.claim.get(id) ?? "")?.sid ?? "")
    }))
    const reply = this.send("claim", { sid: process.sid, trial, items: items.map((item) => ({ ...item })) })
    if (reply._tag !== "OK") return
    reply.value.results.forEach((result, i) => {
      const { id } = items[i]!
      this.check(id, process, result, before[i]!)
      if (result._tag === "GRANTED") {
        process.held.set(id, { token: result.token, at: this.now, trial: result.trial !== null })
      }
    })
  }

  /** The invariants, for one answer. */
  private check(
    id: string,
    process: Process,
    result: ClaimResult,
    before: { readonly trial: TrialRecord | undefined; readonly holder: Process | undefined }
  ): void {
    const { holder, trial } = before
    const held = holder?.held.get(id)
    const after = this.trialOf(id)
    // I4: a child that had run for a while, and was not on trial, is granted.
    if (result._tag === "TRIAL" && held !== undefined && !held.trial && holder!.died - held.at > 1.6 * proof) {
      this.broken.push(`I4: ${id} waits, though it had run for ${holder!.died - held.at} ms`)
    }
    // I5: beyond doubt is a death only where no other child was on trial.
    if (after !== undefined && after.certain > (trial?.certain ?? 0)) {
      const others = Array.from(holder?.held ?? []).filter(([other, { at, trial: onTrial }]) =>
        other !== id && onTrial && holder!.died - at < proof
      )
      if (others.length > 0) this.broken.push(`I5: ${id} is guilty beyond doubt, and so may ${others.length} others be`)
    }
    // I6: never on a young process.
    if (result._tag === "GRANTED" && after !== undefined && after.deaths >= 2) {
      const age = this.now - process.born
      if (age < proof * 2 ** requiredAge(after.deaths)) {
        this.broken.push(`I6: ${id}, of ${after.deaths} deaths, runs in a process of ${age} ms`)
      }
    }
    // From the third death on a child is tried alone.
    if (result._tag === "GRANTED" && after !== undefined && after.deaths >= lonelyDeaths) {
      const others = Array.from(process.held).filter(([other, { at, trial: onTrial }]) =>
        other !== id && onTrial && this.now - at < proof
      )
      if (others.length > 0) this.broken.push(`I5: ${id}, of ${after.deaths} deaths, is tried beside ${others[0]![0]}`)
    }
    const deaths = after?.deaths ?? 0
    if (deaths > (this.suffered.get(id) ?? 0)) {
      this.broken.push(`${deaths} deaths count against ${id}, of ${this.suffered.get(id) ?? 0}`)
    }
  }

  play(): Outcome {
    const begin = this.now + this.story.at
    const end = this.now + this.story.length
    let begun = false
    while (this.now < end) {
      this.now += tick
      if (!begun && this.now >= begin) {
        begun = true
        this.put(this.story.killers.map((_, i) => `kill/${i}`))
      }
      for (const process of this.processes.values()) {
        if (this.killersOf(process)) this.end(process, false)
        else if (this.now >= process.ends) this.end(process, this.story.orderly === true)
      }
      for (const [name, at] of this.back) {
        if (this.now < at) continue
        this.back.delete(name)
        this.start(name)
      }
      // A neighbour sees it.
      const watched = this.processes.size > 0
      for (const { died, sid } of this.gone.values()) {
        if (watched && this.state.sess.has(sid) && this.now - died >= 2 * tick) this.send("close", { sid, gone: true })
      }
      for (const process of this.processes.values()) this.act(process)
      if (begun) this.measure()
      if (this.broken.length > 0) break
    }
    const failed = Array.from(this.state.spec).filter(([, text]) => parseSpec(text)!.failed).map(([id]) => id)
    return {
      broken: this.broken,
      deaths: this.deaths.filter((at) => at >= begin).map((at) => at - begin),
      down: Array.from({ length: this.story.good }, (_, i) => this.down.get(`good/${i}`) ?? 0),
      failed
    }
  }

  private measure(): void {
    for (let i = 0; i < this.story.good; i++) {
      const id = `good/${i}`
      if (!this.isUp(id)) this.down.set(id, (this.down.get(id) ?? 0) + tick)
    }
  }
}

/** Plays a story. */
export const playDeaths = (story: Story, rules: Rules): Outcome => new Model(story, rules).play()

/** The rules as they are. */
export const realRules = (execute: Execute): Rules => ({
  execute,
  rounds: () => new Rounds(ttl),
  age: requiredAge
})
