/**
 * A hostile peer at the port of a node: it costs a bounded amount of memory, and harms nobody else.
 */
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, LogLevel } from "effect"
import { GroupRegistry, Pogo } from "effect-pogo"
import type * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import { Packr } from "msgpackr"
import { randomBytes } from "node:crypto"
import type { Duplex } from "node:stream"
import { Internals } from "../../src/internal/internals.js"
import {
  encodeHandshake,
  makeNonce,
  proofOf,
  readChallenge,
  readWelcome
} from "../../src/internal/transport/authenticate.js"
import { frameHeader, FrameReader } from "../../src/internal/transport/framing.js"
import { clientOf, Counter, counterLive, Notes } from "../rpc/support.js"
import { rawTo, streamTo, type Transport, transports } from "./support/transports.js"

const secret = "0123456789abcdef0123456789abcdef"
const codec = new Packr({ useRecords: false })
const megabyte = 1024 * 1024

/** Two good nodes: one of them is attacked, the other calls it meanwhile. */
const sceneOver = (transport: Transport) => (options: NodeTransportSocket.Options = {}) =>
  Effect.gen(function*() {
    const registry = yield* GroupRegistry.makeMemory()
    const make = (name: string, kinds: Layer.Layer<never, unknown, Pogo.Pogo>) =>
      Effect.gen(function*() {
        const layer = kinds.pipe(
          Layer.provideMerge(Pogo.layer({ name })),
          Layer.provide(transport.layer({ secret, ...options })),
          Layer.provide(Layer.succeed(GroupRegistry.GroupRegistry, registry)),
          Layer.provide(Logger.minimumLogLevel(LogLevel.None))
        )
        const pogo = Context.get(yield* Effect.orDie(Layer.build(layer)), Pogo.Pogo)
        return { name, pogo, stop: Effect.void, crash: Effect.void }
      })
    const victim = yield* make("victim", counterLive(new Notes()))
    const friend = yield* make("friend", Layer.empty)
    yield* friend.pogo.startChild(Counter.spec("x", {}))
    const { token } = yield* friend.pogo.awaitChild("Counter/x")
    const counters = yield* clientOf(friend)
    const { address } = victim.pogo[Internals].node.own
    return { address, token: Number(token), friendly: Effect.orDie(counters("x").echo("alive")) }
  })

interface Attacker {
  readonly socket: Duplex
  readonly closed: () => boolean
  readonly received: Array<Uint8Array>
}

/** Uses a stream of bytes to the port. */
const attackOver = (socket: Duplex): Attacker => {
  let closed = socket.destroyed
  const received: Array<Uint8Array> = []
  const frames = new FrameReader(64 * megabyte)
  socket.on("error", () => {})
  socket.on("close", () => (closed = true))
  socket.on("data", (data: Buffer) => frames.push(data, (frame) => received.push(Buffer.from(frame)) > 0))
  return { socket, closed: () => closed, received }
}

/** Comes as nodes come. */
const attack = (address: string) => Effect.map(streamTo(address), attackOver)

/** Only connects. */
const knock = (address: string) => Effect.map(rawTo(address), attackOver)

const until = (what: string, condition: () => boolean) =>
  Effect.sleep("10 millis").pipe(
    Effect.repeat({ until: condition }),
    Effect.timeoutFail({ duration: "2 minutes", onTimeout: () => new Error(`never came true: ${what}`) }),
    Effect.orDie
  )

const frame = (body: Uint8Array): Buffer => Buffer.concat([frameHeader(body.length), body])
const message = (value: unknown): Buffer => frame(codec.pack(value))

/** Introduces itself, with what is changed about it. */
const introduce = (attacker: Attacker, change: { readonly [name: string]: unknown } = {}) =>
  Effect.gen(function*() {
    yield* until("a challenge", () => attacker.received.length > 0)
    const challenge = readChallenge(attacker.received.shift()!)!
    const nonce = makeNonce()
    const self = { scope: "default", node: "evil" }
    const proof = proofOf(secret, "caller", self, challenge.nonce, nonce)
    const said = { version: 1, ...self, nonce, proof, ...change }
    attacker.socket.write(frame(encodeHandshake(said)))
    yield* until("an answer", () => attacker.received.length > 0 || attacker.closed())
    const answer = attacker.received.shift()
    return { welcome: answer === undefined ? undefined : readWelcome(answer), said: encodeHandshake(said) }
  })

