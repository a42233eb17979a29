/**
 * The times of the ownership protocol, derived from one setting, and the rules that keep leases sound.
 *
 * @internal
 */
import * as Either from "effect/Either"
import { InvalidConfig } from "../../PogoError.js"

/** All in milliseconds. */
export interface Timing {
  /** How long a session lives without a renewal. */
  readonly ttl: number
  /** Between renewals. */
  readonly heartbeat: number
  /** How long a call to the registry may take. */
  readonly commandTimeout: number
  /** The most by which one command advances the registry's clock. */
  readonly maxStep: number
  /** How long before the end of its lease a node stops its children. */
  readonly margin: number
  /** How long children may take to end when the lease is lost. */
  readonly stopBudget: number
  /** Quiet time after a membership change before running children move. */
  readonly moveDebounce: number
  /** Between passes of the safety net. */
  readonly syncInterval: number
}

/** The shortest lease that is accepted. */
export const minimumTtl = 500

/** Every time as its share of the default `ttl` of 15 seconds. */
const shares: Timing = {
  ttl: 15_000,
  heartbeat: 2_000,
  commandTimeout: 2_000,
  maxStep: 2_500,
  margin: 7_000,
  stopBudget: 3_000,
  moveDebounce: 1_000,
  syncInterval: 30_000
}

const names = Object.keys(shares) as ReadonlyArray<keyof Timing>

/** How far the clock rates of two machines may differ, twice. */
const drift = 0.02

/** What a pause of the process may delay a fence by, as a share of `ttl`: one second of fifteen. */
const pause = 1 / 15

/** The smallest sound margin for the other times. */
export const requiredMargin = (timing: Timing): number =>
  timing.maxStep + timing.stopBudget + (drift + pause) * timing.ttl

/** The longest lease that is accepted: the longest time that a timer of Node can wait for, 24 days. */
export const maximumTtl = 2 ** 31 - 1

interface Rule {
  readonly setting: keyof Timing
  readonly rule: string
  readonly remedy: (timing: Timing) => string
  readonly holds: (timing: Timing) => boolean
}

const rules: ReadonlyArray<Rule> = [
  {
    setting: "ttl",
    rule: `ttl >= ${minimumTtl} ms`,
    remedy: () => `use at least ${minimumTtl} ms, and 5 seconds or more in production`,
    holds: (t) => t.ttl >= minimumTtl
  },
  {
    setting: "ttl",
    rule: `ttl <= ${maximumTtl} ms`,
    remedy: () => "use 24 days at most; a crashed node's children wait for as long",
    holds: (t) => t.ttl <= maximumTtl
  },
  {
    setting: "maxStep",
    rule: "maxStep > heartbeat",
    remedy: (t) => `raise maxStep above ${t.heartbeat} ms, or lower heartbeat`,
    holds: (t) => t.maxStep > t.heartbeat
  },
  {
    setting: "maxStep",
    rule: "maxStep > commandTimeout",
    remedy: (t) => `raise maxStep above ${t.commandTimeout} ms, or lower commandTimeout`,
    holds: (t) => t.maxStep > t.commandTimeout
  },
  {
    setting: "margin",
    rule: "margin >= maxStep + stopBudget + 0.02 ttl + ttl / 15",
    remedy: (t) => `raise margin to ${Math.ceil(requiredMargin(t))} ms, or lower maxStep or stopBudget`,
    holds: (t) => t.margin + 1e-6 >= requiredMargin(t)
  },
  {
    setting: "heartbeat",
    rule: "heartbeat + commandTimeout < ttl - margin",
    remedy: (t) => `lower heartbeat and commandTimeout to a sum below ${Math.floor(t.ttl - t.margin)} ms, or raise ttl`,
    holds: (t) => t.heartbeat + t.commandTimeout < t.ttl - t.margin
  }
]

const invalid = (setting: string, value: number, rule: string, remedy: string): InvalidConfig =>
  new InvalidConfig({ setting, value: `${value} ms`, rule, remedy })

/** Scales what is not given by `ttl`, and checks the rules. */
export const resolve = (
  given: { readonly [K in keyof Timing]?: number | undefined }
): Either.Either<Timing, InvalidConfig> => {
  const scale = (given.ttl ?? shares.ttl) / shares.ttl
  const timing = Object.fromEntries(names.map((name) => [name, given[name] ?? shares[name] * scale])) as unknown as
    & Timing
    & { readonly [name: string]: number }
  for (const name of names) {
    if (!(timing[name] > 0) || !Number.isFinite(timing[name])) {
      return Either.left(invalid(name, timing[name], `${name} > 0 and finite`, "give a positive duration"))
    }
  }
  for (const { holds, remedy, rule, setting } of rules) {
    if (!holds(timing)) return Either.left(invalid(setting, timing[setting], rule, remedy(timing)))
  }
  return Either.right(timing)
}

/** Until when a lease holds that was renewed by a request sent at `sent`. */
export const deadline = (timing: Timing, sent: number): number => sent + timing.ttl - timing.margin
