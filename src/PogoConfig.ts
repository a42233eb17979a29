/**
 * The settings of a supervisor. Each may be given in code, or through Effect's `Config` as `POGO_*` (from the
 * environment, unless another `ConfigProvider` is installed).
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as os from "node:os"
import type { Any, Labels } from "./ChildSpec.js"
import { type Exactly, isExactly, setOfList } from "./internal/kind/exactList.js"
import { checkIntensity } from "./internal/kind/runOptions.js"
import { maxTime } from "./internal/registry/bounds.js"
import { type KeepEnded, tombstoneCount, tombstoneRetention } from "./internal/registry/commands.js"
import { historyAge, historyCount, type KeepHistory } from "./internal/registry/historyRecords.js"
import { resolve as resolveTiming, type Timing } from "./internal/registry/timing.js"
import { durationSetting, namesSet, nearest, readLabels } from "./internal/runtime/environmentSettings.js"
import { logWarning } from "./internal/runtime/userCode.js"
import { isName, nameRule, optional, optionalText, overridden } from "./internal/runtime/userInput.js"
import { checkLabels, flag, millis, positive, refuse } from "./internal/settingChecks.js"
import type { InvalidConfig } from "./PogoError.js"
import type { Intensity } from "./Restart.js"

/**
 * When running children move to a node that joins.
 *
 * @since 0.1.0
 * @category models
 */
export type Rebalance = "always" | "onLoss"

/**
 * Settings, all optional. Durations below are for the default `ttl`; those marked *scales* keep their share of it.
 *
 * @since 0.1.0
 * @category models
 */
