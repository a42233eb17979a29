/**
 * An index over a node's view: one prepared line per child, in the order of ids, kept up by the view's changes, so that a
 * question costs a filter over lines. It is made when somebody first asks, and dropped when nobody does any more. All work
 * is done in slices, between which others have a turn.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { sketchOf } from "../node/childStatus.js"
import type { Node } from "../node/node.js"
import type { Entry } from "../replica/replica.js"
import { eachSlice, insertSorted, mergeInSlices, slice, sortInSlices } from "../runtime/slices.js"
import type { Status } from "./answers.js"
import { type Comparable, isTrouble } from "./childQuery.js"

/** A child, as far as it is searched, sorted and counted. */
export interface IndexLine extends Comparable {
  readonly id: string
  lower: string
  kind: string
  status: Status
  node: string | undefined
  last: string | undefined
  set: string | undefined
  revision: string | undefined
  restarts: number
  since: number
  token: number
  /** It is forgotten, and no longer counts. */
  gone: boolean
}

/** The children of a node, and those of them that do not run as they should. */
export interface NodeCount {
  all: number
  trouble: number
}

const byId = (a: IndexLine, b: IndexLine): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

/** The lines of all children that a node knows. */
export class ChildIndex {
  private readonly byId = new Map<string, IndexLine>()
  /** In the order of ids. Never changed in place: who reads it in slices keeps what he has. */
  private sorted: ReadonlyArray<IndexLine> = []
  /** Children about which something is new. */
  private dirty = new Set<string>()
  /** Whether nothing was looked at yet. */
  private isNew = true
  /** Whether the membership, or this node's standing, is another: then whatever no live node holds is looked at anew. */
  private isShaken = false
  /** Counts the changes. */
  version = 0
  /** Open when something has changed since it was closed. */
  readonly news = Effect.unsafeMakeLatch()
  /** Children by status, as of the last look. */
  readonly counts = new Map<Status, number>()
  /** And by the node that holds them. */
  readonly nodes = new Map<string, NodeCount>()
  private readonly lock = Effect.unsafeMakeSemaphore(1)

  constructor(private readonly node: Node) {}

  /** All children, as of the last look. */
  get total(): number {
    return this.byId.size
  }

  private readonly listener = (id: string | undefined): void => {
    this.version++
    this.news.unsafeOpen()
    if (id === undefined) this.isShaken = true
    else this.dirty.add(id)
  }

  /** Follows the view's changes for as long as the scope lives. */
  readonly follow: Effect.Effect<void, never, Scope.Scope> = Effect.acquireRelease(
    Effect.sync(() => this.node.watchers.all.add(this.listener)),
    () => Effect.sync(() => this.node.watchers.all.delete(this.listener))
  )

  /** All lines as of now, in the order of ids. */
  readonly lines: Effect.Effect<ReadonlyArray<IndexLine>> = Effect.suspend(() =>
    this.dirty.size === 0 && !this.isShaken && !this.isNew
      ? Effect.succeed(this.sorted)
      : this.lock.withPermits(1)(this.catchUp)
  )

  private readonly catchUp: Effect.Effect<ReadonlyArray<IndexLine>> = Effect.gen(this, function*() {
    if (this.isShaken) {
      this.isShaken = false
      yield* eachSlice(this.node, this.sorted, 5 * slice, ({ id }) => {
        if (!this.isSteady(id)) this.dirty.add(id)
      })
    }
    const changed = this.isNew ? this.node.view.entries.keys() : this.dirty
    this.isNew = false
    this.dirty = new Set()
    const added: Array<IndexLine> = []
    let gone = 0
    yield* eachSlice(this.node, changed, slice, (id) => {
      const line = this.update(id)
      if (line === "gone") gone++
      else if (line !== undefined) added.push(line)
    })
    if (gone > 0) this.sorted = this.sorted.filter((line) => !line.gone)
    const newer = added.filter((line) => !line.gone)
    if (newer.length > 0) {
      const sorted = yield* sortInSlices(this.node, newer, byId)
      this.sorted = this.sorted.length === 0 ? sorted : yield* this.joined(sorted)
    }
    return this.sorted
  })

  private joined(sorted: ReadonlyArray<IndexLine>): Effect.Effect<ReadonlyArray<IndexLine>> {
    return sorted.length <= slice
      ? Effect.succeed(insertSorted(this.sorted, sorted, byId))
      : mergeInSlices(this.node, this.sorted, sorted, byId)
  }

  /** Whether a live session other than a fenced one of this node holds the child: then its status is what was reported. */
  private isSteady(id: string): boolean {
    const { lease, session, view } = this.node
    const claim = view.entries.get(id)?.claim
    if (claim === undefined || !view.membership.isLive(claim.sid)) return false
    const line = this.byId.get(id)
    return line !== undefined && line.status !== "Pending" && (lease.holds() || claim.sid !== session?.sid)
  }

  /** Makes a child's line what the view says: the line if it is new, `gone` if there is none any more. */
  private update(id: string): IndexLine | "gone" | undefined {
    const entry = this.node.view.entries.get(id)
    const line = this.byId.get(id)
    if (entry === undefined) {
      if (line === undefined) return undefined
      this.byId.delete(id)
      this.count(line, -1)
      line.gone = true
      return "gone"
    }
    const fields = this.fieldsOf(entry)
    this.count(fields, 1)
    if (line !== undefined) {
      this.count(line, -1)
      Object.assign(line, fields)
      return undefined
    }
    const made: IndexLine = { id, gone: false, lower: id.toLowerCase(), ...fields }
    this.byId.set(id, made)
    return made
  }

  private count({ node, status }: Pick<IndexLine, "node" | "status">, by: number): void {
    this.counts.set(status, (this.counts.get(status) ?? 0) + by)
    if (node === undefined) return
    const known = this.nodes.get(node) ?? { all: 0, trouble: 0 }
    known.all += by
    if (isTrouble({ status })) known.trouble += by
    if (known.all === 0) this.nodes.delete(node)
    else this.nodes.set(node, known)
  }

  private fieldsOf(entry: Entry): Omit<IndexLine, "id" | "lower" | "gone"> {
    const { last, node, restarts, revision, since, status, token } = sketchOf(this.node, entry, this.node.lease.holds())
    const { id, spec } = entry
    return {
      kind: spec?.kind ?? id.slice(0, id.indexOf("/")),
      status: status._tag,
      node,
      last,
      set: spec?.set,
      revision,
      restarts,
      since,
      token
    }
  }
}
