/**
 * Ends the session of a node of the same machine as soon as its process is gone, however long its lease would last. A
 * process that is gone runs no child, so its claims are free; one that is merely silent is left to its lease.
 *
 * Each node watches the next one of its machine in the order of their sessions, so that a machine's cost grows with its
 * nodes, not with their square. Only a process that this node has seen alive is ever taken for gone: whatever is wrong
 * with a number or a name, it belonged to a process that could be seen from here.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { request } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import type { ScopeMember } from "../replica/membership.js"
import type { ProcessId } from "../runtime/processTable.js"

/** A node of this machine, in another process. */
interface Neighbour {
  readonly sid: string
  readonly name: string
  readonly process: ProcessId
}

const isNeighbour = (self: ProcessId, member: ScopeMember): member is ScopeMember & Neighbour =>
  member.process !== undefined && member.process.host === self.host && member.process.pid !== self.pid

/** The nodes of this machine, the next one in the order of sessions first. */
const inTurn = (node: Node, self: ProcessId, session: Session): ReadonlyArray<Neighbour> => {
  const all = node.view.membership.list.filter((member) => isNeighbour(self, member)) as ReadonlyArray<Neighbour>
  const after = all.filter(({ sid }) => sid > session.sid)
  return [...after, ...all.filter(({ sid }) => sid < session.sid)]
}

/** What this node knows of its machine. */
class Neighbourhood {
  private seen = new Set<string>()
  private readonly ended = new Set<string>()
  private neighbours: ReadonlyArray<Neighbour> = []
  readonly changed = Effect.unsafeMakeLatch(true)

  constructor(private readonly node: Node, private readonly self: ProcessId, private readonly session: Session) {}

  /** The membership is another: the new ones are looked at once. */
  renew(): void {
    this.neighbours = inTurn(this.node, this.self, this.session)
    const seen = this.neighbours.filter(({ process, sid }) =>
      this.seen.has(sid) || this.node.processes.look(process) === "alive"
    )
    this.seen = new Set(seen.map(({ sid }) => sid))
    this.changed.unsafeOpen()
  }

  /** The one to watch now. */
  get next(): Neighbour | undefined {
    return this.neighbours.find(({ sid }) => this.seen.has(sid) && !this.ended.has(sid))
  }

  /** Ends the session of the one that is watched if its process is gone. */
  watch({ name, process, sid }: Neighbour): Effect.Effect<void> {
    if (this.node.processes.look(process) !== "gone") return Effect.sleep(this.node.processes.every)
    this.ended.add(sid)
    return request(this.node, this.session, "close", { sid }).pipe(
      Effect.zipRight(Effect.logInfo(
        `the process of node "${name}" (pid ${process.pid}) is gone; its children are taken over without waiting for ` +
          `the end of its lease`
      )),
      Effect.catchAll(() => {
        this.ended.delete(sid)
        return Effect.sleep(this.node.timing.heartbeat / 4)
      })
    )
  }
}

/** Watches for as long as the session lasts; costs nothing while there is nobody to watch. */
export const watchNeighbours = (node: Node, session: Session): Effect.Effect<never> =>
  Effect.suspend(() => {
    const { self } = node.processes
    if (self === undefined || !node.config.watchProcesses) return Effect.never
    const hood = new Neighbourhood(node, self, session)
    const renew = () => hood.renew()
    const step = Effect.suspend(() => {
      const { next } = hood
      if (next !== undefined) return hood.watch(next)
      hood.changed.unsafeClose()
      return hood.changed.await
    })
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        node.onMembers.add(renew)
        renew()
      }),
      () => Effect.forever(step),
      () => Effect.sync(() => node.onMembers.delete(renew))
    )
  })
