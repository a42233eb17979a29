/**
 * Keeping the set of a list of code equal to it (`Pogo.exactly`), on every node that has such a list.
 *
 * What is missing is added at once, by every node. What is registered and not listed, or has other content, waits until
 * all live nodes that publish a list of this name publish the same one; then the first of them, in the order of sessions,
 * ends and replaces it. No order of releases is needed for that: of two that differ none is taken for the newer one.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as PogoEvent from "../../PogoEvent.js"
import type { ListState } from "../../PogoNode.js"
import { keepAlive } from "../loops/lifecycle.js"
import type { Node } from "../node/node.js"
import type { OwnList } from "../node/ownList.js"
import type { SetPlan } from "../plan/setPlan.js"
import type { ReconcilePlan } from "../reconcileErrors.js"
import type { ScopeMember } from "../replica/nodeRecord.js"
import { logDebug, logInfo, logWarning, printError } from "../runtime/userCode.js"
import type { ChildCommands } from "./childCommands.js"
import { ensureInitial } from "./initialChildren.js"
import { planOfView, type SetCommands, shown } from "./setCommands.js"

/** The live nodes that publish a list of a name, in the order of their sessions. */
const publishers = ({ view }: Node, name: string): ReadonlyArray<ScopeMember> =>
  view.membership.list.filter(({ lists }) => Object.hasOwn(lists, name))

const nameOf = ({ name, sid }: ScopeMember): string => (name === "" ? sid : name)

/** The nodes whose lists are not this one. */
const othersOf = (node: Node, { what: { digest, name } }: OwnList): ReadonlyArray<string> =>
  publishers(node, name).filter(({ lists }) => lists[name] !== digest).map(nameOf)

/** What is still to be ended and replaced, and what is not. */
const planOf = (node: Node, { what: { listed, set } }: OwnList): SetPlan =>
  planOfView(node, { set, listed, prune: true, ofCode: true })

/** How many `ttl` lists may differ before that is told: 5 minutes by default, since a rollout takes its time. */
const patience = 20

const plural = (count: number, what: string): string => `${count} ${count === 1 ? "child" : "children"} to ${what}`

/** Keeps the list of one node. */
export class ListKeeper {
  /** Whether all that is listed was added once. */
  private added = false
  /** The sessions that have such a list, and which; and since when, elapsed milliseconds. */
  private known = { who: "", since: -Infinity }
  /** Since when lists differ; `undefined` while they do not. */
  private differSince: number | undefined
  /** What was told: for whom the rest waits, that lists differ, why nothing was ended. */
  private told = { waits: "", differs: false, refused: "" }

  constructor(
    private readonly node: Node,
    private readonly commands: ChildCommands,
    private readonly sets: SetCommands,
    private readonly list: OwnList
  ) {}

  /** Keeps the list for as long as it is not interrupted: for one session. */
  readonly keep: Effect.Effect<void> = Effect.suspend(() => {
    const { list: { news }, node } = this
    const open = () => Effect.sync(() => news.unsafeOpen())
    const failed = (error: { readonly message: string }) =>
      Effect.zipRight(logDebug(`list "${this.list.what.name}": ${printError(error)}`), open())
    const looking = Effect.suspend(() => {
      news.unsafeClose()
      return Effect.catchAll(this.look, failed)
    })
    const loop = Effect.timeoutOption(news.await, node.timing.syncInterval).pipe(
      Effect.zipRight(looking),
      Effect.zipRight(Effect.sleep(node.timing.heartbeat / 2)),
      Effect.forever
    )
    const members = Effect.zipRight(Stream.runForEach(node.members.changes, open), Effect.never)
    return Effect.zipRight(
      open(),
      Effect.raceFirst(keepAlive(node, "list", loop), keepAlive(node, "list", members))
    )
  })

  /** Looks at everything, and does what may be done now. */
  private readonly look = Effect.gen(this, function*() {
    const { list, node } = this
    const { session } = node
    if (session === undefined || !node.active) return
    // What is given back until then may be listed, or ended on purpose.
    const left = session.quarantineUntil - node.ambient.now()
    if (left > 0) yield* Effect.sleep(Math.ceil(left) + 1)
    yield* this.add
    const plan = planOf(node, list)
    const changes = plan.steps.filter(({ does }) => does !== "keep" && does !== "foreign")
    yield* this.watch(changes)
    if (changes.length === 0 || !this.isAgreed()) return
    // A node that has just been restarted may be about to join, with another list.
    const quiet = this.known.since + node.timing.moveDebounce - node.ambient.now()
    if (quiet > 0) {
      yield* Effect.sleep(Math.ceil(quiet))
      return list.news.unsafeOpen()
    }
    yield* this.endAndReplace
  })

