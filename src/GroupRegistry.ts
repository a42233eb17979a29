/**
 * The registry: what the nodes of a scope share. It keeps sessions and their leases, child specs and their tombstones,
 * claims with fencing tokens, and a log of what changed. Everything that it does is atomic.
 *
 * `layerMemory` is a registry inside one process, for tests, demos and single-node use. `GroupRegistryRedis` is the one
 * for production. Both obey the same rules, and are compared reply by reply in this project's tests.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Args, CommandName, Encoded, Envelope, Reply, Value } from "./internal/registry/commands.js"
import { type EmptyPolicy, makeBackend } from "./internal/registry/memory.js"
import { parseNode } from "./internal/registry/state.js"
import type { RegistryUnavailable } from "./PogoError.js"

export type {
  Args,
  BeginResult,
  ClaimAssertion,
  ClaimResult,
  CommandName,
  Commands,
  DelResult,
  DirectiveItem,
  DirectiveWhat,
  DirectResult,
  Encoded,
  Envelope,
  FinishResult,
  Item,
  NodeItem,
  Ok,
  OpenMode,
  PutMode,
  PutResult,
  Refusal,
  Reply,
  SaveResult,
  SetRound,
  StateSave,
  Value
} from "./internal/registry/commands.js"

/**
 * One member of a group.
 *
 * @since 0.1.0
 * @category models
 */
export interface Member {
  /** The session: `name#random`. */
  readonly sid: string
  /** The node's record, as JSON. */
  readonly record: string
}

type CommandCall<K extends CommandName> = (
  envelope: Envelope,
  args: Args<K>
) => Effect.Effect<Reply<Value<K>>, RegistryUnavailable>

/**
 * The registry service. Its commands are those of the ownership protocol (`docs/protocol.md`); applications use `Pogo`
 * instead, and from here at most `members`.
 *
 * @since 0.1.0
 * @category tags
 */
export class GroupRegistry extends Context.Tag("effect-pogo/GroupRegistry")<GroupRegistry, {
  /** What it is and where, for logs. */
  readonly description: string
  /** Renews a session's lease. */
  readonly tick: CommandCall<"tick">
  /** Makes a session live, after it asserted the claims that it brings along. */
  readonly open: CommandCall<"open">
  /** Replaces a node's record. */
  readonly update: CommandCall<"update">
  /** Ends a session. */
  readonly close: CommandCall<"close">
  /** Registers child specs. */
  readonly put: CommandCall<"put">
  /** Ends child specs, leaving tombstones. */
  readonly del: CommandCall<"del">
  /** Merges what a node remembers into a new era. */
  readonly merge: CommandCall<"merge">
  /** Asks for the exclusive right to run children; grants carry fencing tokens. */
  readonly claim: CommandCall<"claim">
  /** Gives claims back. */
  readonly release: CommandCall<"release">
  /** Stores the status of children. */
  readonly report: CommandCall<"report">
  /** Ends or parks children, and gives their claims back. */
  readonly finish: CommandCall<"finish">
  /** Reads what changed after a position of the log. */
  readonly changes: CommandCall<"changes">
  /** Reads everything, page by page. */
  readonly snap: CommandCall<"snap">
  /** Reads the live sessions and their records, and the directives for nodes. */
  readonly nodes: CommandCall<"nodes">
  /** Tells the node of a name to cordon or drain itself, or undoes that. */
  readonly direct: CommandCall<"direct">
  /** Begins a round of reconciling a set. */
  readonly begin: CommandCall<"begin">
  /** Reads what happened to children and nodes, page by page. */
  readonly history: CommandCall<"history">
  /** The live members of a group of a scope: `nodes`, or `kind:X` for the nodes that have the kind X. */
  readonly members: (scope: string, group: string) => Effect.Effect<ReadonlyArray<Member>, RegistryUnavailable>
  /** Calls the listener whenever something changed. */
  readonly onWake: Encoded["onWake"]
  readonly newsDelay: Encoded["newsDelay"]
  /** Any command by its name: what the methods above are made of. */
  readonly execute: Encoded["execute"]
}>() {}