const call = (n: unknown, token: number, tag: string, payload: unknown, left = 60_000) =>
  message([0, n, "Counter/x", token, tag, payload, left])

/** A call that was turned away once, and comes again. */
const callAgain = (n: unknown, token: number, tag: string) =>
  message([0, n, "Counter/x", token, tag, undefined, 60_000, undefined, undefined, true])

const memory = () => process.memoryUsage().rss / megabyte

describe.each(transports.slice(0, 2))("a stranger, over $name,", (transport) => {
  const scene = sceneOver(transport)

  it.scopedLive("that sends garbage, half a frame, or nothing, is gone in a moment", () =>
    Effect.gen(function*() {
      const { address, friendly } = yield* scene({ authTimeout: "1 second" })
      const inputs: ReadonlyArray<Buffer> = [
        randomBytes(100_000),
        frameHeader(0xffffffff),
        frameHeader(2_049),
        Buffer.concat([frameHeader(100), Buffer.from("{")]),
        frame(Buffer.from("{\"version\":1}")),
        frame(Buffer.from("[".repeat(2_000))),
        frame(Buffer.from("null")),
        Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        Buffer.alloc(0)
      ]
      for (const input of inputs) {
        for (const come of [attack, knock]) {
          const attacker = yield* come(address)
          attacker.socket.write(input)
          yield* until(`the end of ${input.subarray(0, 10).toString("hex")}`, attacker.closed)
          expect(attacker.received.length).toBeLessThanOrEqual(1)
        }
      }
      expect(yield* friendly).toBe("alive")
    }))

  it.scopedLive("with a wrong proof, version or scope is refused; a proof that was overheard is of no use", () =>
    Effect.gen(function*() {
      const { address } = yield* scene({ authTimeout: "1 second" })
      const first = yield* attack(address)
      const good = yield* introduce(first)
      expect(good.welcome).toMatchObject({ ok: true, node: "victim" })
      const replayed = yield* attack(address)
      yield* until("a challenge", () => replayed.received.length > 0)
      replayed.received.length = 0
      replayed.socket.write(frame(good.said))
      yield* until("an answer", () => replayed.received.length > 0)
      expect(readWelcome(replayed.received[0]!)).toMatchObject({ ok: false })
      yield* until("its end", replayed.closed)
      for (const change of [{ proof: "00" }, { version: 2 }, { scope: "other" }, { node: "somebody else" }]) {
        const attacker = yield* attack(address)
        expect((yield* introduce(attacker, change)).welcome).toMatchObject({ ok: false })
        yield* until("its end", attacker.closed)
      }
    }))

  it.scopedLive("many at once are not taken beyond the limit, and those who belong here come in afterwards", () =>
    Effect.gen(function*() {
      const { address, friendly } = yield* scene({ authTimeout: "1 second", connections: 20 })
      const crowd = yield* Effect.forEach(Array.from({ length: 100 }), () => knock(address), { concurrency: 20 })
      yield* until("all but a few are gone", () => crowd.filter(({ closed }) => !closed()).length <= 20)
      yield* until("all are gone", () => crowd.every(({ closed }) => closed()))
      expect(yield* friendly).toBe("alive")
    }))
})

