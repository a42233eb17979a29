/**
 * What rollouts must not do: nodes of one view of the membership place a child differently, or nowhere though somebody
 * could run it (I20); another revision counts as the newest than the one that a name took on last; and, where nothing else
 * happens and each node has a successor before it ends, a child is stopped on a node that stays, or moves twice (I21).
 */
import type { Args } from "../../../src/internal/registry/commands.js"
import { nameOf } from "../../../src/internal/registry/sessionNames.js"
import { parseSpec, type RegistryState } from "../../../src/internal/registry/state.js"
import { newestFor, obstacle, type PlacedSpec } from "../../../src/internal/replica/candidates.js"
import type { ScopeMember } from "../../../src/internal/replica/nodeRecord.js"
import type { LocalChild } from "../../../src/internal/supervisor/localChild.js"
import type { RegistryExecution } from "../../../src/internal/testing/testRegistry.js"
import type { Report } from "../guardian.js"
import type { Life } from "../life.js"
import { kindOf, type Plan } from "../plan.js"

/** All nodes are looked at in one of so many steps. */
const every = 64

/** Which revision a name, or a process, has, and in which order of all it was taken on. */
interface Known {
  readonly revision: string
  /** `undefined`: the registry may have forgotten meanwhile what the name had before. */
  readonly order: number | undefined
  readonly era: string | undefined
  readonly tampers: number
}

type Members = ReadonlyArray<ScopeMember>

/** All of a spec that placement looks at. */
const textOf = ({ kind, prefers, refused, requires, version }: PlacedSpec): string =>
  JSON.stringify([kind, version, refused, requires, prefers])

export class RolloutAudit {
  private steps = 0
  private order = 0
  private tampers = 0
  /** The highest counter at which a session was opened. */
  private highest = 0
  private readonly names = new Map<string, Known>()
  private readonly processes = new Map<Life, Known>()
  /** The process of each session. */
  private readonly lives = new Map<string, Life>()
  /** A number for each view that was met, whoever has it. */
  private readonly views = new WeakMap<Members, number>()
  private readonly met = new Map<string, number>()
  private readonly specs = new WeakMap<PlacedSpec, string>()
  /** The specs for which the newest revision of a view was looked at. */
  private readonly judged = new WeakMap<Members, Set<string>>()
  /** How often each child was started since the first rollout began. */
  private readonly starts = new Map<string, number>()
  private readonly begin: number

  constructor(
    private readonly plan: Plan,
    private readonly now: () => number,
    private readonly state: () => RegistryState,
    private readonly report: Report,
    private readonly count: (what: string) => void
  ) {
    this.begin = plan.events.find(({ type }) => type === "surge")?.at ?? Infinity
  }

  /** The data were tampered with: what the registry says of names may be as it was, or gone. */
  tampered(): void {
    this.tampers++
  }

  /** A command was executed; `life`: whose it was. */
  executed({ args, name, reply }: RegistryExecution, life: Life | undefined): void {
    if (name !== "open" || reply._tag !== "OK" || life === undefined) return
    const { fresh = 0, last, revision = "", sid } = args as Args<"open">
    if (!last || revision === "") return
    this.lives.set(sid, life)
    const { era, high = 0 } = this.state().meta ?? {}
    const known = this.processes.get(life)
    // What it was told before is lost, if it was told anything.
    const isUntold = known !== undefined && fresh === 0 && !this.isRemembered(known)
    const own = known === undefined || isUntold ? this.noted(this.names.get(nameOf(sid)), revision) : known
    // An older copy of the data, as nobody has noticed yet, has a counter that others are ahead of.
    this.processes.set(life, high < this.highest ? { ...own, order: undefined } : own)
    this.highest = Math.max(this.highest, high)
    this.names.set(nameOf(sid), { ...own, era, tampers: this.tampers })
  }

  private isRemembered({ era, tampers }: Known): boolean {
    return era === this.state().meta?.era && tampers === this.tampers
  }

  /** A process begins that knows nothing yet. */
  private noted(before: Known | undefined, revision: string): Known {
    const isTold = before === undefined || (before.revision === revision
      ? this.isRemembered(before)
      : before.tampers === this.tampers)
    const order = before?.revision === revision ? before.order : ++this.order
    return { revision, order: isTold ? order : undefined, era: this.state().meta?.era, tampers: this.tampers }
  }

