/**
 * One node's way to the registry, on which messages are late, lost, doubled and held up.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Encoded } from "../../GroupRegistry.js"
import { RegistryUnavailable } from "../../PogoError.js"
import type { Args, CommandName, Envelope, Reply } from "../registry/commands.js"
import type { Host } from "./host.js"
import type { RegistryServer } from "./server.js"

/** Renewals, other work and wake-ups travel apart, as on Redis. */
export type Connection = "tick" | "work" | "wake"

/** @internal */
export const connectionOf = (name: CommandName): Connection => (name === "tick" ? "tick" : "work")

/** What becomes of one request. Times are milliseconds; `undefined`: never. */
export interface Fate {
  /** From its sending to its execution. */
  readonly arrives: number | undefined
  /** From its execution to the arrival of its reply. */
  readonly answers: number | undefined
  /** It is executed once more, so long after its sending; nobody hears of that. */
  readonly again: number | undefined
  /** Its caller is told after so long that there is no connection. */
  readonly fails: number | undefined
}

/** How messages travel. */
export interface Traffic {
  readonly request: (name: CommandName) => Fate
  /** Until a wake-up arrives. */
  readonly wake: () => number | undefined
  readonly after: (millis: number, run: () => void) => void
}

/** Everything arrives at once. */
export const smooth: Traffic = {
  request: () => ({ arrives: 0, answers: 0, again: undefined, fails: undefined }),
  wake: () => 0,
  after: (_, run) => run()
}

/** A request on its way. */
export interface Sent {
  readonly name: CommandName
  readonly envelope: Envelope
  readonly args: unknown
  /** Its caller has heard of it, or has given up. */
  over: boolean
}

/** What a test sees of a line. */
export interface LineWatch {
  readonly sent?: (sent: Sent) => void
  /** Just before a request is executed. */
  readonly arrives?: (sent: Sent) => void
  /** A reply reaches its caller. */
  readonly answered?: (sent: Sent, reply: Reply<unknown>) => void
}

const disconnected = (name: string, sent: boolean) =>
  new RegistryUnavailable({ operation: name, reason: "Disconnected", detail: "the connection was cut", sent })

/** @internal */
export class Line {
  /** Connections on which requests do not arrive, and on which replies do not. */
  readonly cutRequests = new Set<Connection>()
  readonly cutReplies = new Set<Connection>()
  /** Wake-ups get lost, and nobody notices. */
  deaf = false
  private readonly hearers = new Map<Parameters<Encoded["onWake"]>[1], string>()

  constructor(
    readonly server: RegistryServer,
    readonly host: Host,
    private readonly traffic: Traffic = smooth,
    private readonly watch: LineWatch = {}
  ) {
    server.onLog((scope, log, concerns) => this.wake(scope, log, concerns))
  }

  private later(millis: number | undefined, run: () => void): void {
    if (millis === undefined) return
    if (millis === 0) run()
    else this.traffic.after(millis, run)
  }

  /** Sends a request. `done` is called in the caller's process, at most once. */
  private send(sent: Sent, done: (outcome: Effect.Effect<Reply<unknown>, RegistryUnavailable>) => void): void {
    const connection = connectionOf(sent.name)
    const { again, answers, arrives, fails } = this.traffic.request(sent.name)
    const tell = (outcome: Effect.Effect<Reply<unknown>, RegistryUnavailable>, reply?: Reply<unknown>) =>
      this.host.post(() => {
        if (sent.over) return
        sent.over = true
        if (reply !== undefined) this.watch.answered?.(sent, reply)
        done(outcome)
      })
    this.watch.sent?.(sent)
    this.later(fails, () => tell(Effect.fail(disconnected(sent.name, arrives !== undefined))))
    if (!this.cutRequests.has(connection)) {
      this.arrive(sent, arrives, (reply) => {
        if (this.cutReplies.has(connection)) return
        this.later(answers, () => tell(Effect.succeed(reply), reply))
      })
    }
    this.arrive(sent, again, () => {})
  }

  private arrive(sent: Sent, millis: number | undefined, answer: (reply: Reply<unknown>) => void): void {
    const { args, envelope, name } = sent
    this.later(millis, () =>
      this.server.serve(() => {
        this.watch.arrives?.(sent)
        answer(this.server.execute(name, envelope, args as Args<typeof name>))
      }))
  }

  private wake(scope: string, log: number, concerns: ReadonlyArray<string> | undefined): void {
    if (this.host.dead || this.deaf || this.hearers.size === 0 || this.cutReplies.has("wake")) return
    this.later(this.traffic.wake(), () => this.tell(scope, log, concerns))
  }

  private tell(scope?: string, log?: number, concerns?: ReadonlyArray<string>): void {
    if (this.hearers.size === 0) return
    this.host.post(() => {
      for (const [hear, where] of this.hearers) if (scope === undefined || where === scope) hear(log, concerns)
    })
  }

  /** Everything gets through again; wake-ups may have been missed. */
  heal(): void {
    const deaf = this.cutReplies.has("wake")
    this.cutRequests.clear()
    this.cutReplies.clear()
    if (deaf) this.tell()
  }

  private readonly execute: Encoded["execute"] = (name, envelope, args) =>
    Effect.async((resume) => {
      const sent: Sent = { name, envelope, args, over: false }
      this.send(sent, resume as (outcome: Effect.Effect<Reply<unknown>, RegistryUnavailable>) => void)
      return Effect.sync(() => {
        sent.over = true
      })
    })

  readonly encoded: Encoded = {
    description: "memory",
    execute: this.execute,
    onWake: (scope, listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          this.hearers.set(listener, scope)
        }),
        () => Effect.sync(() => this.hearers.delete(listener))
      )
  }
}