interface PogoOptions {
  /**
   * This node's name: stable over restarts, and unique among the live nodes of the scope. A node that comes back under
   * its name gets the same children back. Default: host name and process id. `POGO_NODE_NAME`.
   */
  readonly name?: string | undefined
  /** Nodes of one scope on one registry share children. Default `"default"`. `POGO_SCOPE`. */
  readonly scope?: string | undefined
  /**
   * Children that exist from the beginning: every node may name them, one is started. One that was terminated on purpose
   * stays terminated, and a line says how it comes back. A plain list only adds; `Pogo.exactly(specs)` ends what it no
   * longer names, too. Default none. Not in the environment.
   */
  readonly children?: ReadonlyArray<Any> | Exactly | undefined
  /**
   * How long a node is believed alive without a sign of life. A crashed node's children run elsewhere after about this
   * long; a pause of the process, or an outage of the registry, of more than half of it stops the node's children.
   * Default 15 seconds, minimum 500 milliseconds. The same on all nodes of a scope. `POGO_TTL`.
   */
  readonly ttl?: Duration.DurationInput | undefined
  /** Between signs of life. Scales; default 2 seconds. `POGO_HEARTBEAT`. */
  readonly heartbeat?: Duration.DurationInput | undefined
  /** How long a call to the registry may take. Scales; default 2 seconds. `POGO_COMMAND_TIMEOUT`. */
  readonly commandTimeout?: Duration.DurationInput | undefined
  /**
   * The most by which one command advances the registry's clock, so that neither its outage nor a jump of its wall clock
   * ends leases. Scales; default 2.5 seconds. The same on all nodes of a scope. `POGO_MAX_STEP`.
   */
  readonly maxStep?: Duration.DurationInput | undefined
  /** How long before the end of its lease a node stops its children. Scales; default 7 seconds. `POGO_MARGIN`. */
  readonly margin?: Duration.DurationInput | undefined
  /** How long children may take to end when the lease is lost. Scales; default 3 seconds. `POGO_STOP_BUDGET`. */
  readonly stopBudget?: Duration.DurationInput | undefined
  /**
   * How long the membership must be quiet before running children move to another node. Children of a lost or draining
   * node never wait. Scales; default 1 second. `POGO_MOVE_DEBOUNCE`.
   */
  readonly moveDebounce?: Duration.DurationInput | undefined
  /**
   * How many children a node moves away at a time, at most. It moves as few at a time as brings all through in about five
   * `moveDebounce`: the fewer go together, the shorter each is down. One that takes longer than `moveDebounce` to stop
   * keeps nobody waiting, and does not count. Default 16, minimum 1. `POGO_MOVE_PARALLEL`.
   */
  readonly moveParallel?: number | undefined
  /**
   * How long the registry and each node remember that a child ended, so that a node which missed its end does not bring it
   * back after a loss of data. Default 1 day, minimum 1 minute. `POGO_KEEP_ENDED`.
   */
  readonly keepEnded?: Duration.DurationInput | undefined
  /**
   * How many ended children are remembered, at most; the oldest are forgotten first. Each costs about 300 bytes in Redis
   * and in every node. A node that missed more than the last so many ends drops its memory when the registry loses
   * its data: what only it knew is gone then. Children of initial lists do not count. Default 50,000, minimum 1,000.
   * `POGO_MAX_ENDED`.
   */
  readonly maxEnded?: number | undefined
  /**
   * How long the registry remembers what happened (`Pogo.history`). Default 7 days, minimum 1 minute.
   * `POGO_KEEP_HISTORY`.
   */
  readonly keepHistory?: Duration.DurationInput | undefined
  /**
   * How many entries of the history are remembered at least; four per child, if that is more. Each costs about 150 bytes
   * in Redis. With 0 this node's commands leave none. Otherwise at least 1,000; default 20,000. `POGO_MAX_HISTORY`.
   */
  readonly maxHistory?: number | undefined
  /** Between passes over everything, in case an event was lost. Scales; default 30 seconds. `POGO_SYNC_INTERVAL`. */
  readonly syncInterval?: Duration.DurationInput | undefined
  /**
   * How long the layer waits for this node to join its scope, before it fails. With 0 it does not wait: the node joins
   * in the background, and tries for ever. Default 1 minute. `POGO_JOIN_TIMEOUT`.
   */
  readonly joinTimeout?: Duration.DurationInput | undefined
  /**
   * How long children may take to end when the supervisor, or the layer of their kind, is closed. Layers that close one
   * after the other share it, and a kind leaves a quarter of what is left to those behind. In its first tenth children
   * go to other nodes a few at a time. Keep it some seconds below the grace period of whatever stops the process. Default
   * 20 seconds. `POGO_DRAIN_TIMEOUT`.
   */
  readonly drainTimeout?: Duration.DurationInput | undefined
  /** Labels of this node, for children that require or prefer some. Default none. `POGO_LABELS=zone=a,disk=ssd`. */
  readonly labels?: Labels | undefined
  /** How many children this node gets relative to others. Default 1, above 0. `POGO_WEIGHT`. */
  readonly weight?: number | undefined
  /**
   * The most children that this node takes, at least 1. A node that loses its lease has `stopBudget` to stop them all,
   * and guarantee 1 rests on that. Children for which no node has room are `Pending`. Default 15,000 for the default
   * `stopBudget` of 3 seconds, and as much more as that is longer: measured for children with a scope, a finalizer and a
   * fiber of their own. `POGO_MAX_CHILDREN`.
   */
  readonly maxChildren?: number | undefined
  /**
   * The release that this process runs, as any text that is not empty: a tag, a commit, a build. While nodes of two
   * revisions are there, children go to the newest one that has room, those of the older nodes when their node ends: each
   * moves once. The newest is the one that a name took on last, an older text that is deployed again too; a restart under
   * the same name changes nothing. Give all nodes a revision. Default none: nodes are alike. `POGO_REVISION`.
   */
  readonly revision?: string | undefined
  /**
   * How long a rollout may stand still, no new node of the newest revision coming, until children are placed over the
   * nodes of all revisions again. Default 10 minutes, above 0. `POGO_ROLLOUT_PATIENCE`.
   */
  readonly rolloutPatience?: Duration.DurationInput | undefined
  /**
   * Whether running children of others move to this node when it joins, so that all have their share (`"always"`), or
   * it only takes new ones and those of lost and draining nodes (`"onLoss"`). Default `"always"`. `POGO_REBALANCE`.
   */
  readonly rebalance?: Rebalance | undefined
  /**
   * The most restarts of one child within a time, for kinds that set none: one more and it is `failed`. Default off.
   * `POGO_MAX_RESTARTS` and `POGO_MAX_RESTARTS_WITHIN`.
   */
  readonly intensity?: Intensity | undefined
  /**
   * Take over at once, without waiting for the end of its lease, what a node on this machine ran whose process is gone.
   * Works between processes that see each other in `/proc` (Linux, one pid namespace), and for a lone process that was
   * killed and is started again, by a file that it left in the folder for temporary files. Default on.
   * `POGO_WATCH_PROCESSES`.
   */
  readonly watchProcesses?: boolean | undefined
  /**
   * How long a call to a child may take, the wait for a child that is starting or moving included, unless the call says
   * otherwise. Default 5 seconds. `POGO_CALL_TIMEOUT`.
   */
  readonly callTimeout?: Duration.DurationInput | undefined
  /**
   * Whether calls make spans, on both sides, that join the caller's trace. Default false: a span costs more than a local
   * call. `POGO_TRACE_CALLS`.
   */
  readonly traceCalls?: boolean | undefined
}

