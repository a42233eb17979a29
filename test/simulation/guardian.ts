/**
 * Watches the registry: what it executes must fit what really runs, and must not come too late.
 */
import type { Args, CommandName } from "../../src/internal/registry/protocol.js"
import { parseClaim } from "../../src/internal/registry/records.js"
import type { RegistryState } from "../../src/internal/registry/state.js"
import type { Sent } from "../../src/internal/testing/line.js"
import type { Execution } from "../../src/internal/testing/server.js"
import type { Copies } from "./copies.js"
import type { Life } from "./life.js"
import { timing } from "./plan.js"

export type Report = (check: string, message: string) => void

/** When a request was sent, by the registry's clock. */
interface Stamped {
  readonly life: Life
  readonly era: string | undefined
  readonly logical: number
}

/** How much later than its sending a command may have an effect: twice the timeout, and some for differing rates. */
const lateness = 2 * timing.commandTimeout * 1.03 + 20

/** For so long after the registry's clock stood still it is not compared with time. */
const unsteadyFor = 60_000

const readers: ReadonlySet<CommandName> = new Set(["changes", "snap", "nodes"])

export class Guardian {
  private readonly sent = new WeakMap<Sent, Stamped>()
  private arriving: Stamped | undefined
  /** The highest token that was granted. */
  private token = 0
  /** Sessions that have ended. */
  private readonly ended = new Set<string>()
  private live = new Set<string>()
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
    this.sent.set(sent, { life, era: this.state().meta?.era, logical: this.logical() })
    const { sid } = sent.args as { readonly sid?: string }
    const since = life.fenced.get(sid ?? "")
    // What was on its way to the wire at that moment may still go.
    if (sent.name === "tick" && since !== undefined && this.now() > Math.max(since, life.slowUntil) + 50) {
      this.report("a fenced session is renewed", `${life.process.name} renews ${sid} after it lost its lease`)
    }
  }

  onArrival(sent: Sent): void {
    this.arriving = this.sent.get(sent)
    this.logical()
  }

  onExecuted({ args, name, reply, state }: Execution): void {
    if (reply._tag === "OK") {
      this.checkLateness(name, state)
      if (name === "claim") this.checkTokens(args as Args<"claim">, reply.value as never)
      if (name === "release") { for (const item of (args as Args<"release">).items) this.checkEnded(name, item) }
      if (name === "finish") { for (const item of (args as Args<"finish">).items) this.checkEnded(name, item) }
      if (name === "close") this.checkClosed((args as Args<"close">).sid)
      if (name === "tick") this.checkRenewed((args as Args<"tick">).sid)
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
      if (token <= this.token && this.unnoticed !== this.era && !this.mayRepeat(this.token)) {
        this.report("a token went back", `${items[i]!.id} was granted with ${token} after ${this.token}`)
      }
      this.token = Math.max(this.token, token)
    })
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
        if (life.node?.lastSid === sid && child.stage !== "telling") {
          this.report("a session is closed while a child runs", `${id} (token ${child.claim}) of ${sid}`)
        }
      }
    }
  }

  private checkRenewed(sid: string): void {
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
    this.live = new Set(this.state().sess.keys())
  }

  /** An older copy has come back, and nothing about it shows that. */
  cameBack(): void {
    this.unnoticed = this.state().meta?.era
  }

  /** Claims of the data as it is, by their holders. */
  holderOf(id: string): { readonly token: number; readonly sid: string } | undefined {
    return parseClaim(this.state().claim.get(id) ?? "")
  }
}
