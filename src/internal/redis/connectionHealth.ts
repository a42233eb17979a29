/**
 * Health of a registry's connections and of their server: outages and settings that weaken the guarantees, each logged
 * once.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import { logDebug, logInfo, logWarning } from "../runtime/userCode.js"
import type { RedisConnection, Role } from "./connections.js"
import { explained, messageOf, unfitOf } from "./errors.js"

/** Least time between two warnings of outages, milliseconds: a connection may come and go all the time. */
const warningInterval = 10_000

/** Whether an error only follows from a connection's being closed, whose reason was reported before. */
const isConsequence = (error: unknown): boolean =>
  error instanceof Error && /Stream isn't writeable/.test(error.message)

/** Problem of a connection that was taken, and closed without a word. */
const silence = "closed before it answered"

/** Health of the connections of one registry. */
export class ConnectionHealth {
  private readonly problems = new Map<Role, string>()
  private readonly down = new Set<Role>()
  private isReported = false
  private unfitness: string | undefined
  private lastWarning = -Infinity

  constructor(
    private readonly description: string,
    private readonly secrets: ReadonlyArray<string>,
    private readonly log: (message: Effect.Effect<void>) => void,
    /** Milliseconds, of a clock that no test moves. */
    private readonly now: () => number
  ) {}

  /**
   * Follows a connection, until the returned function is called: then it is about to be closed on purpose. ioredis
   * prints every error to the console that no listener takes, so that the listeners stay.
   */
  watch(role: Role, connection: RedisConnection): () => void {
    let closing = false
    // A server that takes a connection and says nothing: it may want TLS, or be none of Redis.
    let isSilent = false
    connection.on("error", (error) => {
      if (!closing) this.onDown(role, isConsequence(error) ? undefined : this.problemIn(error, isSilent))
    })
    connection.on("node error", (error, node) => {
      if (!closing) this.onNodeDown(role, String(node), messageOf(error, this.secrets))
    })
    connection.on("connect", () => {
      isSilent = connection.isCluster !== true
    })
    connection.on("close", () => {
      if (!closing) this.onDown(role, isSilent && !this.problems.has(role) ? silence : undefined)
      isSilent = false
    })
    connection.on("ready", () => {
      isSilent = false
      this.onReady(role)
      connection.info("server").then((info) => this.onServer(info), () => {})
    })
    return () => {
      closing = true
    }
  }

  /** Last problem of a connection, or of another one to the same place. */
  problemOf(role: Role): string | undefined {
    return this.problems.get(role) ?? this.problems.values().next().value
  }

  /** Why the server will not do; `undefined` if it will, or is not known. */
  get unfit(): string | undefined {
    return this.unfitness
  }

  private problemIn(error: unknown, isSilent: boolean): string {
    const message = messageOf(error, this.secrets)
    return isSilent && /ECONNRESET|EPIPE/.test(message) ? `${silence} (${message})` : message
  }

  private onServer(info: string): void {
    const unfit = unfitOf(info)
    if (unfit !== undefined && this.unfitness === undefined) this.warn(`the registry ${this.description}: ${unfit}`)
    this.unfitness = unfit
  }

  private onDown(role: Role, problem: string | undefined): void {
    if (problem !== undefined) this.problems.set(role, problem)
    this.down.add(role)
    if (this.isReported) return
    this.isReported = true
    const reason = problem === undefined ? "" : ` (${explained(problem)})`
    this.warn(`no connection to the registry ${this.description}${reason}; trying again all the time`)
  }

  /** One node of a cluster is gone; the others may serve without it. */
  private onNodeDown(role: Role, node: string, problem: string): void {
    this.problems.set(role, problem)
    this.warn(`no connection to the node ${node} of the registry ${this.description} (${problem})`)
  }

  private warn(message: string): void {
    const now = this.now()
    this.log(now - this.lastWarning < warningInterval ? logDebug(message) : logWarning(message))
    this.lastWarning = now
  }

  private onReady(role: Role): void {
    this.problems.delete(role)
    this.down.delete(role)
    if (this.down.size > 0 || !this.isReported) return
    this.isReported = false
    this.log(logInfo(`connected to the registry ${this.description} again`))
  }
}

const fieldOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\r?$`, "m").exec(info)?.[1]

/**
 * Settings of the server that weaken the guarantees, with remedies: from the texts of INFO `memory` and INFO
 * `replication`.
 */
export const serverWarnings = (
  description: string,
  memory: string,
  replication: string,
  canFailOver: boolean
): ReadonlyArray<string> => {
  const warnings: Array<string> = []
  const policy = fieldOf(memory, "maxmemory_policy")
  // The policies named volatile-* evict keys that expire only, and none of ours does.
  if (policy?.startsWith("allkeys-") === true) {
    warnings.push(
      `the registry ${description} evicts any key when its memory is full (maxmemory-policy ${policy}); each loss costs ` +
        `a pause of one ttl, in which nothing starts: set maxmemory-policy to noeviction`
    )
  }
  const replicas = Number(fieldOf(replication, "connected_slaves") ?? 0)
  const isGuarded = /^min_(slaves|replicas)_good_(slaves|replicas):/m.test(replication)
  if ((replicas > 0 || canFailOver) && !isGuarded) {
    warnings.push(
      `the registry ${description} can fail over, but its primary takes writes without a replica: in a network split two ` +
        `primaries may grant the same claim. Set min-replicas-to-write to 1, and min-replicas-max-lag to no more than ` +
        `down-after-milliseconds (in a cluster cluster-node-timeout) plus the margin`
    )
  }
  return warnings
}