export type { PogoOptions as Options }

/**
 * Settings that were checked, with all defaults.
 *
 * @since 0.1.0
 * @category models
 */
export interface Resolved {
  readonly name: string
  readonly scope: string
  readonly children: ReadonlyArray<Any> | Exactly
  /** Whether the name holds the process id: a restart has another name then. */
  readonly namedByPid: boolean
  readonly timing: Timing
  readonly moveParallel: number
  /** Which ended children are remembered. */
  readonly keepEnded: KeepEnded
  readonly keepHistory: KeepHistory
  /** Milliseconds. */
  readonly joinTimeout: number
  /** Milliseconds. */
  readonly drainTimeout: number
  readonly labels: Labels
  readonly weight: number
  readonly maxChildren: number
  /** Empty for none. */
  readonly revision: string
  /** Milliseconds. */
  readonly rolloutPatience: number
  readonly rebalance: Rebalance
  readonly intensity: Intensity | undefined
  readonly watchProcesses: boolean
  /** Milliseconds. */
  readonly callTimeout: number
  readonly traceCalls: boolean
}

/**
 * The defaults that do not depend on the machine.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaults = {
  scope: "default",
  ttl: Duration.seconds(15),
  moveParallel: 16,
  keepEnded: Duration.millis(tombstoneRetention),
  maxEnded: tombstoneCount,
  keepHistory: Duration.millis(historyAge),
  maxHistory: historyCount,
  joinTimeout: Duration.minutes(1),
  drainTimeout: Duration.seconds(20),
  weight: 1,
  rolloutPatience: Duration.minutes(10),
  rebalance: "always",
  watchProcesses: true,
  callTimeout: Duration.seconds(5)
} as const

/**
 * All settings that the environment may give. Durations are written `500ms`, `5s`, `1m`, `2h`, `15 seconds`, or `0`.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<PogoOptions> = Config.all({
  name: optionalText("POGO_NODE_NAME"),
  scope: optionalText("POGO_SCOPE"),
  ttl: durationSetting("POGO_TTL"),
  heartbeat: durationSetting("POGO_HEARTBEAT"),
  commandTimeout: durationSetting("POGO_COMMAND_TIMEOUT"),
  maxStep: durationSetting("POGO_MAX_STEP"),
  margin: durationSetting("POGO_MARGIN"),
  stopBudget: durationSetting("POGO_STOP_BUDGET"),
  moveDebounce: durationSetting("POGO_MOVE_DEBOUNCE"),
  moveParallel: optional(Config.integer("POGO_MOVE_PARALLEL")),
  keepEnded: durationSetting("POGO_KEEP_ENDED"),
  maxEnded: optional(Config.integer("POGO_MAX_ENDED")),
  keepHistory: durationSetting("POGO_KEEP_HISTORY"),
  maxHistory: optional(Config.integer("POGO_MAX_HISTORY")),
  syncInterval: durationSetting("POGO_SYNC_INTERVAL"),
  joinTimeout: durationSetting("POGO_JOIN_TIMEOUT"),
  drainTimeout: durationSetting("POGO_DRAIN_TIMEOUT"),
  labels: optional(
    Config.mapOrFail(
      Config.string("POGO_LABELS"),
      (text) => Either.mapLeft(readLabels(text), (problem) => ConfigError.InvalidData([], problem))
    )
  ),
  weight: optional(Config.number("POGO_WEIGHT")),
  maxChildren: optional(Config.integer("POGO_MAX_CHILDREN")),
  revision: optionalText("POGO_REVISION"),
  rolloutPatience: durationSetting("POGO_ROLLOUT_PATIENCE"),
  rebalance: optional(Config.literal("always", "onLoss")("POGO_REBALANCE")),
  watchProcesses: optional(Config.boolean("POGO_WATCH_PROCESSES")),
  callTimeout: durationSetting("POGO_CALL_TIMEOUT"),
  traceCalls: optional(Config.boolean("POGO_TRACE_CALLS")),
  maxRestarts: optional(Config.integer("POGO_MAX_RESTARTS")),
  within: durationSetting("POGO_MAX_RESTARTS_WITHIN")
}).pipe(
  Config.map(({ maxRestarts, within, ...rest }): PogoOptions => ({
    ...rest,
    intensity: maxRestarts === undefined ? undefined : { maxRestarts, within: within ?? Duration.seconds(5) }
  }))
)

/** Smaller process ids are those of containers, where a name may hold the same number by chance, or for good. */
const leastTellingPid = 1_000

const holdsPid = (name: string, pid: number): boolean =>
  pid >= leastTellingPid && new RegExp(`(^|\\D)${pid}(\\D|$)`).test(name)

