/**
 * What this node says of itself: the record that it publishes under its session, and by which the others judge it. The
 * only writer of its fields; every change of what the record says makes it a new version, and is published.
 *
 * Whatever makes a node take no children belongs here: its own cordon and drain, and those that a directive asks for.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Resolved } from "../../PogoConfig.js"
import type { RegistryUnavailable } from "../../PogoError.js"
import type { Registration } from "../kind/registration.js"
import type { KnownDirective } from "../replica/knownDirectives.js"
import { encodeNodeRecord, knowledge, type NodeRecord } from "../replica/nodeRecord.js"
import { untilSuccess } from "../runtime/environment.js"
import type { ProcessId } from "../runtime/processTable.js"
import type { OwnList } from "./ownList.js"
import { accepted, type Requester } from "./registryRequest.js"
import type { Session } from "./session.js"

/** What the record says besides its own fields. */
interface Described extends Requester {
  readonly config: Resolved
  readonly kinds: ReadonlyMap<string, Registration>
  readonly era: { readonly lastSid: string }
  readonly capacity: { readonly full: boolean }
  readonly rollout: Pick<NodeRecord, "enough" | "fresh" | "attracts" | "settled"> & { readonly attract: () => void }
  readonly processes: { readonly self: ProcessId | undefined }
}

/** The record of one node. */
export class OwnRecord {
  /** Whether the node's own process cordoned it, and drained it: directives are apart from that. */
  private readonly ownCordon: boolean = false
  private readonly ownDrain: boolean = false
  /** Whether another live node has this one's name: both are placed by their sessions then. */
  readonly duplicateName: boolean = false
  /** Where others reach this node; empty if they cannot. */
  readonly address: string = ""
  /** Name of the proof that this node left on its machine. */
  readonly proof: string | undefined = undefined
  /** The list that the node keeps as a whole set, if it has one. */
  readonly list: OwnList | undefined = undefined
  /** How long the node's process has been in the scope, as others need to know it; see `NodeRecord`. */
  readonly lived: number = -1
  /** Whether the process is about to end on purpose: its end counts against no child. */
  readonly leaving: boolean = false
  private version = 1
  private publishedVersion = 0
  private readonly newer = Effect.unsafeMakeLatch(false)

  constructor(private readonly node: Described) {}

  private set(
    fields:
      & { readonly ownCordon?: boolean; readonly ownDrain?: boolean }
      & Partial<
        Pick<OwnRecord, "duplicateName" | "address" | "proof" | "list" | "lived" | "leaving">
      >
  ): void {
    Object.assign(this, fields)
  }

  /** The newest directive for this node's name that it has read; it may be an undo. Only the node itself acts on it. */
  get directive(): KnownDirective | undefined {
    return this.node.view.directives.of(this.node.config.name)
  }

  /** Whether the node keeps the children that it has, and takes no new ones: by its own word, or by a directive. */
  get cordoned(): boolean {
    return this.ownCordon || this.directive?.what === "cordon"
  }

  /** Whether the node gives up its children, and takes no new ones: by its own word, or by a directive. */
  get draining(): boolean {
    return this.ownDrain || this.directive?.what === "drain"
  }

  /** Takes no new children. */
  cordon(): void {
    this.set({ ownCordon: true })
    this.changed()
  }

  /** Takes children again, unless a directive stands; ends the node's own drain, too. */
  uncordon(): void {
    this.set({ ownCordon: false, ownDrain: false })
    this.takesAgain()
  }

  /** Takes children, or other ones than before: also those that run elsewhere and belong here. */
  takesAgain(): void {
    this.node.rollout.attract()
    this.changed()
  }

  /** Begins to drain; the caller publishes. */
  drain(): void {
    this.set({ ownDrain: true })
  }

  /** Has been in the scope for so long, which matters to a child that waits for a trial; -1: to none. */
  hasLived(lived: number): void {
    if (lived === this.lived) return
    this.set({ lived })
    this.changed()
  }

  /** Begins to leave on purpose; the caller publishes. */
  leaves(): void {
    this.set({ leaving: true })
  }

  /** Found a live node of the same name. */
  foundDuplicate(): void {
    this.set({ duplicateName: true })
    this.changed()
  }

  /** Begins a new session, of which nothing is known yet. */
  beginsSession(): void {
    this.set({ duplicateName: false })
  }

  /** Is reachable at an address, before it joins. */
  listensAt(address: string): void {
    this.set({ address })
  }

  /** Has a list that it keeps, before it joins. */
  keepsList(list: OwnList): void {
    this.set({ list })
  }

  /** Left a proof on its machine, before it joins. */
  leftProof(proof: string | undefined): void {
    this.set({ proof })
  }

  /** The record says something else now: it is to be published. */
  changed(): void {
    this.version++
    this.newer.unsafeOpen()
  }

  /** The record as it is now. */
  read(): NodeRecord {
    const { config, phase, processes, rollout } = this.node
    const kinds = Object.fromEntries(Array.from(this.node.kinds, ([kind, { code }]) => [kind, code]))
    const { labels, name, namedByPid, watchProcesses, weight } = config
    return {
      name,
      weight,
      labels,
      kinds,
      cordoned: this.cordoned,
      draining: this.draining,
      joining: phase !== "active",
      returning: phase !== "active" && this.node.era.lastSid !== "",
      full: this.node.capacity.full,
      enough: rollout.enough,
      duplicateName: this.duplicateName,
      process: watchProcesses && processes.self !== undefined ? { ...processes.self, proof: this.proof } : undefined,
      address: this.address,
      knows: knowledge,
      obeys: this.directive?.stamp ?? 0,
      lived: this.lived,
      namedByPid,
      lists: this.list === undefined ? {} : { [this.list.what.name]: this.list.what.digest },
      revision: config.revision,
      fresh: rollout.fresh,
      attracts: rollout.attracts,
      settled: rollout.settled
    }
  }

  /** The record as it is sent, and its version. */
  encode(): { readonly version: number; readonly record: string } {
    return { version: this.version, record: encodeNodeRecord(this.read()) }
  }

  /** Notes that the registry has a version. */
  published(version: number): void {
    this.publishedVersion = Math.max(this.publishedVersion, version)
  }

  /** Publishes the newest version. */
  publish(session: Session): Effect.Effect<void, RegistryUnavailable> {
    return Effect.suspend(() => {
      const { record, version } = this.encode()
      return Effect.map(
        accepted(this.node, session, "update", { sid: session.sid, version, record, leaving: this.leaving }),
        () => this.published(version)
      )
    })
  }

  /** Publishes every new version, for as long as a session lasts. Changes while one is on its way go with the next. */
  keepPublished(session: Session): Effect.Effect<never> {
    const step = Effect.gen(this, function*() {
      yield* this.newer.await
      yield* Effect.yieldNow()
      if (this.publishedVersion >= this.version) return this.newer.unsafeClose()
      yield* this.publish(session)
    })
    return untilSuccess(Effect.forever(step), this.node.retries)
  }
}
