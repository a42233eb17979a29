/**
 * What waits to be written to a peer.
 *
 * @internal
 */
import * as MutableList from "effect/MutableList"
import type { Duplex } from "node:stream"

/**
 * Bytes that the stream holds at a time, at most, and the longest piece that it is given. A stream tells that it has
 * written when all is written that it was given together: with more, a slow link would look like a peer that takes
 * nothing.
 */
const most = { inStream: 256 * 1024, piece: 64 * 1024 }

/** What waits to be written to a peer: in the stream, and before it. */
export class Backlog {
  private readonly waiting = MutableList.empty<Uint8Array>()
  private waitingBytes = 0
  private corked = false
  /** Pieces that were written so far: it grows for as long as the peer takes anything. */
  written = 0

  /** `onWritten`: called when less waits than before. */
  constructor(private readonly stream: Duplex, private readonly onWritten: () => void) {}

  /** Bytes that wait. */
  get size(): number {
    return this.stream.writableLength + this.waitingBytes
  }

  /** Adds bytes. Those of one turn of the event loop are handed to the stream together. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += most.piece) {
      const piece = bytes.length <= most.piece ? bytes : bytes.subarray(at, at + most.piece)
      if (this.waitingBytes === 0 && this.stream.writableLength < most.inStream) this.hand(piece)
      else {
        MutableList.append(this.waiting, piece)
        this.waitingBytes += piece.length
      }
    }
  }

  /** Hands everything to the stream, which is about to be ended. */
  flush(): void {
    this.feed(Infinity)
  }

  private hand(piece: Uint8Array): void {
    if (!this.corked) {
      this.corked = true
      this.stream.cork()
      process.nextTick(() => {
        this.corked = false
        this.stream.uncork()
      })
    }
    this.stream.write(piece, this.wrote)
  }

  private readonly wrote = (): void => {
    this.written++
    if (this.waitingBytes > 0) this.feed(most.inStream)
    this.onWritten()
  }

  private feed(upTo: number): void {
    while (this.waitingBytes > 0 && this.stream.writable && this.stream.writableLength < upTo) {
      const piece = MutableList.shift(this.waiting)!
      this.waitingBytes -= piece.length
      this.hand(piece)
    }
  }
}