const checkName = (setting: string, text: unknown): Either.Either<string, InvalidConfig> =>
  isName(text)
    ? Either.right(text)
    : refuse(setting, text, nameRule, "choose another name")

const checkChildren = (
  children: ReadonlyArray<Any> | Exactly
): Either.Either<ReadonlyArray<Any> | Exactly, InvalidConfig> =>
  !isExactly(children) || (isName(children.name) && isName(setOfList(children.name)))
    ? Either.right(children)
    : refuse("children", children.name, `the name of a list: ${nameRule.replace("128", "127")}`, "choose another name")

/** Children that a node stops within the default stop budget, so a bound on how many it takes; see `maxChildren`. */
const stoppable = { children: 15_000, stopBudget: 3_000, least: 1_000 }

const usualMaxChildren = ({ stopBudget }: Timing): number =>
  Math.max(stoppable.least, Math.floor(stoppable.children * stopBudget / stoppable.stopBudget))

const checkCallTimeout = (input: Duration.DurationInput): Either.Either<number, InvalidConfig> =>
  Either.flatMap(millis("callTimeout", input), (value = 0) =>
    Number.isFinite(value) && value > 0
      ? Either.right(value)
      : refuse("callTimeout", input, "finite and above 0", "write it like \"5 seconds\""))

const patienceOf = (input: Duration.DurationInput): Either.Either<number, InvalidConfig> =>
  Either.flatMap(millis("rolloutPatience", input), (value = 0) =>
    value > 0
      ? Either.right(value)
      : refuse("rolloutPatience", input, "a duration above 0", "write it like \"10 minutes\""))

const checkRebalance = (value: unknown): Either.Either<Rebalance, InvalidConfig> =>
  value === "always" || value === "onLoss"
    ? Either.right(value)
    : refuse("rebalance", value, "\"always\" or \"onLoss\"", "leave it out for \"always\"")

const timingOf = (options: PogoOptions): Either.Either<Timing, InvalidConfig> =>
  Either.gen(function*() {
    return yield* resolveTiming({
      ttl: yield* millis("ttl", options.ttl),
      heartbeat: yield* millis("heartbeat", options.heartbeat),
      commandTimeout: yield* millis("commandTimeout", options.commandTimeout),
      maxStep: yield* millis("maxStep", options.maxStep),
      margin: yield* millis("margin", options.margin),
      stopBudget: yield* millis("stopBudget", options.stopBudget),
      moveDebounce: yield* millis("moveDebounce", options.moveDebounce),
      syncInterval: yield* millis("syncInterval", options.syncInterval)
    })
  })

/** The least that is remembered of ended children: calls that are repeated, and nodes that were away, go by it. */
const leastEnded = { millis: 60_000, count: 1_000 } as const

const keepEndedOf = (options: PogoOptions): Either.Either<KeepEnded, InvalidConfig> =>
  Either.gen(function*() {
    const kept = (yield* millis("keepEnded", options.keepEnded ?? defaults.keepEnded))!
    if (!(kept >= leastEnded.millis && kept <= maxTime)) {
      return yield* refuse("keepEnded", `${kept} ms`, "finite, and at least 1 minute", "write it like \"1 day\"")
    }
    const count = options.maxEnded ?? defaults.maxEnded
    if (!(Number.isSafeInteger(count) && count >= leastEnded.count)) {
      return yield* refuse("maxEnded", count, "a whole number of at least 1000", `leave it out for ${tombstoneCount}`)
    }
    return { millis: Math.floor(kept), count }
  })

/** The least number of entries of the history that is worth to be kept. */
const leastHistory = 1_000

const keepHistoryOf = (options: PogoOptions): Either.Either<KeepHistory, InvalidConfig> =>
  Either.gen(function*() {
    const kept = (yield* millis("keepHistory", options.keepHistory ?? defaults.keepHistory))!
    if (!(kept >= leastEnded.millis && kept <= maxTime)) {
      return yield* refuse("keepHistory", `${kept} ms`, "finite, and at least 1 minute", "write it like \"7 days\"")
    }
    const count = options.maxHistory ?? defaults.maxHistory
    if (!(Number.isSafeInteger(count) && (count === 0 || count >= leastHistory))) {
      const rule = `0 for none, or a whole number of at least ${leastHistory}`
      return yield* refuse("maxHistory", count, rule, `leave it out for ${historyCount}`)
    }
    return { millis: Math.floor(kept), count }
  })

