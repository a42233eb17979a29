/**
 * Length-prefixed frames: four bytes of length, big-endian, and that many bytes of body.
 *
 * @internal
 */

const headerSize = 4

/** Chunks that are buffered unjoined. Each costs about 100 bytes of its own, however few a peer puts into it. */
const maxChunks = 256

const copyOf = (bytes: Uint8Array): Uint8Array => {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}

/** Splits a stream of bytes into frames. */
export class FrameReader {
  private chunks: Array<Uint8Array> = []
  private size = 0

  /** `limit`: the longest body, bytes. It may be changed between frames. */
  constructor(public limit: number) {}

  /**
   * Takes a chunk of the stream, and calls `onFrame` with the body of each frame that is complete. Returns `false` for a
   * frame whose header announces more than `limit`, before any of its body is buffered, and once `onFrame` returns
   * `false`. The body is valid during `onFrame` only.
   */
  push(chunk: Uint8Array, onFrame: (body: Uint8Array) => boolean): boolean {
    this.chunks.push(chunk)
    this.size += chunk.length
    if (this.chunks.length > maxChunks) this.join()
    for (;;) {
      if (this.size < headerSize) return this.keep()
      const head = this.chunks[0]!.length >= headerSize ? this.chunks[0]! : this.join()
      const length = head[0]! * 0x1000000 + (head[1]! << 16) + (head[2]! << 8) + head[3]!
      if (length > this.limit) return false
      const end = headerSize + length
      if (this.size < end) return this.keep()
      const all = this.chunks[0]!.length >= end ? this.chunks[0]! : this.join()
      this.chunks[0] = all.subarray(end)
      this.size -= end
      if (this.chunks[0].length === 0) this.chunks.shift()
      if (!onFrame(all.subarray(headerSize, end))) return false
    }
  }

  /**
   * Buffers the last chunk for the next `push`. A chunk is a view of what was read from the socket, up to 64 KiB: a peer
   * could have all of that held for one byte, so a small view is copied.
   */
  private keep(): true {
    const last = this.chunks.at(-1)
    if (last !== undefined && last.length * 2 < last.buffer.byteLength) {
      this.chunks[this.chunks.length - 1] = copyOf(last)
    }
    return true
  }

  private join(): Uint8Array {
    const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)
    this.chunks = [all]
    return all
  }

  /** Drops the incomplete frame. */
  clear(): void {
    this.chunks = []
    this.size = 0
  }
}

/** The header of a frame with a body of `length` bytes. */
export const frameHeader = (length: number): Buffer => {
  const header = Buffer.allocUnsafe(headerSize)
  header.writeUInt32BE(length, 0)
  return header
}