  /** Looks at all views, now and then. */
  look(lives: Iterable<Life>): void {
    if (++this.steps % every !== 0) return
    const homes = new Map<string, { readonly home: string | undefined; readonly who: string }>()
    for (const { node, process } of lives) {
      // Only members are bound to agree, and heeded: one of an older version that has left no longer counts itself.
      if (node === undefined || !node.view.membership.isLive(node.session?.sid ?? "")) continue
      const { entries, membership } = node.view
      const { list } = membership
      if (membership.isMixed) this.count("rollout: looks at a view of several revisions")
      for (const entry of entries.values()) {
        const { id, spec } = entry
        if (spec === undefined || spec.failed) continue
        const home = membership.homeOf(entry)
        this.lookForHome(id, spec, home, list, process.name)
        const asked = `${this.viewOf(list)} ${id} ${this.textOf(spec)}`
        const other = homes.get(asked)
        if (other === undefined) homes.set(asked, { home, who: process.name })
        else if (other.home !== home) {
          this.report(
            "nodes of one view place a child differently",
            `${id} on ${home} (${process.name}), on ${other.home} (${other.who})`
          )
        }
      }
    }
  }

  private viewOf(list: Members): number {
    const known = this.views.get(list)
    if (known !== undefined) return known
    const text = list.map(({ sid, version }) => `${sid}:${version}`).join(" ")
    const view = this.met.get(text) ?? this.met.size
    this.met.set(text, view)
    this.views.set(list, view)
    return view
  }

  private textOf(spec: PlacedSpec): string {
    const known = this.specs.get(spec)
    if (known !== undefined) return known
    const text = textOf(spec)
    this.specs.set(spec, text)
    return text
  }

  private lookForHome(
    id: string,
    spec: PlacedSpec,
    home: string | undefined,
    list: Members,
    who: string
  ): void {
    const judged = this.judged.get(list) ?? new Set()
    const text = `${this.textOf(spec)} ${home === undefined}`
    if (judged.has(text)) return
    this.judged.set(list, judged.add(text))
    const able = list.filter((member) => obstacle(spec, member) === undefined)
    if (home === undefined && able.length > 0) {
      this.report("a child has no home", `${id}, of which ${able.length} nodes are able, as ${who} sees it`)
    }
    this.lookForNewest(newestFor(spec, list), able, who)
  }

  /** A revision that a restarted process brings back, or one that was replaced, is not the newest. */
  private lookForNewest(newest: string | undefined, able: Members, who: string): void {
    if (newest === undefined) return
    let last: Known | undefined
    for (const { revision, sid } of able) {
      if (revision === "") continue
      const known = this.processes.get(this.lives.get(sid)!)
      if (known?.order === undefined) return
      if (last === undefined || known.order > last.order!) last = known
    }
    if (last === undefined || last.revision === newest) return
    this.report("an older revision counts as the newest", `${newest}, not ${last.revision}, as ${who} sees it`)
  }

  /** A release that could not run the child has given it back: it moves more often. */
  private isHeldBack(id: string): boolean {
    return parseSpec(this.state().spec.get(id) ?? "")?.refused.some((mark) => mark.startsWith("@")) === true
  }

  /** How many rollouts have begun that concern a kind. */
  private begun(kind: string): number {
    let count = 0
    let last = ""
    for (const event of this.plan.events) {
      if (event.type !== "surge" || event.at > this.now()) continue
      const { kinds } = this.plan.nodes[event.by]!
      if (event.revision === last || !(kinds as ReadonlyArray<string>).includes(kind)) continue
      last = event.revision
      count++
    }
    return count
  }

  /** In the end all nodes are told that they are not cordoned, and children go home. */
  private get isClean(): boolean {
    return this.plan.rollouts?.clean === true && this.now() >= this.begin && this.now() < this.plan.calm
  }

  /** A child is started under a new claim. */
  began({ id }: LocalChild): void {
    if (!this.isClean || this.isHeldBack(id)) return
    const starts = (this.starts.get(id) ?? 0) + 1
    this.starts.set(id, starts)
    const begun = this.begun(kindOf(id))
    if (starts > begun) {
      this.report("a rollout moves a child more than once", `${id}, ${starts} times, by ${begun} rollouts`)
    }
  }

  /** A run has ended. */
  ended({ node, process, status }: Life, { id, stopReason }: LocalChild): void {
    if (!this.isClean || stopReason !== "moved" || status !== "up") return
    if (node === undefined || node.own.draining || node.own.cordoned) return
    this.report("a rollout stops a child on a node that stays", `${id} on ${process.name}`)
  }
}
