/**
 * One connection over a stream of bytes: frames in order, a bound on what waits to be written, and no reading while the
 * other side does not read.
 *
 * @internal
 */
import type * as Socket from "@effect/platform/Socket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type * as Msgpackr from "msgpackr"
import { Packr } from "msgpackr/pack"
import type { Duplex } from "node:stream"
import type { Connection } from "../../NodeTransport.js"
import { Frames, headerOf } from "./framing.js"
import { handshakeLimit } from "./handshake.js"
import { isSound, unsound } from "./msgpackGuard.js"

/**
 * What waits to be written. From so many bytes on a side that answers reads nothing, and writes no more of its streams;
 * no more than so many may wait there; and nowhere may it be that nothing is taken for so many milliseconds. What a caller
 * asks for at once is his own to bound, and he goes on reading: else both sides might wait for each other.
 */
export const backlog = { pause: 1024 * 1024, answers: 64 * 1024 * 1024, patience: 10_000 }

/**
 * MessagePack, one value per frame. `msgpackr/pack` is the package without its native addon: no native code reads what a
 * peer sent, and nothing is compiled or loaded for it. Its types are those of the package's index.
 */
export const codec: Msgpackr.Packr = new Packr({ useRecords: false, useBigIntExtension: true })

/** @internal */
export class Link implements Connection {
  private readonly frames = new Frames(handshakeLimit)
  private readonly ended = Deferred.unsafeMake<string>(FiberId.none)
  /** Who takes the frames that come; without one nothing is read. */
  private taker: ((frame: Uint8Array) => boolean) | undefined
  private readonly held: Array<Uint8Array> = []
  private readonly waiters: Array<() => void> = []
  private corked = false
  private over = false
  /** Writes that were taken so far. */
  private taken = 0
  private watch: NodeJS.Timeout | undefined

  constructor(
    private readonly duplex: Duplex,
    public remote: string,
    readonly maxFrame: number,
    /** It answers: what waits to be written is what the other side asked for. */
    private readonly answers: boolean
  ) {
    duplex.on("drain", () => this.drained())
  }

  /** Reads from the socket until the scope closes. */
  open(socket: Socket.Socket): Effect.Effect<void, never, Scope.Scope> {
    return socket.runRaw((data) => this.receive(data)).pipe(
      Effect.matchCause({ onSuccess: () => "closed by the other side", onFailure: () => "the connection broke" }),
      Effect.map((reason) => this.end(reason)),
      Effect.forkScoped,
      Effect.zipRight(Effect.addFinalizer(() => Effect.sync(() => this.end("closed")))),
      Effect.asVoid
    )
  }

  private receive(data: string | Uint8Array): void {
    if (this.over) return
    const chunk = typeof data === "string" ? Buffer.from(data) : data
    if (this.taker === undefined) this.held.push(chunk)
    else this.digest(chunk)
  }

  private digest(chunk: Uint8Array): void {
    if (this.over || this.frames.push(chunk, (frame) => this.taker?.(frame) ?? false)) return
    this.end("it sent what is no message, or one that is too long")
  }

  /** Ends the connection; what was written before is still sent, for a moment. */
  end(reason: string): void {
    if (this.over) return
    this.over = true
    this.frames.clear()
    this.held.length = 0
    clearTimeout(this.watch)
    this.drained()
    Deferred.unsafeDone(this.ended, Exit.succeed(reason))
    this.duplex.end()
    this.duplex.resume()
    const timer = setTimeout(() => this.duplex.destroy(), 500)
    timer.unref()
    this.duplex.once("close", () => clearTimeout(timer))
  }

  private take(taker: (frame: Uint8Array) => boolean): void {
    this.taker = taker
    for (const chunk of this.held.splice(0)) this.digest(chunk)
  }

  /** The next frame of the handshake. */
  readonly nextFrame: Effect.Effect<Uint8Array, string> = Effect.raceFirst(
    Effect.async<Uint8Array>((resume) => {
      // One frame only: whatever follows is kept back until somebody takes it.
      this.take((frame) => {
        this.taker = undefined
        resume(Effect.succeed(Buffer.from(frame)))
        return true
      })
    }),
    Effect.flip(Deferred.await(this.ended))
  )

  /** Writes a frame as it is. */
  write(body: Uint8Array): void {
    if (this.over || !this.duplex.writable) return
    if (!this.corked) {
      this.corked = true
      this.duplex.cork()
      process.nextTick(() => {
        this.corked = false
        this.duplex.uncork()
      })
    }
    this.duplex.write(headerOf(body.length))
    this.duplex.write(body, () => this.taken++)
    this.mind()
  }

  private get isBehind(): boolean {
    return this.duplex.writableLength > backlog.pause
  }

  private drained(): void {
    if (this.answers && !this.over) this.duplex.resume()
    for (const waiter of this.waiters.splice(0)) waiter()
  }

  /** Whoever does not read what is written is not read from, and in the end left alone. */
  private mind(): void {
    if (!this.isBehind) return
    if (this.answers && this.duplex.writableLength > backlog.answers) return this.abandon()
    if (this.answers && !this.duplex.isPaused()) this.duplex.pause()
    if (this.watch === undefined) this.watchOver(this.taken)
  }

  private watchOver(taken: number): void {
    this.watch = setTimeout(() => {
      this.watch = undefined
      if (this.over || !this.isBehind) return
      if (this.taken === taken) this.abandon()
      else this.watchOver(this.taken)
    }, backlog.patience)
    this.watch.unref()
  }

  private abandon(): void {
    this.end(`it did not read, and ${this.duplex.writableLength} bytes waited for it`)
    this.duplex.destroy()
  }

  /** Completes when not much waits to be written. */
  readonly ready: Effect.Effect<void> = Effect.suspend(() =>
    this.over || !this.isBehind ? Effect.void : Effect.async<void>((resume) => {
      this.waiters.push(() => resume(Effect.void))
    })
  )

  readonly send = (message: ReadonlyArray<unknown>): number => {
    const bytes = codec.pack(message)
    if (bytes.length > this.maxFrame) return bytes.length
    // The other side would take it for an attack, and end the connection that others share.
    if (!isSound(bytes)) throw new Error(unsound)
    this.write(bytes)
    return 0
  }

  /** The value of a frame, in an array; `undefined` for a frame that is not one value. */
  private decode(frame: Uint8Array): readonly [unknown] | undefined {
    if (!isSound(frame)) return undefined
    try {
      return [codec.unpack(frame)]
    } catch {
      return undefined
    }
  }

  readonly run = (receive: (message: unknown, size: number) => void): Effect.Effect<string> =>
    Effect.suspend(() => {
      this.frames.limit = this.maxFrame
      this.take((frame) => {
        const decoded = this.decode(frame)
        if (decoded === undefined) return false
        receive(decoded[0], frame.length)
        return true
      })
      return Deferred.await(this.ended)
    })
}
