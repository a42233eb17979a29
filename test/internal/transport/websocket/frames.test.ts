/**
 * WebSocket frames out of a stream of bytes, however it is cut; and what no frame may be.
 */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { FrameReader, opcode, writeFrame } from "../../../../src/internal/transport/websocket/frames.js"

const makeReader = (masked: boolean) => {
  const data: Array<number> = []
  const controls: Array<string> = []
  const reader = new FrameReader(masked, {
    data: (bytes) => void data.push(...bytes),
    control: (kind, payload) => void controls.push(`${kind}:${Buffer.from(payload).toString("hex")}`)
  })
  return { data, controls, push: (bytes: ReadonlyArray<number> | Buffer) => reader.push(Buffer.from(bytes)) }
}

/** A frame by hand: `first` is its first byte. */
const frame = (first: number, payload: ReadonlyArray<number>, key?: ReadonlyArray<number>): ReadonlyArray<number> => [
  first,
  (key === undefined ? 0 : 0x80) | payload.length,
  ...(key ?? []),
  ...payload.map((byte, i) => byte ^ (key?.[i % 4] ?? 0))
]

describe("FrameReader", () => {
  it("gives back what was written, with control frames in between, however the stream is cut", () => {
    const parts = FastCheck.array(FastCheck.uint8Array({ maxLength: 400 }), { maxLength: 12 })
    const cuts = FastCheck.array(FastCheck.integer({ min: 1, max: 60 }))
    FastCheck.assert(
      FastCheck.property(parts, cuts, FastCheck.boolean(), (parts, cuts, masked) => {
        const stream = Buffer.concat(parts.flatMap((part, i) => [
          writeFrame(opcode.binary, part, masked),
          writeFrame(opcode.ping, Uint8Array.of(i), masked)
        ]))
        const { controls, data, push } = makeReader(masked)
        let at = 0
        for (let i = 0; at < stream.length; i++) {
          const size = cuts[i % Math.max(1, cuts.length)] ?? 5
          expect(push(stream.subarray(at, at + size))).toBeUndefined()
          at += size
        }
        expect(data).toEqual(parts.flatMap((part) => Array.from(part)))
        expect(controls).toEqual(parts.map((_, i) => `9:${i.toString(16).padStart(2, "0")}`))
      })
    )
  })

  it("reads the examples of the standard: a masked frame, one in parts, and long ones", () => {
    const masked = makeReader(true)
    expect(masked.push([0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])).toBeUndefined()
    expect(Buffer.from(masked.data).toString()).toBe("Hello")
    const plain = makeReader(false)
    expect(plain.push([0x02, 0x03, 0x48, 0x65, 0x6c])).toBeUndefined()
    expect(plain.push([0x80, 0x02, 0x6c, 0x6f])).toBeUndefined()
    expect(Buffer.from(plain.data).toString()).toBe("Hello")
    expect(plain.push([0x82, 0x7e, 0x01, 0x00, ...new Uint8Array(256)])).toBeUndefined()
    expect(plain.push([0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0, ...new Uint8Array(65_536)])).toBeUndefined()
    expect(plain.data).toHaveLength(5 + 256 + 65_536)
  })

  it("passes on what a frame contains as it comes, however long it says it is", () => {
    const { data, push } = makeReader(false)
    expect(push([0x82, 0x7f, 0, 0x0f, 0, 0, 0, 0, 0, 0, 1, 2, 3])).toBeUndefined()
    expect(data).toEqual([1, 2, 3])
  })

  it("refuses what is no frame, or none of this side", () => {
    const key = [1, 2, 3, 4]
    const problems = (masked: boolean, ...frames: ReadonlyArray<ReadonlyArray<number>>) =>
      makeReader(masked).push(frames.flat())
    expect(problems(true, frame(0x82, [1]))).toContain("not masked")
    expect(problems(false, frame(0x82, [1], key))).toContain("masked")
    expect(problems(false, frame(0xc2, [1]))).toContain("extensions")
    expect(problems(false, frame(0x81, [1]))).toContain("does not belong")
    expect(problems(false, frame(0x80, [1]))).toContain("does not belong")
    expect(problems(false, frame(0x02, [1]), frame(0x82, [1]))).toContain("does not belong")
    expect(problems(false, frame(0x83, []))).toContain("does not belong")
    expect(problems(false, frame(0x09, []))).toContain("in parts")
    expect(problems(false, [0x89, 0x7e, 0x00, 0x80])).toContain("too long")
    expect(problems(true, [0x82, 0x00])).toContain("not masked")
    expect(problems(false, frame(0x8b, []))).toContain("unknown")
    expect(problems(false, [0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).toContain("too long")
  })

  it("of any bytes makes data, never more than there were, or a problem", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 200 }), FastCheck.boolean(), (bytes, masked) => {
        const { controls, data, push } = makeReader(masked)
        push(Buffer.from(bytes))
        expect(data.length + controls.length).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 5_000 }
    )
  })
})
