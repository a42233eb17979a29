import { describe, expect, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import {
  deadline,
  maximumTtl,
  minimumTtl,
  requiredMargin,
  resolve,
  type Timing
} from "../../../src/internal/registry/timing.js"
import { holds } from "../../support/arbitrary.js"

const defaults: Timing = Either.getOrThrow(resolve({}))

type Given = { readonly [K in keyof Timing]?: number | undefined }

const errorOf = (given: Given) => Either.getOrThrow(Either.flip(resolve(given)))

const nearlyEqual = (a: number, b: number) => expect(Math.abs(a / b - 1)).toBeLessThan(1e-9)

describe("timing", () => {
  it("is by default what the protocol says", () => {
    expect(defaults).toEqual({
      ttl: 15_000,
      heartbeat: 2_000,
      commandTimeout: 2_000,
      maxStep: 2_500,
      margin: 7_000,
      stopBudget: 3_000,
      moveDebounce: 1_000,
      syncInterval: 30_000
    })
    expect(deadline(defaults, 100)).toBe(100 + 8_000)
  })

  it("has no lease that is longer than a timer can wait for", () => {
    expect(Either.isRight(resolve({ ttl: maximumTtl }))).toBe(true)
    for (const ttl of [maximumTtl + 1, 1e17, 1e300]) expect(errorOf({ ttl })).toMatchObject({ setting: "ttl" })
  })

  holds(
    "scales with ttl, from the shortest to the longest",
    [FastCheck.double({ min: minimumTtl, max: 1e9, noNaN: true })],
    (ttl) => {
      const timing = Either.getOrThrow(resolve({ ttl }))
      for (const name of Object.keys(defaults) as Array<keyof Timing>) {
        nearlyEqual(timing[name], defaults[name] * ttl / 15_000)
      }
    },
    500
  )

  it("takes what is given, and scales the rest", () => {
    const timing = Either.getOrThrow(resolve({ ttl: 30_000, heartbeat: 1_234 }))
    expect(timing).toMatchObject({ ttl: 30_000, heartbeat: 1_234, margin: 14_000 })
  })

  it.each<[string, Given, keyof Timing, RegExp]>([
    ["a ttl below the shortest", { ttl: minimumTtl - 1 }, "ttl", /ttl >= 500 ms/],
    ["maxStep = heartbeat", { heartbeat: 2_500 }, "maxStep", /maxStep > heartbeat/],
    ["maxStep = commandTimeout", { commandTimeout: 2_500 }, "maxStep", /maxStep > commandTimeout/],
    ["too small a margin", { margin: 6_799 }, "margin", /margin >= maxStep \+ stopBudget/],
    ["too large a maxStep for the margin", { maxStep: 2_701 }, "margin", /margin >= maxStep/],
    ["too large a stopBudget for the margin", { stopBudget: 3_201 }, "margin", /margin >= maxStep/],
    [
      "no time for a second try before the fence",
      { ttl: 11_000, margin: 7_000, heartbeat: 2_000, commandTimeout: 2_000, maxStep: 2_500, stopBudget: 3_000 },
      "heartbeat",
      /heartbeat \+ commandTimeout < ttl - margin/
    ]
  ])("refuses %s", (_, given, setting, rule) => {
    const error = errorOf(given)
    expect(error._tag).toBe("InvalidConfig")
    expect(error.setting).toBe(setting)
    expect(error.rule).toMatch(rule)
    expect(error.remedy).not.toBe("")
    expect(error.message).toContain(setting)
  })

  it("accepts every rule at its very edge", () => {
    expect(Either.isRight(resolve({ ttl: minimumTtl }))).toBe(true)
    expect(Either.isRight(resolve({ heartbeat: 2_499 }))).toBe(true)
    expect(Either.isRight(resolve({ commandTimeout: 2_499 }))).toBe(true)
    expect(Either.isRight(resolve({ margin: 6_800 }))).toBe(true)
    expect(Either.isRight(resolve({ maxStep: 2_700 }))).toBe(true)
    expect(Either.isRight(resolve({ stopBudget: 3_200 }))).toBe(true)
    expect(Either.isRight(resolve({ margin: 10_999 }))).toBe(true)
    expect(Either.isRight(resolve({ margin: 11_000 }))).toBe(false)
  })

  it.each(Object.keys(defaults) as Array<keyof Timing>)("refuses a %s that is not positive and finite", (name) => {
    for (const value of [0, -1, Number.NaN, Infinity]) {
      expect(errorOf({ [name]: value })).toMatchObject({ setting: name, value: `${value} ms` })
    }
  })

  const time = FastCheck.oneof(FastCheck.integer({ min: 1, max: 20_000 }), FastCheck.constant(undefined))

  holds(
    "that is accepted is sound by every rule of the protocol",
    [FastCheck.record({
      ttl: time,
      heartbeat: time,
      commandTimeout: time,
      maxStep: time,
      margin: time,
      stopBudget: time
    })],
    (given) => {
      const result = resolve(given)
      const scale = (given.ttl ?? 15_000) / 15_000
      const t = Object.fromEntries(
        (Object.keys(defaults) as Array<keyof Timing>).map((name) => [
          name,
          (given as Given)[name] ?? defaults[name] * scale
        ])
      ) as unknown as Timing
      const sound = t.ttl >= 500 && t.maxStep > t.heartbeat && t.maxStep > t.commandTimeout &&
        t.margin + 1e-6 >= t.maxStep + t.stopBudget + 0.02 * t.ttl + t.ttl / 15 &&
        t.heartbeat + t.commandTimeout < t.ttl - t.margin
      expect(Either.isRight(result)).toBe(sound)
      if (sound) expect(Either.getOrThrow(result)).toEqual(t)
    },
    5_000
  )

  holds(
    "with a margin that was raised as the remedy says is accepted",
    [FastCheck.integer({ min: 1, max: 3_000 }), FastCheck.integer({ min: 2_001, max: 2_999 })],
    (stopBudget, maxStep) => {
      const given = { maxStep, stopBudget, margin: 1 }
      const error = errorOf(given)
      const margin = Number(/raise margin to (\d+) ms/.exec(error.remedy)![1])
      expect(margin).toBe(Math.ceil(requiredMargin({ ...defaults, maxStep, stopBudget })))
      expect(Either.isRight(resolve({ ...given, margin }))).toBe(true)
    }
  )
})
