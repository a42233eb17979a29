import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { hashText, mix } from "../../../src/internal/runtime/hash.js"
import { holds } from "../../support/arbitrary.js"

const bits = (value: number): number => value.toString(2).replaceAll("0", "").length

describe("mix", () => {
  it("is the finalizer of MurmurHash3", () => {
    // Reference results of the whole 32-bit hash over no bytes, whose seed goes straight to the finalizer.
    expect(mix(0)).toBe(0)
    expect(mix(1)).toBe(0x514e28b7)
    expect(mix(0xffffffff)).toBe(0x81f16f39)
  })

  holds("is an unsigned 32-bit integer, whatever the sign of its input", [FastCheck.integer()], (value) => {
    expect(mix(value)).toBe(mix(value >>> 0))
    expect(mix(value)).toBe(mix(value) >>> 0)
  })

  it("maps different inputs to different outputs", () => {
    expect(new Set(Array.from({ length: 100_000 }, (_, i) => mix(i * 40_503))).size).toBe(100_000)
  })

  it("flips every output bit with about half of the flips of every input bit", () => {
    const samples = 4_000
    for (let input = 0; input < 32; input++) {
      const flips = Array.from({ length: 32 }, () => 0)
      for (let i = 0; i < samples; i++) {
        const value = Math.imul(i, 0x9e3779b1)
        const difference = mix(value) ^ mix(value ^ (1 << input))
        for (let output = 0; output < 32; output++) flips[output]! += (difference >>> output) & 1
      }
      for (const count of flips) expect(Math.abs(count / samples - 0.5)).toBeLessThan(0.06)
    }
  })
})

describe("hashText", () => {
  it("is FNV-1a, finished by mix", () => {
    expect(hashText("")).toBe(mix(0x811c9dc5))
    expect(hashText("a")).toBe(mix(0xe40c292c))
    expect(hashText("foobar")).toBe(mix(0xbf9cf968))
  })

  it("stays what it is: it belongs to the stored layout", () => {
    expect(hashText("ServiceMonitor/10.0.0.1")).toBe(3_479_945_475)
    expect(hashText("日本/🐎")).toBe(2_546_234_674)
  })

  it("spreads texts that differ in one character over all bits", () => {
    let flipped = 0
    for (let i = 0; i < 4_000; i++) flipped += bits(hashText(`device-${i}`) ^ hashText(`device-${i + 1}`))
    expect(flipped / 4_000 / 32).toBeCloseTo(0.5, 2)
  })
})
