/**
 * Hearing that something changed: one connection that subscribes to a channel per scope.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { decodeWake, type WakeListener } from "./codec.js"
import { type Client, retryDelay } from "./connections.js"

/** Milliseconds between signs of life. A connection that is dead without having been closed would stay deaf. */
const pingInterval = 30_000

/** @internal */
export class Wake {
  private readonly channels = new Map<string, Set<WakeListener>>()
  private client: Client | undefined
  private timer: NodeJS.Timeout | undefined
  private readonly pings: NodeJS.Timeout
  private attempts = 0
  private closed = false
  private refused = false

  constructor(
    private readonly open: () => Client | undefined,
    /** Told when the user may not subscribe, once. */
    private readonly onRefusal: (error: unknown) => void
  ) {
    this.pings = setInterval(() => void this.ping(), pingInterval)
    this.pings.unref()
    this.connect()
  }

  /** Opens a connection. One that ended does not come back by itself: it is replaced. */
  private connect(): void {
    this.timer = undefined
    if (this.closed) return
    const client = this.open()
    this.client = client
    if (client === undefined) return this.connectLater()
    client.on("ready", () => {
      this.attempts = 0
      for (const channel of this.channels.keys()) void this.subscribe(channel)
    })
    client.on("message", (channel, message) => this.tell(String(channel), ...decodeWake(message)))
    client.on("end", () => this.connectLater())
  }

  private connectLater(): void {
    if (this.closed || this.timer !== undefined) return
    this.timer = setTimeout(() => this.connect(), retryDelay(++this.attempts))
    this.timer.unref()
  }

  private async ping(): Promise<void> {
    if (this.client?.status !== "ready") return
    await this.client.ping().catch(() => {})
  }

  private tell(channel: string, ...news: Parameters<WakeListener>): void {
    for (const listener of this.channels.get(channel) ?? []) listener(...news)
  }

  /** Messages before this moment were missed. */
  private async subscribe(channel: string): Promise<void> {
    const { client } = this
    if (client?.status !== "ready") return
    try {
      await client.subscribe(channel)
      this.tell(channel, undefined)
    } catch (error) {
      if (this.closed || this.refused || client.status !== "ready") return
      this.refused = true
      this.onRefusal(error)
    }
  }

  private add(channel: string, listener: WakeListener): void {
    const listeners = this.channels.get(channel)
    if (listeners !== undefined) {
      listeners.add(listener)
      listener(undefined)
      return
    }
    this.channels.set(channel, new Set([listener]))
    void this.subscribe(channel)
  }

  private remove(channel: string, listener: WakeListener): void {
    const listeners = this.channels.get(channel)
    listeners?.delete(listener)
    if (listeners === undefined || listeners.size > 0) return
    this.channels.delete(channel)
    if (this.client?.status === "ready") void this.client.unsubscribe(channel).catch(() => {})
  }

  /** Calls the listener until the scope closes; never fails, since a connection comes sooner or later. */
  listen(channel: string, listener: WakeListener): Effect.Effect<void, never, Scope.Scope> {
    const entry: WakeListener = (...news) => listener(...news)
    return Effect.acquireRelease(
      Effect.sync(() => this.add(channel, entry)),
      () => Effect.sync(() => this.remove(channel, entry))
    )
  }

  /** Ends it, and hands over what is left of it to be closed. */
  close(): Client | undefined {
    this.closed = true
    clearInterval(this.pings)
    clearTimeout(this.timer)
    return this.client
  }
}
