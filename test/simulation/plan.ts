/**
 * What a history is to be: everything that is decided beforehand, drawn from the seed. Plain data, so that a fault can be
 * left out and the rest played again.
 */
import type { DirectiveWhat } from "../../src/internal/registry/commands.js"
import type { RegistryConnection } from "../../src/internal/testing/testRegistry.js"
import type { Disorder } from "../../src/internal/testing/virtualWorld.js"
import type { CalledKind } from "./calls/kinds.js"
import type { CallsPlan } from "./calls/plan.js"
import type { Release } from "./sets/releases.js"
import type { SavedKind } from "./states/kinds.js"

export type PlainKind = "Steady" | "Keep" | "Task" | "Once" | "Flaky" | "Standing" | "Stubborn" | "Versioned" | "Sloppy"

export type KindName = PlainKind | CalledKind | SavedKind

export type Code = 1 | 2

/** What a client asks for. */
export type Call = "start" | "terminate" | "replace" | "restart"

export type Key = "meta" | "sess" | "node" | "spec" | "tomb" | "claim" | "stat" | "log" | "state"

export type Event =
  & { readonly at: number }
  & (
    | {
      readonly type: "call"
      readonly call: Call
      readonly id: string
      readonly node: number
      readonly content: number
    }
    | { readonly type: "crash" | "stop"; readonly node: number; readonly back: number }
    | { readonly type: "freeze" | "cordon" | "deaf" | "drain" | "twin"; readonly node: number; readonly millis: number }
    | { readonly type: "slow"; readonly node: number; readonly millis: number; readonly cost: number }
    | {
      readonly type: "cut"
      readonly node: number
      readonly millis: number
      readonly requests: ReadonlyArray<RegistryConnection>
      readonly replies: ReadonlyArray<RegistryConnection>
    }
    | { readonly type: "kind"; readonly node: number; readonly kind: KindName; readonly millis: number }
    | { readonly type: "deploy"; readonly between: number; readonly back: number }
    | { readonly type: "wall"; readonly node: number; readonly error: number }
    | { readonly type: "pause" | "jump"; readonly millis: number }
    | { readonly type: "server" | "lose" }
    | { readonly type: "copy" }
    | { readonly type: "rollback"; readonly sameServer: boolean }
    | { readonly type: "key"; readonly key: Key }
    /** `from`: the node that gives it, or -1 for a client. */
    | { readonly type: "direct"; readonly what: DirectiveWhat; readonly node: number; readonly from: number }
    | {
      readonly type: "reconcile"
      readonly kind: string
      /** Empty for the unnamed one. */
      readonly set: string
      readonly listed: ReadonlyArray<readonly [id: string, content: number]>
      /** The node that does it, or -1 for a client. */
      readonly node: number
      /** 0 for none. */
      readonly fence: number
    }
    /** A node ends, and comes back with the list of a release; -1: with none. */
    | {
      readonly type: "release"
      readonly node: number
      readonly release: number
      readonly back: number
      readonly crash: boolean
    }
    /** A node of a revision joins; one ends for good; or one ends, and comes back under its name with a revision. */
    | {
      readonly type: "roll"
      readonly how: "join" | "leave" | "replace"
      readonly node: number
      readonly revision: string
      readonly back: number
      readonly crash: boolean
    }
    /** The node `by` of a revision joins, and `node` ends for good when that one has been ready for a while. */
    | {
      readonly type: "surge"
      readonly node: number
      readonly by: number
      readonly revision: string
      readonly ready: number
      readonly crash: boolean
    }
  )

export type EventType = Event["type"]

export interface NodePlan {
  readonly name: string
  /** How fast its clock runs. */
  readonly rate: number
  /** When it is started first. */
  readonly boot: number
  readonly code: Code
  readonly kinds: ReadonlyArray<KindName>
  /** Whether it has the list of initial children. */
  readonly initial: boolean
  /** What it is when the faults are over. */
  readonly fate: "healthy" | "dead" | "frozen" | "cut"
  /** Whether its version does not know directives. */
  readonly older?: boolean
  /** The revision of the release that it begins with; none without one. */
  readonly revision?: string
  /** Whether its version does not know revisions. */
  readonly unaware?: boolean
  /** Whether it is not there until a rollout brings it. */
  readonly absent?: boolean
  /** For the fate `cut`. */
  readonly requests: ReadonlyArray<RegistryConnection>
  readonly replies: ReadonlyArray<RegistryConnection>
}

export interface Plan {
  readonly seed: number
  /** How many machines the nodes share, so that they see each other's processes end; 0 if they see nothing. */
  readonly machines: number
  readonly disorder: Disorder
  /** How bad the network is; 0 is perfect. */
  readonly noise: number
  /** The share of children that take longer to stop than they may at a fence. */
  readonly slowStops: number
  readonly registryRate: number
  /** Whether the first data set needs no quarantine. */
  readonly trust: boolean
  readonly syncInterval: number
  readonly nodes: ReadonlyArray<NodePlan>
  readonly ids: ReadonlyArray<string>
  readonly initial: ReadonlyArray<string>
  readonly events: ReadonlyArray<Event>
  /** When the faults are over. */
  readonly calm: number
  /** Whether directives are given. */
  readonly directives?: boolean
  /** Whether sets are reconciled. */
  readonly sets?: boolean
  /** Lists of code that are whole sets, if nodes have any. */
  readonly lists?: {
    /** The list of each release. */
    readonly releases: ReadonlyArray<Release>
    /** The release that each node begins with; -1: none. */
    readonly begin: ReadonlyArray<number>
  }
  /** Whether children have states. */
  readonly states?: boolean
  /** Rollouts of revisions, if there are any. */
  readonly rollouts?: {
    /** How long one may stand still until it counts as stalled. Milliseconds. */
    readonly patience: number
    /** Whether nothing else happens meanwhile, and each node has a successor before it ends: children move once. */
    readonly clean: boolean
  }
  /** Calls to children, if there are any. */
  readonly calls?: CallsPlan
}

export const kindOf = (id: string): KindName => id.slice(0, id.indexOf("/")) as KindName

/** The times of the protocol, as they are by default. */
export const timing = {
  ttl: 15_000,
  heartbeat: 2_000,
  commandTimeout: 2_000,
  maxStep: 2_500,
  margin: 7_000,
  stopBudget: 3_000,
  moveDebounce: 1_000
} as const

/** The most by which clock rates may differ from the right one, so that any two differ by less than 2 %. */
export const drift = 0.0099

/** Whether a node's clock is one that the guarantees allow for. */
export const isSane = ({ rate }: { readonly rate: number }): boolean => Math.abs(rate - 1) <= drift
