/**
 * The registry of a test: the pure machine, with a server's clock and identity, whose data can be broken.
 *
 * @internal
 */
import type { Args, CommandName, Envelope, Reply, Value } from "../registry/commands.js"
import { execute } from "../registry/machine.js"
import { cloneState, emptyState, type RegistryState, type Server } from "../registry/state.js"

/** Executes one command: the machine, or one whose rules a test has changed. */
export type Execute = typeof execute

/** Told when the log of a scope has grown, and whom that concerns. */
export type Hear = (scope: string, log: number, concerns: ReadonlyArray<string> | undefined) => void

/** One execution, as a test sees it. */
export interface Execution {
  readonly name: CommandName
  readonly envelope: Envelope
  readonly args: unknown
  readonly reply: Reply<unknown>
  readonly state: RegistryState
  /** The era before. */
  readonly era: string | undefined
}

/** @internal */
export interface ServerOptions {
  /** Unix milliseconds. */
  readonly time: () => number
  readonly execute?: Execute
}

/** @internal */
export class RegistryServer {
  private readonly scopes = new Map<string, RegistryState>()
  /** Identity of the server process. */
  run = "run-1"
  /** By how much its wall clock is wrong. Milliseconds. */
  wallError = 0
  /** Takes wholly empty data for a new scope. */
  trust = true
  executed: ((execution: Execution) => void) | undefined
  private readonly listeners = new Set<Hear>()
  private waiting: Array<() => void> | undefined
  private runs = 1

  constructor(private readonly options: ServerOptions) {}

  state(scope: string): RegistryState {
    let state = this.scopes.get(scope)
    if (state === undefined) this.scopes.set(scope, state = emptyState())
    return state
  }

  /** Executes a command now. */
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

  /** Calls back whenever the log has grown. The result ends that. */
  onLog(listener: Hear): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Serves a request: at once, or when it serves again. */
  serve(request: () => void): void {
    if (this.waiting === undefined) request()
    else this.waiting.push(request)
  }

  /** Serves nobody for a while. */
  pause(): void {
    this.waiting ??= []
  }

  resume(): void {
    const waiting = this.waiting ?? []
    this.waiting = undefined
    for (const request of waiting) request()
  }

  /** Another server process serves the data from now on. */
  restart(): void {
    this.run = `run-${++this.runs}`
  }

  /** All data of a scope is gone. */
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
