/**
 * The frames of a WebSocket (RFC 6455), taken as a stream of bytes: what messages contain is passed on as it comes and
 * never kept, so that the limits of our own frames are the only ones, before the handshake as after it. A library that
 * hands over whole messages would have to keep them, from strangers too.
 *
 * @internal
 */
import { randomFillSync } from "node:crypto"

/** @internal */
export const opcode = { continuation: 0, binary: 2, close: 8, ping: 9, pong: 10 }

/** The most bytes of one frame that we write: those in between may keep whole messages, with limits of their own. */
export const largestFrame = 0xffff

/** The most bytes of a control frame. */
const largestControl = 125

/** What is wrong with a frame; its connection ends. */
export type Problem = string

/** Who takes what frames contain. */
export interface Taker {
  readonly data: (bytes: Uint8Array) => void
  readonly control: (opcode: number, payload: Uint8Array) => void
}

const mask = (bytes: Uint8Array, key: Uint8Array, from: number): void => {
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= key[(from + i) & 3]!
}

/** Reads frames, however the stream is cut. */
export class FrameReader {
  private readonly header = Buffer.alloc(14)
  private filled = 0
  /** Of the frame whose payload is being read. */
  private opcode = 0
  private size = 0
  private read = -1
  private control = Buffer.alloc(0)
  /** A message was begun, and its last frame has not come. */
  private continuing = false

  /** `masked`: whether the other side has to mask what it sends, as a caller does. */
  constructor(private readonly masked: boolean, private readonly taker: Taker) {}

  /** Takes what came; what it is given is changed. */
  push(chunk: Uint8Array): Problem | undefined {
    let at = 0
    while (at < chunk.length) {
      if (this.read < 0) {
        this.header[this.filled++] = chunk[at++]!
        const problem = this.filled === 2 ? this.check() : this.filled === this.headerSize ? this.begin() : undefined
        if (problem !== undefined) return problem
        if (this.read < 0) continue
      } else {
        const bytes = chunk.subarray(at, at + this.size - this.read)
        at += bytes.length
        this.take(bytes)
      }
      if (this.read === this.size) this.end()
    }
    return undefined
  }

  /** As far as it can be known by now. */
  private get headerSize(): number {
    if (this.filled < 2) return 2
    const length = this.header[1]! & 0x7f
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (this.masked ? 4 : 0)
  }

  /** Looks at the first two bytes: they tell how long the header is. */
  private check(): Problem | undefined {
    const { header } = this
    if ((header[0]! & 0x70) !== 0) return "it uses extensions that were not agreed on"
    if (((header[1]! & 0x80) !== 0) !== this.masked) return this.masked ? "a frame is not masked" : "a frame is masked"
    return this.headerSize === 2 ? this.begin() : undefined
  }

  private begin(): Problem | undefined {
    const { header } = this
    const final = (header[0]! & 0x80) !== 0
    this.opcode = header[0]! & 0x0f
    const length = header[1]! & 0x7f
    this.size = length === 126
      ? header.readUInt16BE(2)
      : length === 127
      ? header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6)
      : length
    this.read = 0
    return this.opcode >= opcode.close ? this.beginControl(final) : this.beginData(final)
  }

  private beginControl(final: boolean): Problem | undefined {
    if (!final || this.size > largestControl) return "a control frame is too long, or in parts"
    if (this.opcode > opcode.pong) return "a frame of an unknown kind"
    this.control = Buffer.alloc(0)
    return undefined
  }

  private beginData(final: boolean): Problem | undefined {
    const expected = this.continuing ? opcode.continuation : opcode.binary
    if (this.opcode !== expected) return "a frame of a kind that does not belong here"
    if (!Number.isSafeInteger(this.size)) return "a frame is too long"
    this.continuing = !final
    return undefined
  }

  private take(bytes: Uint8Array): void {
    if (this.masked) mask(bytes, this.header.subarray(this.headerSize - 4, this.headerSize), this.read)
    this.read += bytes.length
    if (this.opcode >= opcode.close) this.control = Buffer.concat([this.control, bytes])
    else this.taker.data(bytes)
  }

  private end(): void {
    this.filled = 0
    this.read = -1
    if (this.opcode >= opcode.close) this.taker.control(this.opcode, this.control)
  }
}

/** One whole frame. `masked`: it is a caller's. */
export const writeFrame = (kind: number, payload: Uint8Array, masked: boolean): Buffer => {
  const extra = payload.length > largestControl ? 2 : 0
  const start = 2 + extra + (masked ? 4 : 0)
  const frame = Buffer.allocUnsafe(start + payload.length)
  frame[0] = 0x80 | kind
  frame[1] = (masked ? 0x80 : 0) | (extra > 0 ? 126 : payload.length)
  if (extra > 0) frame.writeUInt16BE(payload.length, 2)
  frame.set(payload, start)
  if (masked) {
    const key = randomFillSync(frame.subarray(start - 4, start))
    mask(frame.subarray(start), key, 0)
  }
  return frame
}