describe.each(transports.slice(0, 2))("a peer that knows the secret and is broken, over $name:", (transport) => {
  const scene = sceneOver(transport)

  it.scopedLive("what is no message ends its connection; what makes no sense is ignored", () =>
    Effect.gen(function*() {
      const { address, friendly, token } = yield* scene()
      const bombs = [
        frame(Buffer.from([0xdd, 0x01, 0xff, 0xff, 0xff])),
        frame(Buffer.from(Array.from({ length: 1_000 }, () => 0x91))),
        frame(randomBytes(1_000)),
        frameHeader(megabyte + 1),
        frame(Buffer.alloc(0))
      ]
      for (const bomb of bombs) {
        const attacker = yield* attack(address)
        yield* introduce(attacker)
        attacker.socket.write(bomb)
        yield* until("its end", attacker.closed)
      }
      const attacker = yield* attack(address)
      yield* introduce(attacker)
      const nonsense = [7, null, {}, [], ["x"], [99, 1], [0], [0, 1, 2], [0, "1", "Counter/x", token, "get", null, 5]]
      for (const value of nonsense) attacker.socket.write(message(value))
      for (const value of [[1, 5], [2, 5, 1e9], [2, 5, -1], [0, 1, "Counter/x", -1, "__proto__", null, 1e9]]) {
        attacker.socket.write(message(value))
      }
      attacker.socket.write(call(2, token, "get", undefined))
      yield* until("an answer", () => attacker.received.length > 1)
      expect(attacker.closed()).toBe(false)
      expect(yield* friendly).toBe("alive")
    }))

  it.scopedLive("values that no node sends end its connection, though a decoder would take them", () =>
    Effect.gen(function*() {
      const { address, friendly } = yield* scene()
      const values = {
        "deeply nested": Buffer.from([...Array.from({ length: 200 }, () => 0x91), 0xc0]),
        "a definition of a record": Buffer.from([0x92, 0x63, 0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0xc0]),
        "a set": Buffer.from([0x92, 0x63, 0xc7, 2, 0x73, 0x91, 0x01]),
        "an error": Buffer.from([0x92, 0x63, 0xc7, 4, 0x65, 0x92, 0xa1, 0x61, 0xc0]),
        "a regular expression": Buffer.from([0x92, 0x63, 0xc7, 4, 0x78, 0x92, 0xa1, 0x61, 0xa0]),
        "a number of many digits": Buffer.concat([
          Buffer.from([0x92, 0x63, 0xc8, 0x08, 0x00, 0x42]),
          Buffer.alloc(2_048, 1)
        ]),
        "one behind the other": Buffer.from([0x91, 0x63, 0x91, 0x63])
      }
      for (const [what, value] of Object.entries(values)) {
        const attacker = yield* attack(address)
        yield* introduce(attacker)
        attacker.socket.write(frame(value))
        yield* until(`the end of ${what}`, attacker.closed)
      }
      expect(yield* friendly).toBe("alive")
    }))

  it.scopedLive("a flood of calls that are never read costs a bounded amount of memory", () =>
    Effect.gen(function*() {
      const { address, friendly, token } = yield* scene()
      yield* friendly
      const before = memory()
      let peak = before
      const attackers = yield* Effect.forEach([1, 2, 3], () =>
        Effect.tap(attack(address), (attacker) => introduce(attacker)))
      const big = "x".repeat(500_000)
      for (const { socket } of attackers) {
        socket.pause()
      }
      for (let round = 0; round < 60; round++) {
        for (const { socket } of attackers) {
          // Calls that wait for ever, and calls with large answers.
          if (socket.writableLength < 4 * megabyte) {
            socket.write(call(round * 2, token, "echo", big))
            for (let i = 0; i < 200; i++) {
              socket.write(call(1_000 + round * 200 + i, token, "wait", { millis: 60_000 }))
            }
          }
        }
        yield* Effect.sleep("10 millis")
        peak = Math.max(peak, memory())
      }
      expect(peak - before).toBeLessThan(250)
      process.stderr.write(
        `hostile flood over ${transport.name}: ${Math.round(before)} MiB before, ${Math.round(peak)} MiB at most\n`
      )
      for (const { socket } of attackers) {
        socket.destroy()
      }
      yield* Effect.sleep("200 millis")
      expect(yield* friendly).toBe("alive")
    }))

  it.scopedLive("an old token, or one from the future, is served or refused as its claim says; no child is harmed", () =>
    Effect.gen(function*() {
      const { address, token } = yield* scene()
      const attacker = yield* attack(address)
      yield* introduce(attacker)
      attacker.socket.write(call(1, token + 1, "get", undefined))
      // It would overtake the first, which was turned away.
      attacker.socket.write(call(2, token, "get", undefined))
      attacker.socket.write(callAgain(3, token, "get"))
      attacker.socket.write(callAgain(3, token, "get"))
      yield* until("three answers", () => attacker.received.length >= 3)
      const answers = attacker.received.map((body) => (codec.unpack(body) as ReadonlyArray<unknown>))
      expect(answers.find(([, n]) => n === 1)?.slice(0, 3)).toEqual([12, 1, "notHere"])
      expect(answers.find(([, n]) => n === 2)?.slice(0, 3)).toEqual([12, 2, "notHere"])
      expect(answers.find(([, n]) => n === 3)).toEqual([10, 3, 0])
    }))
})