  /** Adds what is listed and not registered, save for what a call has ended; and replaces by a raised version. */
  private readonly add = Effect.suspend(() => {
    const { commands, list: { what }, node } = this
    const { entries, tombs } = node.view
    const isMissing = (id: string) => {
      const spec = entries.get(id)?.spec
      if (spec === undefined) return tombs.get(id)?.pruned !== false
      const isOurs = spec.set === undefined || spec.set === what.set
      return isOurs && spec.version < (what.versions.get(id) ?? 0)
    }
    const missing = Array.from(what.listed, ([id, body]) => ({ id, body }))
      .filter(({ id }) => !this.added || isMissing(id))
    if (missing.length === 0) return Effect.void
    return Effect.tap(
      ensureInitial(node, commands, missing, what.set),
      () => Effect.sync(() => (this.added = true))
    )
  })

  /** Whether all who have such a list have this one, and this node is the one to act on it. */
  private isAgreed(): boolean {
    const { list, node } = this
    return othersOf(node, list).length === 0 && publishers(node, list.what.name)[0]?.sid === node.session?.sid
  }

  /** Whether this node is the first of those that have the same list: one of them tells for all. */
  private get speaks(): boolean {
    const { digest, name } = this.list.what
    return publishers(this.node, name).find(({ lists }) => lists[name] === digest)?.sid === this.node.session?.sid
  }

  /** Notes who has which list, and tells for whom changes wait, and of lists that differ for long. */
  private watch(changes: SetPlan["steps"]): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { list, node } = this
      const { name } = list.what
      const now = node.ambient.now()
      const who = publishers(node, name).map(({ lists, sid }) => `${sid} ${lists[name]}`).join("\n")
      if (who !== this.known.who) this.known = { who, since: now }
      const others = othersOf(node, list)
      if (others.length === 0) {
        this.differSince = undefined
        this.told = { ...this.told, waits: "", differs: false }
        return Effect.void
      }
      this.differSince ??= now
      const isLong = now - this.differSince >= patience * node.timing.ttl
      return Effect.zipRight(this.tellWaiting(changes, others), isLong ? this.tellDiffering(others) : Effect.void)
    })
  }

  private tellWaiting(changes: SetPlan["steps"], others: ReadonlyArray<string>): Effect.Effect<void> {
    const waits = others.join(", ")
    if (changes.length === 0 || waits === this.told.waits || !this.speaks) return Effect.void
    this.told = { ...this.told, waits }
    const ends = changes.filter(({ does }) => does === "terminate").length
    const rest = changes.length - ends
    const what = [ends > 0 ? plural(ends, "end") : "", rest > 0 ? plural(rest, "replace or take over") : ""]
    return logInfo(
      `list "${this.list.what.name}": ${
        what.filter((text) => text !== "").join(", ")
      }; that waits for ${waits}, whose ` +
        `lists differ from this node's`
    )
  }

  private tellDiffering(others: ReadonlyArray<string>): Effect.Effect<void> {
    if (this.told.differs) return Effect.void
    this.told = { ...this.told, differs: true }
    const { list: { what: { name } }, node } = this
    node.emit(() => PogoEvent.ListsDiffer({ name, node: node.config.name, others }))
    if (!this.speaks) return Effect.void
    return logWarning(
      `list "${name}" of this node and that of ${
        others.join(", ")
      } have differed for long; nothing is ended or replaced ` +
        `meanwhile: finish the rollout, or give lists of different services different names`
    )
  }

  /** Ends and replaces what all agree upon. */
  private readonly endAndReplace = Effect.suspend(() => {
    const { list, node } = this
    return Effect.matchEffect(this.sets.keep(list, () => this.isAgreed()), {
      onFailure: (error) =>
        error._tag === "ReconcileRefused" ? this.tellRefused(printError(error)) : Effect.fail(error),
      onSuccess: (plan) => {
        this.told = { ...this.told, refused: "" }
        if (plan !== undefined) return logInfo(`list "${list.what.name}": ${counted(plan)}`)
        // Another round or session has begun meanwhile.
        return Effect.sync(() => node.session === undefined || list.news.unsafeOpen())
      }
    })
  })

  private tellRefused(why: string): Effect.Effect<void> {
    if (this.told.refused === why) return Effect.void
    this.told = { ...this.told, refused: why }
    return logWarning(why)
  }
}

const counted = ({ contended, keep, replace, terminate }: ReconcilePlan): string =>
  `${replace.length} replaced, ${terminate.length} ended, ${keep.length} kept or taken over, ` +
  `${contended.length} contended`

/** What is known of all lists: `Pogo.lists`. */
export const listStates = (node: Node): ReadonlyArray<ListState> => {
  const { list } = node.own
  const names = new Set(node.view.membership.list.flatMap(({ lists }) => Object.keys(lists)))
  if (list !== undefined) names.add(list.what.name)
  return Array.from(names).sort().map((name) => {
    const nodes = publishers(node, name)
      .map((member) => ({ name: nameOf(member), session: member.sid, digest: member.lists[name]! }))
    return {
      name,
      nodes,
      agreed: nodes.every(({ digest }) => digest === nodes[0]!.digest),
      own: list?.what.name === name
        ? { digest: list.what.digest, plan: shown(planOf(node, list)), waitsFor: othersOf(node, list) }
        : undefined
    }
  })
}
