/**
 * Watches the registry: what it executes must fit what really runs, and must not come too late.
 */
import type { Args, ClaimResult, CommandName, DelResult, FinishResult } from "../../src/internal/registry/commands.js"
import {
  parseClaim,
  parseNode,
  parseSpec,
  parseStat,
  parseTomb,
  type RegistryState
} from "../../src/internal/registry/state.js"
import { parseTrial } from "../../src/internal/registry/trialRecords.js"
import type { LocalChild } from "../../src/internal/supervisor/localChild.js"
import type { RegistryExecution, Sent } from "../../src/internal/testing/testRegistry.js"
import type { Copies } from "./copies.js"
import type { Life } from "./life.js"
import { isSane, timing } from "./plan.js"

export type Report = (check: string, message: string) => void

/** When a request was sent, by the registry's clock. */
interface Stamped {
  readonly life: Life
  readonly era: string | undefined
  readonly logical: number
  /** It would renew a session that had ended a while before. */
  readonly fenced: boolean
}

/** How much later than its sending a command may have an effect: twice the timeout, and some for differing rates. */
const lateness = 2 * timing.commandTimeout * 1.03 + 20

/** For so long after the registry's clock stood still it is not compared with time. */
const unsteadyFor = 60_000

const readers: ReadonlySet<CommandName> = new Set(["changes", "snap", "nodes"])

/** The generation that a result is about, if the command had an effect on one. */
const touchedBy = (
  result: ClaimResult | DelResult | FinishResult,
  { spec }: RegistryState,
  id: string
): number | undefined => {
  switch (result._tag) {
    case "GRANTED":
      return parseSpec(spec.get(id) ?? "")?.generation
    case "GONE":
    case "ENDED":
      return "tomb" in result ? parseTomb(result.tomb)?.generation : undefined
    case "FAILED":
      return parseSpec(result.spec)?.generation
    default:
      return undefined
  }
}

export class Guardian {
  private readonly sent = new WeakMap<Sent, Stamped>()
  private arriving: Stamped | undefined
  /** The highest token that was granted. */
  private token = 0
  /** Sessions that have ended. */
  private readonly ended = new Set<string>()
  private live = new Set<string>()
  /** The sessions of each process in the data as it is, and the versions of their records. */
  private sids = new WeakMap<Life, Set<string>>()
  private readonly versions = new Map<string, number>()
  /** Generations that were ended. */
  private readonly tombs = new Set<string>()
  private era: string | undefined
  private unsteadyUntil = 0
  /** The era of an older copy of the data that is served by the server that wrote it: as if nothing had happened. */
  private unnoticed: string | undefined

  constructor(
    private readonly now: () => number,
    private readonly state: () => RegistryState,
    private readonly serverTime: () => number,
    private readonly copies: Copies,
    /** Whether tokens may go back: the data was lost, the clock stepped back, and nobody was left who knew. */
    private readonly mayRepeat: (token: number) => boolean,
    private readonly report: Report
  ) {}

  /** What the registry's clock would show. */
  private logical(): number {
    const { meta } = this.state()
    if (meta === undefined) return 0
    const elapsed = this.serverTime() - meta.last
    if (elapsed > meta.maxStep || elapsed < 0) this.unsteadyUntil = this.now() + unsteadyFor
    return meta.now + Math.min(Math.max(elapsed, 0), meta.maxStep)
  }

  onSent(life: Life, sent: Sent): void {
    const { sid } = sent.args as { readonly sid?: string }
    const since = life.fenced.get(sid ?? "")
    // What was on its way to the wire at that moment may still go.
    const fenced = sent.name === "tick" && since !== undefined && this.now() > Math.max(since, life.slowUntil) + 50
    this.sent.set(sent, { life, era: this.state().meta?.era, logical: this.logical(), fenced })
  }

  onArrival(sent: Sent): void {
    this.arriving = this.sent.get(sent)
    this.logical()
  }

