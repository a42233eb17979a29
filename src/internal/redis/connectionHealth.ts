/**
 * Knowing of the connections of a registry: which are there, what was last wrong, and saying so once per outage.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Client, Role } from "./connections.js"
import { messageOf } from "./errors.js"

/** Milliseconds between warnings: connections that come and go are not told of each time. */
const quiet = 10_000

/** What ioredis makes of a connection that is being closed: why that is so was told before. */
const isEcho = (error: unknown): boolean => error instanceof Error && /Stream isn't writeable/.test(error.message)

/** @internal */
export class Outage {
  private readonly problems = new Map<Role, string>()
  private readonly down = new Set<Role>()
  private told = false
  private lastWarning = -Infinity
  private closing = false

  constructor(
    private readonly description: string,
    private readonly secrets: ReadonlyArray<string>,
    private readonly log: (message: Effect.Effect<void>) => void
  ) {}

  /** Follows a connection. Without a listener, ioredis would print each error to the console. */
  watch(role: Role, client: Client): void {
    client.on("error", (error) => this.lost(role, isEcho(error) ? undefined : messageOf(error, this.secrets)))
    client.on("node error", (error, node) => this.lostNode(role, String(node), messageOf(error, this.secrets)))
    client.on("close", () => this.lost(role, undefined))
    client.on("ready", () => this.back(role))
  }

  /** What was last wrong with a connection, or with another to the same place. */
  problemOf(role: Role): string | undefined {
    return this.problems.get(role) ?? this.problems.values().next().value
  }

  /** From now on connections are closed on purpose. */
  close(): void {
    this.closing = true
  }

  private lost(role: Role, problem: string | undefined): void {
    if (this.closing) return
    if (problem !== undefined) this.problems.set(role, problem)
    this.down.add(role)
    if (this.told) return
    this.told = true
    this.warn(
      `no connection to the registry ${this.description}${
        problem === undefined ? "" : ` (${problem})`
      }; trying again ` +
        `all the time`
    )
  }

  /** The cluster may serve without it. */
  private lostNode(role: Role, node: string, problem: string): void {
    if (this.closing) return
    this.problems.set(role, problem)
    this.warn(`no connection to the node ${node} of the registry ${this.description} (${problem})`)
  }

  private warn(message: string): void {
    const now = performance.now()
    this.log(now - this.lastWarning < quiet ? Effect.logDebug(message) : Effect.logWarning(message))
    this.lastWarning = now
  }

  private back(role: Role): void {
    this.problems.delete(role)
    this.down.delete(role)
    if (this.down.size > 0 || !this.told) return
    this.told = false
    this.log(Effect.logInfo(`connected to the registry ${this.description} again`))
  }
}
