/**
 * A connection over a stream of bytes: one MessagePack value per frame, in order, with bounds on what is buffered for a
 * peer in either direction.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type * as Msgpackr from "msgpackr"
import { Packr } from "msgpackr/pack"
import type { Duplex } from "node:stream"
import { Backlog } from "./backlog.js"
import { frameHeader, FrameReader } from "./framing.js"
import { isSafe, unsafeValue } from "./msgpackGuard.js"
import type { Connection } from "./transport.js"

/** The longest frame of the handshake, bytes. It holds until the peer has authenticated itself. */
const handshakeLimit = 2_048

/**
 * Write backlog limits. `pause`, bytes: above this many unsent bytes an answering side reads nothing more and sends no
 * more of its streams. `drop`, bytes: above this many it closes the connection. `stall`, milliseconds: a peer that
 * takes nothing for this long, with more than `pause` unsent, is disconnected by either side: looked at `looks` times, so
 * that a pause of this process counts as one look at most. A calling side reads on above `pause`, lest two nodes wait for
 * each other; how much it sends is bounded by its own callers.
 */
const limits = { pause: 1024 * 1024, drop: 64 * 1024 * 1024, stall: 10_000, looks: 20 }

/** How long a closing stream may take to send what is buffered, and to hear the peer's end, milliseconds. */
export const closeGrace = 500

/**
 * MessagePack, one value per frame. `msgpackr/pack` is the package without its native addon: no native code reads what a
 * peer sent, and nothing is compiled or loaded for it. Its types are those of the package's index.
 */
export const codec: Msgpackr.Packr = new Packr({ useRecords: false, useBigIntExtension: true })

/** Destroys a stream that is not closed within `closeGrace`. The timer is none of Effect's: it must not hold the process. */
export const destroyAfterGrace = (stream: Duplex): void => {
  if (stream.destroyed) return
  const timer = setTimeout(() => stream.destroy(), closeGrace)
  timer.unref()
  stream.once("close", () => clearTimeout(timer))
}

/** @internal */
export class FramedConnection implements Connection {
  private readonly frames = new FrameReader(handshakeLimit)
  private readonly ended = Deferred.unsafeMake<string>(FiberId.none)
  /** Whom frames are delivered to; meanwhile `unread` collects what arrives. */
  private onFrame: ((body: Uint8Array) => boolean) | undefined
  private readonly unread: Array<Uint8Array> = []
  private readonly readyWaiters: Array<() => void> = []
  /** Open while more than `limits.pause` bytes are unsent. */
  private readonly congested = Effect.unsafeMakeLatch(false)
  /** Whether somebody waits until less is unsent. */
  private held = false
  private closed = false
  private readonly backlog: Backlog

  private constructor(
    private readonly stream: Duplex,
    public remote: string,
    readonly maxFrame: number,
    /** Whether this side answers: its backlog is then what the peer asked for. */
    private readonly answers: boolean
  ) {
    this.backlog = new Backlog(stream, () => {
      if (this.held && !this.isCongested) this.drained()
    })
    stream.on("data", (chunk: Buffer) => this.receive(chunk))
    stream.on("end", () => this.end("closed by the other side"))
    // The listener stays, for an error after the end must not become an uncaught exception.
    stream.on("error", () => this.end("the connection broke"))
    stream.on("close", () => this.end("the connection broke"))
    if (stream.destroyed || stream.readableEnded) this.end("closed by the other side")
  }