/**
 * Checks settings and fills in the defaults.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve = (options: PogoOptions): Either.Either<Resolved, InvalidConfig> =>
  Either.gen(function*() {
    const timing = yield* timingOf(options)
    const name = yield* checkName("name", options.name ?? `${os.hostname()}-${process.pid}`)
    return {
      name,
      namedByPid: holdsPid(name, process.pid),
      scope: yield* checkName("scope", options.scope ?? defaults.scope),
      children: yield* checkChildren(options.children ?? []),
      timing,
      maxChildren: yield* positive("maxChildren", options.maxChildren ?? usualMaxChildren(timing), true),
      moveParallel: yield* positive("moveParallel", options.moveParallel ?? defaults.moveParallel, true),
      keepEnded: yield* keepEndedOf(options),
      keepHistory: yield* keepHistoryOf(options),
      joinTimeout: (yield* millis("joinTimeout", options.joinTimeout ?? defaults.joinTimeout))!,
      drainTimeout: (yield* millis("drainTimeout", options.drainTimeout ?? defaults.drainTimeout))!,
      labels: yield* checkLabels("labels", options.labels ?? {}),
      weight: yield* positive("weight", options.weight ?? defaults.weight, false),
      revision: options.revision === undefined ? "" : yield* checkName("revision", options.revision),
      rolloutPatience: yield* patienceOf(options.rolloutPatience ?? defaults.rolloutPatience),
      rebalance: yield* checkRebalance(options.rebalance ?? defaults.rebalance),
      intensity: yield* checkIntensity(options.intensity),
      watchProcesses: yield* flag("watchProcesses", options.watchProcesses ?? defaults.watchProcesses),
      callTimeout: yield* checkCallTimeout(options.callTimeout ?? defaults.callTimeout),
      traceCalls: yield* flag("traceCalls", options.traceCalls ?? false)
    }
  })

/** Names of the environment that settings of this package have. */
const settingNames: ReadonlySet<string> = new Set([
  "POGO_NODE_NAME",
  "POGO_SCOPE",
  "POGO_TTL",
  "POGO_HEARTBEAT",
  "POGO_COMMAND_TIMEOUT",
  "POGO_MAX_STEP",
  "POGO_MARGIN",
  "POGO_STOP_BUDGET",
  "POGO_MOVE_DEBOUNCE",
  "POGO_MOVE_PARALLEL",
  "POGO_KEEP_ENDED",
  "POGO_MAX_ENDED",
  "POGO_KEEP_HISTORY",
  "POGO_MAX_HISTORY",
  "POGO_SYNC_INTERVAL",
  "POGO_JOIN_TIMEOUT",
  "POGO_DRAIN_TIMEOUT",
  "POGO_LABELS",
  "POGO_WEIGHT",
  "POGO_MAX_CHILDREN",
  "POGO_REVISION",
  "POGO_ROLLOUT_PATIENCE",
  "POGO_REBALANCE",
  "POGO_WATCH_PROCESSES",
  "POGO_CALL_TIMEOUT",
  "POGO_TRACE_CALLS",
  "POGO_MAX_RESTARTS",
  "POGO_MAX_RESTARTS_WITHIN",
  "POGO_RPC_HOST",
  "POGO_RPC_PORT",
  "POGO_RPC_ADVERTISE",
  "POGO_RPC_SECRET",
  "POGO_RPC_MAX_FRAME",
  "POGO_RPC_PATH",
  "POGO_RPC_URL"
])

/** How names begin of users' own addresses, which the command reads, and no node. */
const theirs = ["POGO_REDIS_", "POGO_HTTP_"]

/** Says which names of the environment look like settings and are none: a slip would pass unnoticed otherwise. */
const warnOfUnknown = Effect.gen(function*() {
  const unknown = (yield* namesSet("POGO_")).filter((name) =>
    !settingNames.has(name) && !theirs.some((begin) => name.startsWith(begin))
  )
  yield* Effect.forEach(unknown.sort(), (name) => {
    const meant = nearest(name, settingNames)
    const remedy = meant === undefined ? "docs/options.md lists all" : `did you mean ${meant}?`
    return logWarning(`${name} is set in the environment, and there is no such setting: ${remedy}`)
  }, { discard: true })
})

/**
 * Settings from a `Config`, such as `config`, overridden by what is given here; what is `undefined` here overrides
 * nothing. Logs a warning for each name `POGO_...` that is set and is no setting.
 *
 * @since 0.1.0
 * @category config
 */
export const fromConfig = (
  source: Config.Config<PogoOptions>,
  overrides: PogoOptions = {}
): Effect.Effect<Resolved, ConfigError.ConfigError | InvalidConfig> =>
  source.pipe(
    Effect.zipLeft(warnOfUnknown),
    Effect.flatMap((options) => resolve(overridden(options, overrides)))
  )