/** An envelope of a caller that belongs to no session. */
const strangerEnvelope = (scope: string, era: string): Envelope => ({
  scope,
  era,
  notAfter: Infinity,
  high: 0,
  seconds: 0,
  bits: "members",
  ttl: 15_000,
  maxStep: 2_500
})

const isMember = (record: string, group: string): boolean => {
  if (group === "nodes") return true
  try {
    const kinds: unknown = (JSON.parse(record) as { readonly kinds?: unknown }).kinds
    return typeof kinds === "object" && kinds !== null && Object.hasOwn(kinds, group.replace(/^kind:/, ""))
  } catch {
    return false
  }
}

const makeMembers = (execute: Encoded["execute"]) => (scope: string, group: string) =>
  Effect.gen(function*() {
    const probe = yield* execute("nodes", strangerEnvelope(scope, ""), {})
    const era = probe._tag === "ERA" ? probe.era : ""
    const reply = yield* execute("nodes", strangerEnvelope(scope, era), {})
    if (reply._tag !== "OK") return []
    return reply.value.nodes
      .map(({ record, sid }) => ({ sid, record: parseNode(record)?.json ?? "" }))
      .filter(({ record }) => isMember(record, group))
  })

/**
 * The registry service's shape.
 *
 * @since 0.1.0
 * @category models
 */
type RegistryService = GroupRegistry["Type"]

export type { RegistryService as Service }

/**
 * Makes a registry of a backend.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEncoded = (encoded: Encoded): RegistryService => {
  const call = <K extends CommandName>(name: K): CommandCall<K> => (envelope, args) =>
    encoded.execute(name, envelope, args)
  return GroupRegistry.of({
    description: encoded.description,
    newsDelay: encoded.newsDelay,
    tick: call("tick"),
    open: call("open"),
    update: call("update"),
    close: call("close"),
    put: call("put"),
    del: call("del"),
    merge: call("merge"),
    claim: call("claim"),
    release: call("release"),
    report: call("report"),
    finish: call("finish"),
    changes: call("changes"),
    snap: call("snap"),
    nodes: call("nodes"),
    direct: call("direct"),
    begin: call("begin"),
    history: call("history"),
    members: makeMembers(encoded.execute),
    onWake: encoded.onWake,
    execute: encoded.execute
  })
}

/**
 * Options of the in-memory registry.
 *
 * @since 0.1.0
 * @category models
 */
export interface MemoryOptions {
  /**
   * What to do when a scope holds no data at all. `"trust"` (the default here) takes it for a new scope and grants
   * claims at once; `"settle"` waits one `ttl` first, as Redis does, since the data may have been lost.
   */
  readonly onEmpty?: EmptyPolicy | undefined
}

/**
 * Makes a registry inside this process, to be shared by several supervisors as one value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (options: MemoryOptions = {}): Effect.Effect<RegistryService> =>
  Effect.map(makeBackend(options.onEmpty ?? "trust"), ({ encoded }) => makeEncoded(encoded))

/**
 * A registry inside this process. Supervisors that are built from the same layer value share it.
 *
 * @example
 * ```ts
 * import { Child, GroupRegistry, Pogo, PogoLive } from "effect-pogo"
 * import { Effect, Layer } from "effect"
 *
 * const Ticker = Child.make("Ticker", { payload: {} })
 * const TickerLive = Ticker.toLayer(() => Effect.never)
 *
 * const program = Effect.gen(function*() {
 *   yield* Pogo.startChild(Ticker.spec("one", {}))
 *   const { node } = yield* Pogo.awaitChild(Ticker.id("one"))
 *   yield* Effect.log(`runs on ${node}`)
 * })
 *
 * program.pipe(
 *   Effect.provide(TickerLive.pipe(Layer.provideMerge(PogoLive), Layer.provide(GroupRegistry.layerMemory)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<GroupRegistry> = Layer.effect(GroupRegistry, makeMemory())
