/**
 * The registry of a test, and the nodes' ways to it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { RegistryUnavailable } from "../../PogoError.js"
import type { Args, CommandName, Encoded, Envelope, Reply, Value } from "../registry/commands.js"
import { execute } from "../registry/machine.js"
import { cloneState, emptyState, type RegistryState, type Server } from "../registry/state.js"
import type { ProcessHost } from "./processHost.js"

/** An implementation of the commands: the machine, or one whose rules a test has changed. */
export type Execute = typeof execute

/** A listener to the growth of a scope's log. `concerns`: the sessions that have to act on it. */
export type LogListener = (scope: string, log: number, concerns: ReadonlyArray<string> | undefined) => void

/** An execution of a command, as a test sees it. */
export interface RegistryExecution {
  readonly name: CommandName
  readonly envelope: Envelope
  readonly args: unknown
  readonly reply: Reply<unknown>
  readonly state: RegistryState
  /** The era before the execution. */
  readonly era: string | undefined
}

/** Options of a registry server. */
export interface ServerOptions {
  /** The server's clock. Unix milliseconds. */
  readonly time: () => number
  readonly execute?: Execute
}

/** The registry of a test: the pure machine, with a server's clock and identity, whose data can be broken. */
export class RegistryServer {
  private readonly scopes = new Map<string, RegistryState>()
  /** Identity of the server process. */
  run = "run-1"
  /** Error of the server's clock. Milliseconds. */
  wallError = 0
  /** True if wholly empty data is taken for a new scope. */
  trust = true
  executed: ((execution: RegistryExecution) => void) | undefined
  private readonly listeners = new Set<LogListener>()
  private waiting: Array<() => void> | undefined
  private runs = 1

  constructor(private readonly options: ServerOptions) {}

  state(scope: string): RegistryState {
    let state = this.scopes.get(scope)
    if (state === undefined) this.scopes.set(scope, state = emptyState())
    return state
  }

  /** Executes a command. */
  execute<K extends CommandName>(name: K, envelope: Envelope, args: Args<K>): Reply<Value<K>> {
    const { scope } = envelope
    const state = this.state(scope)
    const { era, log } = state.meta ?? {}
    const server: Server = {
      time: Math.floor(this.options.time() + this.wallError),
      run: this.run,
      trust: this.trust
    }
    const reply = (this.options.execute ?? execute)(state, server, envelope, name, args)
    this.executed?.({ name, envelope, args, reply, state, era })
    const now = state.meta?.log
    if (now !== undefined && now !== log) {
      for (const listener of this.listeners) listener(scope, now, envelope.concerns)
    }
    return reply
  }

  /** Adds a listener to the growth of the log; the result removes it. */
  onLog(listener: LogListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Serves a request: at once, or after the end of a pause. */
  serve(request: () => void): void {
    if (this.waiting === undefined) request()
    else this.waiting.push(request)
  }

  /** Lets requests wait until `resume`. */
  pause(): void {
    this.waiting ??= []
  }

  resume(): void {
    const waiting = this.waiting ?? []
    this.waiting = undefined
    for (const request of waiting) request()
  }

  /** Has another server process serve the data. */
  restart(): void {
    this.run = `run-${++this.runs}`
  }

  /** Drops all data of a scope. */
  lose(scope: string): void {
    this.scopes.set(scope, emptyState())
  }

  copy(scope: string): RegistryState {
    return cloneState(this.state(scope))
  }

  /** Puts a copy in the place of the data. */
  restore(scope: string, copy: RegistryState): void {
    this.scopes.set(scope, cloneState(copy))
  }
}

/** The connections of a node to the registry: renewals, other work and wake-ups travel apart, as on Redis. */
export type RegistryConnection = "tick" | "work" | "wake"

/** The connection on which a command travels. */
export const connectionOf = (name: CommandName): RegistryConnection => (name === "tick" ? "tick" : "work")

/** The fate of one request. Milliseconds; `undefined` for what never happens. */
export interface Fate {
  /** From sending to execution. */
  readonly arrives: number | undefined
  /** From execution to the arrival of the reply. */
  readonly answers: number | undefined
  /** From sending to a second execution, whose reply is lost. */
  readonly again: number | undefined
  /** From sending to the caller's error that the connection is gone. */
  readonly fails: number | undefined
}

/** The ways of messages. */
export interface Traffic {
  readonly request: (name: CommandName) => Fate
  /** Delay of a wake-up, milliseconds; `undefined` if it is lost. */
  readonly wake: () => number | undefined
  readonly after: (millis: number, run: () => void) => void
}

/** Traffic in which everything arrives at once. */
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
  /** True once the caller has an answer, or has given up. */
  over: boolean
}

/** Callbacks of a line, for tests. */
export interface LineWatch {
  readonly sent?: (sent: Sent) => void
  /** A request is about to be executed. */
  readonly arrives?: (sent: Sent) => void
  /** A reply reaches its caller. */
  readonly answered?: (sent: Sent, reply: Reply<unknown>) => void
}

const disconnected = (name: string, sent: boolean) =>
  new RegistryUnavailable({ operation: name, reason: "Disconnected", detail: "the connection was cut", sent })

/** The way of a node to the registry, on which messages are late, lost, doubled and held up. */
export class Line {
  /** Connections on which requests, and on which replies, are lost. */
  readonly cutRequests = new Set<RegistryConnection>()
  readonly cutReplies = new Set<RegistryConnection>()
  /** True while wake-ups are lost unnoticed. */
  deaf = false
  private readonly listeners = new Map<Parameters<Encoded["onWake"]>[1], string>()

  constructor(
    readonly server: RegistryServer,
    readonly host: ProcessHost,
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

  /** Sends a request. `done` is called in the caller's process, once at most. */
  private send(sent: Sent, done: (outcome: Effect.Effect<Reply<unknown>, RegistryUnavailable>) => void): void {
    const connection = connectionOf(sent.name)
    const { again, answers, arrives, fails } = this.traffic.request(sent.name)
    const answer = (outcome: Effect.Effect<Reply<unknown>, RegistryUnavailable>, reply?: Reply<unknown>) =>
      this.host.post(() => {
        if (sent.over) return
        sent.over = true
        if (reply !== undefined) this.watch.answered?.(sent, reply)
        done(outcome)
      })
    this.watch.sent?.(sent)
    this.later(fails, () => answer(Effect.fail(disconnected(sent.name, arrives !== undefined))))
    if (!this.cutRequests.has(connection)) {
      this.arrive(sent, arrives, (reply) => {
        if (this.cutReplies.has(connection)) return
        this.later(answers, () => answer(Effect.succeed(reply), reply))
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
    if (this.host.dead || this.deaf || this.listeners.size === 0 || this.cutReplies.has("wake")) return
    this.later(this.traffic.wake(), () => this.notify(scope, log, concerns))
  }

  private notify(scope?: string, log?: number, concerns?: ReadonlyArray<string>): void {
    if (this.listeners.size === 0) return
    this.host.post(() => {
      for (const [listener, where] of this.listeners) {
        if (scope === undefined || where === scope) listener(log, concerns)
      }
    })
  }

  /** Lets everything through again; wake-ups may have been missed. */
  heal(): void {
    const missed = this.cutReplies.has("wake")
    this.cutRequests.clear()
    this.cutReplies.clear()
    if (missed) this.notify()
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
          this.listeners.set(listener, scope)
        }),
        () => Effect.sync(() => this.listeners.delete(listener))
      )
  }
}