  onExecuted({ args, name, reply, state }: RegistryExecution): void {
    if (reply._tag === "OK") {
      this.checkLateness(name, state)
      if (name === "claim") this.checkTokens(args as Args<"claim">, reply.value as never)
      if (name === "release") { for (const item of (args as Args<"release">).items) this.checkEnded(name, item) }
      if (name === "finish") { for (const item of (args as Args<"finish">).items) this.checkEnded(name, item) }
      if (name === "release") this.checkReleased(args as Args<"release">)
      if (name === "close") this.checkClosed((args as Args<"close">).sid)
      if (name === "tick") this.checkRenewed((args as Args<"tick">).sid)
      if (name === "open") {
        this.checkOpened(args as Args<"open">)
        this.checkAsserted(args as Args<"open">)
      }
      if (name === "open" || name === "update") this.checkRecords(state)
      this.checkGenerations(name, args, reply.value)
      this.noteTombs(state)
    }
    this.noteSessions(state)
  }

  private checkLateness(name: CommandName, { meta }: RegistryState): void {
    const { arriving } = this
    if (arriving === undefined || meta === undefined || arriving.era !== meta.era || readers.has(name)) return
    if (this.now() < this.unsteadyUntil || meta.now - arriving.logical <= lateness) return
    this.report(
      "a command has an effect after its time",
      `${name} of ${arriving.life.process.name} was executed ${
        Math.round(meta.now - arriving.logical)
      } ms after it was sent`
    )
  }

  private checkTokens(
    { items }: Args<"claim">,
    { results }: { readonly results: ReadonlyArray<{ readonly _tag: string; readonly token?: number }> }
  ): void {
    results.forEach(({ token }, i) => {
      if (token === undefined) return
      if (token <= this.token && !this.mayRepeat(this.token)) {
        this.report("a token went back", `${items[i]!.id} was granted with ${token} after ${this.token}`)
      }
      this.token = Math.max(this.token, token)
    })
  }

  /** The count of restarts comes with the claim. */
  onBegan(life: Life, child: LocalChild): void {
    const { meta, stat, trial } = this.state()
    const last = parseStat(stat.get(child.id) ?? "")
    // The deaths of its processes count as restarts.
    const deaths = parseTrial(trial.get(child.id) ?? "")?.deaths ?? 0
    if (last === undefined || last.token === child.claim || last.state === "failed" || last.state === "running") return
    if (life.node?.session?.era !== meta?.era || child.restarts === Math.max(last.restarts, deaths)) return
    this.report(
      "a count of restarts is lost",
      `${child.id}, restarted ${last.restarts} times, begins on ${life.process.name} with ${child.restarts}`
    )
  }

  /** What a command does concerns the generation that it names. */
  private checkGenerations(name: CommandName, args: unknown, value: unknown): void {
    if (name !== "claim" && name !== "del" && name !== "finish") return
    const { items } = args as { readonly items: ReadonlyArray<{ readonly id: string; readonly generation: number }> }
    const { results } = value as { readonly results: ReadonlyArray<ClaimResult | DelResult | FinishResult> }
    results.forEach((result, i) => {
      const { generation, id } = items[i]!
      const touched = touchedBy(result, this.state(), id)
      // A termination may name a younger one than there is: the data came back from an older copy.
      if (touched === undefined || touched === generation || (name === "del" && touched < generation)) return
      // A call that comes twice answers as it did.
      if (name === "del" && this.tombs.has(`${id} ${touched}`)) return
      this.report("a command concerns another generation", `${name} of ${id}, ${generation}, concerned ${touched}`)
    })
  }

  private noteTombs({ tomb }: RegistryState): void {
    for (const [id, raw] of tomb) this.tombs.add(`${id} ${parseTomb(raw)?.generation}`)
  }

  /** A release takes no other claim away than the one it names. */
  private checkReleased({ items, sid }: Args<"release">): void {
    for (const { id, token } of items) {
      const other = this.copies.of(id).find(({ child, life }) =>
        life.node?.session?.sid === sid && child.claim !== token
      )
      if (other === undefined || !other.child.holds || this.holderOf(id) !== undefined) continue
      this.report("a release takes another claim away", `release of ${id}, ${token}, ended ${other.child.claim}`)
    }
  }

