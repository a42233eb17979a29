/**
 * Frames out of a stream of bytes, however it is cut; and values that a decoder must not be given.
 */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { codec } from "../../../src/internal/transport/framedConnection.js"
import { frameHeader, FrameReader } from "../../../src/internal/transport/framing.js"
import { isSafe } from "../../../src/internal/transport/msgpackGuard.js"

const framed = (bodies: ReadonlyArray<Uint8Array>): Buffer =>
  Buffer.concat(bodies.flatMap((body) => [frameHeader(body.length), Buffer.from(body)]))

describe("FrameReader", () => {
  it("gives back what was framed, however the stream is cut", () => {
    const bodies = FastCheck.array(FastCheck.uint8Array({ maxLength: 300 }), { maxLength: 20 })
    FastCheck.assert(
      FastCheck.property(bodies, FastCheck.array(FastCheck.integer({ min: 1, max: 50 })), (bodies, cuts) => {
        const stream = framed(bodies)
        const frames = new FrameReader(300)
        const seen: Array<Array<number>> = []
        let at = 0
        for (let i = 0; at < stream.length; i++) {
          const size = cuts[i % Math.max(1, cuts.length)] ?? 7
          expect(frames.push(stream.subarray(at, at + size), (frame) => seen.push(Array.from(frame)) > 0)).toBe(true)
          at += size
        }
        expect(seen).toEqual(bodies.map((body) => Array.from(body)))
      })
    )
  })

  it("keeps few pieces, however small they come", () => {
    const [frames, body] = [new FrameReader(100_000), Buffer.alloc(100_000, 7)]
    const seen: Array<number> = []
    let most = 0
    for (const byte of framed([body])) {
      frames.push(Uint8Array.of(byte), (frame) => seen.push(frame.length) > 0)
      most = Math.max(most, frames["chunks"].length)
    }
    expect(seen).toEqual([100_000])
    expect(most).toBeLessThanOrEqual(257)
  })

  it("keeps no more of a chunk than the bytes of the incomplete frame", () => {
    const frames = new FrameReader(100_000)
    frames.push(frameHeader(1_000), () => true)
    for (let i = 0; i < 100; i++) {
      const chunk = new Uint8Array(64 * 1024)
      frames.push(chunk.subarray(i, i + 1), () => true)
    }
    const held = new Set(frames["chunks"].map(({ buffer }) => buffer))
    expect(Array.from(held, ({ byteLength }) => byteLength).reduce((sum, size) => sum + size)).toBeLessThan(10_000)
  })

  it("refuses a frame that is announced to be too long, before any of it came", () => {
    const frames = new FrameReader(10)
    expect(frames.push(frameHeader(10), () => true)).toBe(true)
    expect(new FrameReader(10).push(frameHeader(11), () => true)).toBe(false)
    expect(new FrameReader(10).push(frameHeader(0xffffffff), () => true)).toBe(false)
  })
})

const pack = (value: unknown): Uint8Array => Uint8Array.from(codec.pack(value))

describe("isSafe", () => {
  it("takes whatever the codec writes of plain values", () => {
    const { plain } = FastCheck.letrec((tie) => ({
      plain: FastCheck.oneof(
        { maxDepth: 5 },
        FastCheck.string(),
        FastCheck.double(),
        FastCheck.integer(),
        FastCheck.bigInt(),
        FastCheck.boolean(),
        FastCheck.constantFrom(null, undefined),
        FastCheck.uint8Array(),
        FastCheck.date({ noInvalidDate: true }),
        FastCheck.array(tie("plain")),
        FastCheck.dictionary(FastCheck.string(), tie("plain"))
      )
    }))
    FastCheck.assert(FastCheck.property(plain, (value) => isSafe(pack(value))))
  })

  it("takes nothing that is cut short, or has more behind it", () => {
    const value = pack([0, 17, "Counter/x", 2 ** 51, "add", { by: 2, bytes: Uint8Array.of(1, 2) }, 5_000])
    expect(isSafe(value)).toBe(true)
    for (let length = 0; length < value.length; length++) expect(isSafe(value.subarray(0, length))).toBe(false)
    expect(isSafe(Buffer.concat([value, Buffer.of(0)]))).toBe(false)
  })

  it("refuses lengths that are not there, too much nesting, and extensions that are none of ours", () => {
    const array32 = (count: number) => [0xdd, ...frameHeader(count)]
    expect(isSafe(Uint8Array.from(array32(33_000_000)))).toBe(false)
    expect(isSafe(Uint8Array.from([0xdf, 0x7f, 0xff, 0xff, 0xff]))).toBe(false)
    expect(isSafe(Uint8Array.from([...array32(2), ...array32(0xffffffff), 0]))).toBe(false)
    expect(isSafe(Uint8Array.from([...Array.from({ length: 200 }, () => 0x91), 0xc0]))).toBe(false)
    expect(isSafe(Uint8Array.from([...Array.from({ length: 100 }, () => 0x91), 0xc0]))).toBe(true)
    // A definition of a record, a set, an error, a regular expression, and a byte that is never used.
    for (
      const bytes of [[0xd4, 0x72, 0x40], [0xd4, 0x73, 0, 0x90], [0xd4, 0x65, 0, 0x90], [0xd4, 0x78, 0, 0x92], [0xc1]]
    ) {
      expect(isSafe(Uint8Array.from(bytes))).toBe(false)
    }
    // A number of a megabyte takes a decoder for ever.
    expect(isSafe(Uint8Array.from([0xc9, ...frameHeader(100_000), 0x42, ...new Uint8Array(100_000)]))).toBe(false)
  })

  it("of what it lets through, a decoder makes one value or an error, never more than there is", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 64 }), (bytes) => {
        if (!isSafe(bytes)) return
        let value: unknown
        try {
          value = codec.unpack(Uint8Array.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          // It says so of what is more than one value.
          expect(String(error)).not.toContain("end of buffer not reached")
        }
        if (Array.isArray(value)) expect(value.length).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 20_000 }
    )
  })
})