  /** Takes over a stream until the scope closes. */
  static make(
    stream: Duplex,
    remote: string,
    maxFrame: number,
    answers: boolean
  ): Effect.Effect<FramedConnection, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => new FramedConnection(stream, remote, maxFrame, answers)),
      (connection) => Effect.sync(() => connection.end("closed"))
    ).pipe(Effect.tap((connection) => Effect.forkScoped(connection.dropStalled)))
  }

  private receive(chunk: Uint8Array): void {
    if (this.closed) return
    if (this.onFrame === undefined) this.unread.push(chunk)
    else this.split(chunk)
  }

  private split(chunk: Uint8Array): void {
    if (this.closed || this.frames.push(chunk, (body) => this.onFrame?.(body) ?? false)) return
    this.end("it sent what is no message, or one that is too long")
  }

  /** Closes the connection. What was written before is still sent, within `closeGrace`; what arrives is discarded. */
  end(reason: string): void {
    if (this.closed) return
    this.closed = true
    this.frames.clear()
    this.unread.length = 0
    this.drained()
    Deferred.unsafeDone(this.ended, Exit.succeed(reason))
    this.backlog.flush()
    this.stream.end()
    this.stream.resume()
    destroyAfterGrace(this.stream)
  }

  private deliverTo(onFrame: (body: Uint8Array) => boolean): void {
    this.onFrame = onFrame
    for (const chunk of this.unread.splice(0)) this.split(chunk)
  }

  /** The next frame of the handshake. A second one before this is asked for again is a violation, and ends the connection. */
  readonly nextFrame: Effect.Effect<Uint8Array, string> = Effect.raceFirst(
    Effect.async<Uint8Array>((resume) => {
      this.deliverTo((body) => {
        this.onFrame = undefined
        resume(Effect.succeed(Buffer.from(body)))
        return true
      })
    }),
    Effect.flip(Deferred.await(this.ended))
  )

  /** Writes a frame. */
  write(body: Uint8Array): void {
    if (this.closed || !this.stream.writable) return
    this.backlog.add(frameHeader(body.length))
    this.backlog.add(body)
    if (this.isCongested) this.congest()
  }

  private get isCongested(): boolean {
    return this.backlog.size > limits.pause
  }

  private drained(): void {
    this.held = false
    if (this.answers && !this.closed) this.stream.resume()
    for (const resume of this.readyWaiters.splice(0)) resume()
  }

  private congest(): void {
    if (this.answers && this.backlog.size > limits.drop) return this.abandon()
    if (this.answers && !this.stream.isPaused()) this.stream.pause()
    this.held = true
    this.congested.unsafeOpen()
  }

  /** Disconnects a peer that takes nothing for `limits.stall` while the connection is congested. */
  private readonly dropStalled: Effect.Effect<void> = Effect.gen(this, function*() {
    for (;;) {
      yield* this.congested.await
      let before = this.backlog.written
      let idle = 0
      while (this.isCongested) {
        yield* Effect.sleep(limits.stall / limits.looks)
        idle = this.backlog.written === before ? idle + 1 : 0
        before = this.backlog.written
        if (idle === limits.looks) return this.abandon()
      }
      this.congested.unsafeClose()
    }
  })

  private abandon(): void {
    this.end(`it did not read, and ${this.backlog.size} bytes waited for it`)
    this.stream.destroy()
  }

  /** Completes as soon as at most `limits.pause` bytes are unsent. */
  readonly ready: Effect.Effect<void> = Effect.suspend(() =>
    this.closed || !this.isCongested ? Effect.void : Effect.async<void>((resume) => {
      this.held = true
      this.readyWaiters.push(() => resume(Effect.void))
    })
  )

  readonly send = (message: ReadonlyArray<unknown>): number => {
    const bytes = codec.pack(message)
    if (bytes.length > this.maxFrame) return bytes.length
    // The peer would end the connection, which other calls share.
    if (!isSafe(bytes)) throw new Error(unsafeValue)
    this.write(bytes)
    return 0
  }

  /** The value of a frame, in an array; `undefined` for a frame that is not one value. */
  private decode(body: Uint8Array): readonly [unknown] | undefined {
    if (!isSafe(body)) return undefined
    try {
      return [codec.unpack(body)]
    } catch {
      return undefined
    }
  }

  readonly run = (receive: (message: unknown, size: number) => void): Effect.Effect<string> =>
    Effect.suspend(() => {
      this.frames.limit = this.maxFrame
      this.deliverTo((body) => {
        const decoded = this.decode(body)
        if (decoded === undefined) return false
        receive(decoded[0], body.length)
        return true
      })
      return Deferred.await(this.ended)
    })
}