  /** A process has one session at a time. */
  private checkOpened({ last, sid }: Args<"open">): void {
    const { life } = this.arriving ?? {}
    if (life === undefined || !last) return
    const sids = this.sids.get(life) ?? new Set()
    this.sids.set(life, sids)
    for (const other of sids) {
      if (other !== sid && this.state().sess.has(other)) {
        this.report("a process has two sessions", `${life.process.name} has ${other} and ${sid}`)
      }
    }
    sids.add(sid)
  }

  /** A session that lives in a new data set has all the claims of its node, but those that are another's. */
  private checkAsserted({ last, mode, sid }: Args<"open">): void {
    const { life } = this.arriving ?? {}
    if (life === undefined || !last || mode !== "reassert") return
    for (const id of this.copies.ids()) {
      for (const { child, life: holder } of this.copies.of(id)) {
        if (holder !== life || child.revoked || child.stage === "reportingEnd") continue
        const claim = parseClaim(this.state().claim.get(id) ?? "")
        if (claim === undefined || (claim.token === child.claim && claim.sid !== sid)) {
          this.report("a session lives without its claims", `${id} (token ${child.claim}) of ${sid}`)
        }
      }
    }
  }

  /** What a node says of itself is never replaced by what it said before. */
  private checkRecords({ node }: RegistryState): void {
    for (const [sid, raw] of node) {
      const version = parseNode(raw)?.version ?? 0
      const known = this.versions.get(sid) ?? 0
      if (version < known) this.report("an older record of a node comes back", `${sid}: ${version} after ${known}`)
      this.versions.set(sid, version)
    }
  }

  private checkEnded(name: string, { id, token }: { readonly id: string; readonly token: number }): void {
    const copy = this.copies.runs(id, token)
    if (copy === undefined || copy.life.status === "gone") return
    this.report(
      "a claim is given back while its child runs",
      `${name} of ${id} (token ${token}): ${copy.life.process.name}`
    )
  }

  private checkClosed(sid: string): void {
    for (const id of this.copies.ids()) {
      for (const { child, life } of this.copies.of(id)) {
        if (life.node?.era.lastSid === sid && child.stage !== "reportingEnd") {
          this.report("a session is closed while a child runs", `${id} (token ${child.claim}) of ${sid}`)
        }
      }
    }
  }

  /** A node hears that its session is gone, and its lease holds. */
  onEnded(life: Life): void {
    if (!isSane(life.process) || life.status === "stopping") return
    this.report("a session ends before its lease", life.process.name)
  }

  private checkRenewed(sid: string): void {
    const { arriving } = this
    if (arriving?.fenced === true) {
      this.report("a fenced session is renewed", `${arriving.life.process.name} renews ${sid} after it lost its lease`)
    }
    if (this.ended.has(sid)) this.report("a dead session is renewed", sid)
  }

  private noteSessions({ meta, sess }: RegistryState): void {
    if (meta?.era !== this.era) {
      this.era = meta?.era
      this.ended.clear()
    } else {
      for (const sid of this.live) if (!sess.has(sid)) this.ended.add(sid)
      for (const sid of sess.keys()) if (this.ended.has(sid)) this.report("a dead session lives again", sid)
    }
    this.live = new Set(sess.keys())
  }

  /** The data were tampered with: sessions may be as they were. */
  tampered(): void {
    this.ended.clear()
    this.versions.clear()
    this.sids = new WeakMap()
    this.live = new Set(this.state().sess.keys())
  }

  /** An older copy has come back, and nothing about it shows that. */
  cameBack(): void {
    this.unnoticed = this.state().meta?.era
  }

  /** Whether nobody has noticed yet: there are two histories of one registry, and no guarantee holds. */
  get isForked(): boolean {
    return this.unnoticed !== undefined && this.unnoticed === this.state().meta?.era
  }

  /** Claims of the data as it is, by their holders. */
  holderOf(id: string): { readonly token: number; readonly sid: string } | undefined {
    return parseClaim(this.state().claim.get(id) ?? "")
  }
}
