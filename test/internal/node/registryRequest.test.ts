import { describe, expect, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { RegistryClock } from "../../../src/internal/node/registryRequest.js"
import type { Envelope, Reply } from "../../../src/internal/registry/commands.js"
import { resolve } from "../../../src/internal/registry/timing.js"
import { handClock, holds } from "../../support/arbitrary.js"

const timing = Either.getOrThrow(resolve({}))
const { commandTimeout, maxStep } = timing

const makeHorizon = () => {
  const clock = handClock()
  return { clock, horizon: new RegistryClock("s", timing, clock, "rnd") }
}

const ok = (now: number, high = 1): Reply<unknown> => ({ _tag: "OK", now, high, log: 0, value: {} })

/** A registry as far as its clock goes: it advances by what has passed since the last command, `maxStep` at most. */
class Clock {
  private logical = 1_000
  private last = 0

  constructor(
    /** How much faster its machine's clock runs than true time. */
    private readonly rate: number,
    private readonly step = maxStep
  ) {}

  advance(at: number): number {
    this.logical += Math.min(Math.max((at - this.last) * this.rate, 0), this.step)
    this.last = at
    return this.logical
  }
}

interface Request {
  readonly sent: number
  readonly executed: number
  readonly answered: number
}

/** Requests, each of which takes some time to get there and back; some take very long. */
const requests: FastCheck.Arbitrary<ReadonlyArray<Request>> = FastCheck.array(
  FastCheck.record({
    wait: FastCheck.nat(3_000),
    there: FastCheck.oneof(FastCheck.nat(50), FastCheck.nat(commandTimeout), FastCheck.nat(20_000)),
    back: FastCheck.nat(1_000)
  }),
  { minLength: 2, maxLength: 20 }
).map((steps) => {
  let sent = 0
  return steps.map(({ back, there, wait }) => {
    sent += wait
    return { sent, executed: sent + there, answered: sent + there + back }
  })
})

interface Executed extends Request {
  readonly envelope: Envelope
  readonly accepted: boolean
  /** How long the request had been on its way whose answer the envelope was made by. */
  readonly lag: number
}

/** Plays the requests on a registry, in the order in which things happen. */
const play = (all: ReadonlyArray<Request>, clock: Clock): ReadonlyArray<Executed> => {
  const { clock: own, horizon } = makeHorizon()
  const envelopes = new Map<Request, Envelope>()
  const replies = new Map<Request, Reply<unknown>>()
  const lags = new Map<Request, number>()
  const done: Array<Executed> = []
  let base: Request | undefined
  const events = all.flatMap((request) => [
    { at: request.sent, order: 0, run: () => send(request) },
    { at: request.executed, order: 1, run: () => execute(request) },
    { at: request.answered, order: 2, run: () => hear(request) }
  ])
  const send = (request: Request) => {
    envelopes.set(request, horizon.envelope("e", request.sent))
    lags.set(request, base === undefined ? 0 : base.executed - base.sent)
  }
  const execute = (request: Request) => {
    const now = clock.advance(request.executed)
    const envelope = envelopes.get(request)!
    const accepted = now <= envelope.notAfter
    replies.set(request, accepted ? ok(now) : { _tag: "EXPIRED", now, high: 1 })
    done.push({ ...request, envelope, accepted, lag: lags.get(request)! })
  }
  const hear = (request: Request) => {
    // The caller has given up.
    if (request.answered - request.sent > commandTimeout) return
    horizon.observe(replies.get(request)!, request.sent, "e")
    if (base === undefined || request.sent >= base.sent) base = request
  }
  for (const { at, run } of events.sort((a, b) => a.at - b.at || a.order - b.order)) {
    own.time = at
    run()
  }
  return done.filter(({ envelope }) => envelope.notAfter > 0)
}

describe("notAfter", () => {
  it("is the registry's time at the last answered request, what passed since its sending, and the timeout", () => {
    const { clock, horizon } = makeHorizon()
    expect(horizon.envelope("e", 0).notAfter).toBe(0)
    clock.time = 300
    horizon.observe(ok(5_000), 100, "e")
    expect(horizon.envelope("e", 1_100.7).notAfter).toBe(Math.floor(5_000 + 1_000.7 + commandTimeout))
  })

  it("goes by the youngest request that was answered, in whatever order the answers come", () => {
    const { horizon } = makeHorizon()
    horizon.observe(ok(5_000), 200, "e")
    horizon.observe(ok(4_000), 100, "e")
    expect(horizon.envelope("e", 200).notAfter).toBe(5_000 + commandTimeout)
  })

  it("is the past for an era whose clock is not known, so that the answer tells the time", () => {
    const { horizon } = makeHorizon()
    horizon.observe(ok(5_000), 100, "old")
    expect(horizon.envelope("new", 200).notAfter).toBe(0)
    horizon.observe({ _tag: "EXPIRED", now: 7_000, high: 2 }, 200, "new")
    expect(horizon.envelope("new", 200).notAfter).toBe(7_000 + commandTimeout)
    expect(horizon.envelope("old", 200).notAfter).toBe(0)
  })

  it("is known of the era that an answer names", () => {
    const { horizon } = makeHorizon()
    horizon.observe({ _tag: "ERA", era: "new", now: 9_000, high: 1 }, 100, "")
    expect(horizon.envelope("new", 100).notAfter).toBe(9_000 + commandTimeout)
  })

  it("is learned from refusals too, save from those that tell no time", () => {
    const { horizon } = makeHorizon()
    horizon.observe({ _tag: "WRONGTYPE", key: "k" }, 100, "e")
    horizon.observe({ _tag: "VERSION", layout: "9" }, 100, "e")
    expect(horizon.envelope("e", 100).notAfter).toBe(0)
    horizon.observe({ _tag: "NOSESSION", now: 3_000, high: 1 }, 100, "e")
    expect(horizon.envelope("e", 100).notAfter).toBe(3_000 + commandTimeout)
  })

  holds(
    "lets no command take effect that was sent longer ago than the timeout, and the time that the last answered " +
      "request had taken to arrive: less than two timeouts in all",
    [requests],
    (all) => {
      // Its clock loses nothing: steps are not limited.
      for (const { accepted, executed, lag, sent } of play(all, new Clock(1, Infinity))) {
        if (!accepted) continue
        expect(executed - sent).toBeLessThanOrEqual(commandTimeout + lag)
        expect(lag).toBeLessThanOrEqual(commandTimeout)
      }
    },
    1_000
  )

  holds(
    "refuses no command that arrives in time, whatever the registry's clock has lost",
    [requests, FastCheck.constantFrom(1, 0.98)],
    (all, rate) => {
      for (const { accepted, executed, sent } of play(all, new Clock(rate))) {
        // Less the millisecond that is rounded away.
        if (executed - sent <= commandTimeout - 1) expect(accepted).toBe(true)
      }
    },
    1_000
  )
})

describe("envelope", () => {
  it("carries the highest counter seen, the time for seeding, the timings, and a name that never repeats", () => {
    const { clock, horizon } = makeHorizon()
    clock.time = 5_999
    horizon.observe(ok(1, 70), 1, "e")
    horizon.observe(ok(2, 60), 2, "e")
    const [a, b] = [horizon.envelope("e", 3), horizon.envelope("e", 3)]
    expect(a).toMatchObject({ scope: "s", era: "e", high: 70, seconds: 1_000_005, ttl: timing.ttl, maxStep })
    expect(a.bits).not.toBe(b.bits)
    expect(a.bits.startsWith("rnd")).toBe(true)
  })
})
