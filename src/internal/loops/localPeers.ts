/**
 * Watching the other nodes of this machine: ending a session as soon as its process is gone, however long its lease
 * would last. A process that is gone runs no child, so its claims are free; one that is merely silent is left to its
 * lease.
 *
 * Each node watches the next one of its machine in the order of their sessions, so that a machine's cost grows with its
 * nodes, not with their square. Only a process that certainly was on this machine is ever taken for gone: one that this
 * node has seen alive, or one that has left a proof here. The latter is the predecessor of a node that was killed and
 * started again with nobody beside it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { Node } from "../node/node.js"
import { request } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import type { ScopeMember } from "../replica/nodeRecord.js"
import { untilSuccess } from "../runtime/environment.js"
import type { ProcessId } from "../runtime/processTable.js"
import { logInfo } from "../runtime/userCode.js"

/** A node of this machine, in another process. */
interface Neighbour {
  readonly sid: string
  readonly name: string
  readonly process: ProcessId
}

const isNeighbour = (self: ProcessId, member: ScopeMember): member is ScopeMember & Neighbour =>
  member.process !== undefined && member.process.host === self.host &&
  (member.process.pid !== self.pid || member.process.start !== self.start)

/** The other nodes of this machine in the order of their sessions, beginning behind this node's own. */
const inTurn = (node: Node, self: ProcessId, session: Session): ReadonlyArray<Neighbour> => {
  const all = node.view.membership.list.filter((member) => isNeighbour(self, member)) as ReadonlyArray<Neighbour>
  const after = all.filter(({ sid }) => sid > session.sid)
  return [...after, ...all.filter(({ sid }) => sid < session.sid)]
}

/** The other nodes of this machine, as this node has seen them. */
class Neighbourhood {
  private seen = new Set<string>()
  private readonly ended = new Set<string>()
  private neighbours: ReadonlyArray<Neighbour> = []
  readonly changed = Effect.unsafeMakeLatch(true)

  constructor(private readonly node: Node, private readonly self: ProcessId, private readonly session: Session) {}

  /** Takes over another membership. Each new process is looked at once. */
  renew(): void {
    this.neighbours = inTurn(this.node, this.self, this.session)
    const seen = this.neighbours.filter(({ process, sid }) => this.seen.has(sid) || this.wasHere(process))
    this.seen = new Set(seen.map(({ sid }) => sid))
    this.changed.unsafeOpen()
  }

  /** Whether a process certainly is, or was, one of this machine. */
  private wasHere(process: ProcessId): boolean {
    const { look, proofs } = this.node.processes
    return look(process) === "alive" || (process.proof !== undefined && proofs.has(process.proof))
  }

  /** The node to watch now. */
  get next(): Neighbour | undefined {
    return this.neighbours.find(({ sid }) => this.seen.has(sid) && !this.ended.has(sid))
  }

  /** Ends a node's session if its process is gone; otherwise waits until it is to be looked at again. */
  watch({ name, process, sid }: Neighbour): Effect.Effect<void, RegistryUnavailable> {
    if (this.node.processes.look(process) !== "gone") return Effect.sleep(this.node.processes.every)
    this.ended.add(sid)
    return request(this.node, this.session, "close", { sid, gone: true }).pipe(
      Effect.zipRight(logInfo(
        `the process of node "${name}" (pid ${process.pid}) is gone; its children are taken over without waiting for ` +
          `the end of its lease`
      )),
      Effect.tap(() =>
        Effect.sync(() => process.proof === undefined || this.node.processes.proofs.remove(process.proof))
      ),
      Effect.tapError(() => Effect.sync(() => this.ended.delete(sid)))
    )
  }
}

/** Watches for as long as the session lasts; costs nothing while there is nobody to watch. */
export const watchNeighbours = (node: Node, session: Session): Effect.Effect<never> =>
  Effect.suspend(() => {
    const { self } = node.processes
    if (self === undefined || !node.config.watchProcesses) return Effect.never
    const hood = new Neighbourhood(node, self, session)
    const step = Effect.suspend(() => {
      const { next } = hood
      if (next !== undefined) return hood.watch(next)
      hood.changed.unsafeClose()
      return hood.changed.await
    })
    const renewals = Stream.runForEach(node.members.changes, () => Effect.sync(() => hood.renew()))
    return Effect.zipRight(Effect.forkScoped(renewals), untilSuccess(Effect.forever(step), node.retries))
  }).pipe(Effect.scoped)
