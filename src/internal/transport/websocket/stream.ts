/**
 * A WebSocket as a stream of bytes in both directions, with the back-pressure of the connection below it.
 *
 * @internal
 */
import { Duplex } from "node:stream"
import { FrameReader, largestFrame, opcode, writeFrame } from "./frames.js"

/** Answers to pings are left out while so many bytes wait: who does not read gets none. */
const pongBacklog = 64 * 1024

const closing = { normal: 1_000, broken: 1_002 }

const closeOf = (code: number): Buffer => {
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code)
  return payload
}

interface Written {
  readonly chunk: Buffer
}

type Done = (error?: Error | null) => void

/** @internal */
export class WebSocketStream extends Duplex {
  private readonly reader: FrameReader
  private closed_ = false

  /** `raw` has been upgraded; `head` is what came with that. */
  constructor(private readonly raw: Duplex, private readonly caller: boolean, head: Uint8Array) {
    super({ allowHalfOpen: false })
    this.reader = new FrameReader(!caller, {
      data: (bytes) => {
        if (!this.push(bytes)) raw.pause()
      },
      control: (kind, payload) => this.control(kind, payload)
    })
    // Whoever uses it listens while he does; afterwards an error must not be the end of the process.
    this.on("error", () => {})
    raw.on("error", (error) => this.destroy(error))
    raw.on("end", () => this.push(null))
    raw.on("close", () => this.destroy())
    if (head.length > 0) raw.unshift(Buffer.from(head))
    raw.on("data", (chunk: Buffer) => this.receive(chunk))
  }

  private receive(chunk: Buffer): void {
    if (this.closed_) return
    const problem = this.reader.push(chunk)
    if (problem === undefined) return
    this.sayClose(closing.broken)
    this.raw.end()
    this.destroy(new Error(problem))
  }

  private control(kind: number, payload: Uint8Array): void {
    if (kind === opcode.ping && this.raw.writableLength < pongBacklog) this.say(opcode.pong, payload)
    if (kind !== opcode.close || this.closed_) return
    this.sayClose(closing.normal)
    this.push(null)
    this.raw.end()
  }

  private say(kind: number, payload: Uint8Array): void {
    if (this.raw.writable) this.raw.write(writeFrame(kind, payload, this.caller))
  }

  private sayClose(code: number): void {
    if (this.closed_) return
    this.say(opcode.close, closeOf(code))
    this.closed_ = true
  }

  override _read(): void {
    this.raw.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this._writev([{ chunk }], done)
  }

  /** Where messages end does not matter: all that waits goes out together. */
  override _writev(chunks: ReadonlyArray<Written>, done: Done): void {
    const { raw } = this
    if (this.closed_ || !raw.writable) return done(new Error("the connection is closed"))
    const bytes = chunks.length === 1 ? chunks[0]!.chunk : Buffer.concat(chunks.map(({ chunk }) => chunk))
    const last = Math.max(0, Math.ceil(bytes.length / largestFrame) - 1) * largestFrame
    raw.cork()
    for (let at = 0; at < last; at += largestFrame) {
      raw.write(writeFrame(opcode.binary, bytes.subarray(at, at + largestFrame), this.caller))
    }
    raw.write(writeFrame(opcode.binary, bytes.subarray(last), this.caller), done)
    raw.uncork()
  }

  override _final(done: Done): void {
    this.sayClose(closing.normal)
    this.raw.end()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.raw.destroy()
    done(error)
  }
}
