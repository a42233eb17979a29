/**
 * What a node keeps of trials: of children whose processes died soon after they had started.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { Rounds } from "../plan/rounds.js"
import type { OwnRecord } from "./ownRecord.js"
import type { Session } from "./session.js"

/** The trials of one node. */
export class TrialState {
  /** Rounds in which such children are started. */
  readonly rounds: Rounds
  /** Open when something is new about them, or about the nodes that may try them. */
  readonly changed = Effect.unsafeMakeLatch(true)
  /** When this process opened its first session; elapsed milliseconds. */
  private first = Infinity

  constructor(ttl: number) {
    this.rounds = new Rounds(ttl)
  }

  get joinedAt(): number {
    return this.first
  }

  /** A session begins. */
  begins(now: number): void {
    this.first = Math.min(this.first, now)
    this.changed.unsafeOpen()
  }
}

/** How long a process that is to end may take to say so: half a second of fifteen, within the margin of a lease. */
const farewell = 1 / 30

/** What a node needs to end its process. */
interface Leaver {
  readonly own: OwnRecord
  readonly session: Session | undefined
  readonly lease: { readonly holds: () => boolean }
  readonly timing: { readonly ttl: number }
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => unknown
}

/**
 * Ends the process, and has the registry know before that it is on purpose: its end counts against no child. While the
 * lease holds there is a little time for that, and not more.
 */
export const exitOnPurpose = (node: Leaver, exit: () => void): void => {
  const { session } = node
  node.own.leaves()
  if (session === undefined || !node.lease.holds()) return exit()
  const told = Effect.timeout(node.own.publish(session), node.timing.ttl * farewell)
  node.fork(Effect.ensuring(Effect.ignore(told), Effect.sync(exit)))
}
