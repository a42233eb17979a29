/**
 * Frames: four bytes that tell a length, and so many bytes. What is announced to be longer than the limit is refused
 * before any of it is kept.
 *
 * @internal
 */

const headerSize = 4

/** Pieces that are kept apart: each costs more than the few bytes that a hostile peer may put into it. */
const mostChunks = 256

/** @internal */
export class Frames {
  private chunks: Array<Uint8Array> = []
  private size = 0

  /** `limit` may be changed between frames. */
  constructor(public limit: number) {}

  /**
   * Takes what came, and hands over whole frames; `false` when a frame is too long, or `take` wants no more. `take` keeps
   * nothing of what it is given.
   */
  push(chunk: Uint8Array, take: (frame: Uint8Array) => boolean): boolean {
    this.chunks.push(chunk)
    this.size += chunk.length
    if (this.chunks.length > mostChunks) this.joined()
    for (;;) {
      if (this.size < headerSize) return true
      const head = this.chunks[0]!.length >= headerSize ? this.chunks[0]! : this.joined()
      const length = head[0]! * 0x1000000 + (head[1]! << 16) + (head[2]! << 8) + head[3]!
      if (length > this.limit) return false
      const end = headerSize + length
      if (this.size < end) return true
      const all = this.chunks[0]!.length >= end ? this.chunks[0]! : this.joined()
      const frame = all.subarray(headerSize, end)
      this.chunks[0] = all.subarray(end)
      this.size -= end
      if (this.chunks[0].length === 0) this.chunks.shift()
      if (!take(frame)) return false
    }
  }

  /** All that is kept, in one piece. */
  private joined(): Uint8Array {
    const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)
    this.chunks = [all]
    return all
  }

  clear(): void {
    this.chunks = []
    this.size = 0
  }
}

/** The header of a frame. */
export const headerOf = (length: number): Buffer => {
  const header = Buffer.allocUnsafe(headerSize)
  header.writeUInt32BE(length, 0)
  return header
}
