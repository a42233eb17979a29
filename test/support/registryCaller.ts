/** A caller of a registry: keeps what it has seen, as a node does, and speaks the commands that tests need briefly. */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as TestClock from "effect/TestClock"
import type {
  Args,
  CommandName,
  DirectiveWhat,
  DirectResult,
  Envelope,
  Ok,
  PutMode,
  PutResult,
  Reply,
  Value
} from "../../src/GroupRegistry.js"
import { type DirectiveRecord, parseDirective, parseSpec } from "../../src/internal/registry/state.js"
import type { RegistryUnavailable } from "../../src/PogoError.js"
import type { Subject } from "./registrySubject.js"

export const ttl = 15_000
export const maxStep = 2_500

let calls = 0

/** How often a command that was not even sent is tried again: connections to a server take longest on a busy machine. */
const tries = 600

/**
 * Tries again for as long as there is no connection, in real time: what is tested has a clock of its own. `anew`: also when
 * one was lost before the answer came, for what may be asked twice.
 */
const patiently = <A>(
  effect: Effect.Effect<A, RegistryUnavailable>,
  anew: boolean,
  left = tries
): Effect.Effect<A, RegistryUnavailable> =>
  Effect.catchIf(
    effect,
    (error) => error.reason === "Disconnected" && (anew || !error.sent) && left > 0,
    () =>
      Effect.zipRight(
        Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50))),
        patiently(effect, anew, left - 1)
      )
  )

/** One caller of one scope. */
export class Caller {
  era = ""
  high = 0
  now = 0
  /** The newest log position that a reply told: what wakes others. */
  log = 0

  constructor(readonly subject: Subject) {}

  envelope(changes: Partial<Envelope> = {}): Envelope {
    const { era, high } = this
    const scope = this.subject.scope
    return { scope, era, notAfter: Infinity, high, seconds: 0, bits: `era-${++calls}`, ttl, maxStep, ...changes }
  }

  /** Sends a command, and learns from the reply, though not the era. */
  send<K extends CommandName>(
    name: K,
    args: Args<K>,
    changes: Partial<Envelope> = {}
  ): Effect.Effect<Reply<Value<K>>> {
    return patiently(this.subject.registry.execute(name, this.envelope(changes), args), name === "tick").pipe(
      Effect.orDie,
      Effect.tap((reply) =>
        Effect.sync(() => {
          if ("high" in reply) this.high = Math.max(this.high, reply.high)
          if ("now" in reply) this.now = reply.now
          if (reply._tag === "OK") this.log = reply.log
        })
      )
    )
  }

  /** Sends a command that may fail. */
  attempt<K extends CommandName>(
    name: K,
    args: Args<K>
  ): Effect.Effect<Either.Either<Reply<Value<K>>, RegistryUnavailable>> {
    return Effect.either(this.subject.registry.execute(name, this.envelope(), args))
  }

  /** Sends a command that must succeed. */
  ok<K extends CommandName>(name: K, args: Args<K>): Effect.Effect<Ok<Value<K>>> {
    return Effect.flatMap(this.send(name, args), (reply) =>
      reply._tag === "OK"
        ? Effect.succeed(reply)
        : Effect.die(new Error(`${name} answered ${JSON.stringify(reply)}`)))
  }

  /** The tag of the reply. */
  tag<K extends CommandName>(name: K, args: Args<K>, changes: Partial<Envelope> = {}): Effect.Effect<string> {
    return Effect.map(this.send(name, args, changes), ({ _tag }) => _tag)
  }

  /** Asks for the era, and takes it over. */
  readonly learn: Effect.Effect<void> = Effect.suspend(() =>
    Effect.map(this.send("tick", { sid: "" }, { era: "" }), (reply) => {
      if (reply._tag === "ERA") this.era = reply.era
    })
  )

  /** Lets the registry's own clock advance; none of its sessions renews meanwhile. */
  pass(millis: number): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      for (let left = millis; left > 0; left -= maxStep) {
        yield* TestClock.adjust(Math.min(left, maxStep))
        yield* this.send("nodes", {}, { era: "" })
      }
    })
  }

  /** As `pass`, with a renewal at each step. */
  live(millis: number, ...sids: ReadonlyArray<string>): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      for (let left = millis; left > 0; left -= maxStep) {
        yield* TestClock.adjust(Math.min(left, maxStep))
        for (const sid of sids) yield* this.ok("tick", { sid })
      }
    })
  }

  /** Opens a session. */
  open(sid: string, changes: Partial<Args<"open">> = {}): Effect.Effect<Reply<Value<"open">>> {
    const args: Args<"open"> = { sid, version: 1, record: "{}", mode: "fresh", claims: [], last: true, supersedes: "" }
    return this.send("open", { ...args, ...changes })
  }

  /** Learns the era and opens a session in it. */
  join(sid: string): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      if (this.era === "") yield* this.learn
      const reply = yield* this.open(sid)
      if (reply._tag !== "OK") return yield* Effect.die(new Error(`open answered ${reply._tag}`))
    })
  }

  /** Registers one spec; the op is the id unless told. */
  put(
    id: string,
    { body = "{}", generation = 0, mode = "ensure", op = `put-${id}` }: {
      readonly body?: string
      readonly generation?: number
      readonly mode?: PutMode
      readonly op?: string
    } = {}
  ): Effect.Effect<PutResult> {
    return Effect.map(
      this.ok("put", { mode, items: [{ id, op, generation, body }] }),
      ({ value }) => value.results[0]!
    )
  }

  /** Registers a spec anew, and tells its generation. */
  create(id: string, body = "{}"): Effect.Effect<number> {
    return Effect.flatMap(this.put(id, { body, op: `create-${++calls}` }), (result) =>
      result._tag === "CREATED"
        ? Effect.succeed(parseSpec(result.spec)!.generation)
        : Effect.die(new Error(`put answered ${result._tag}`)))
  }

  claim(sid: string, id: string, generation: number) {
    return Effect.map(this.ok("claim", { sid, items: [{ id, generation }] }), ({ value }) => value.results[0]!)
  }

  /** Claims what is vacant, and tells the token. */
  own(sid: string, id: string, generation: number): Effect.Effect<number> {
    return Effect.flatMap(this.claim(sid, id, generation), (result) =>
      result._tag === "GRANTED"
        ? Effect.succeed(result.token)
        : Effect.die(new Error(`claim answered ${result._tag}`)))
  }

  del(id: string, generation: number, op = "del") {
    return Effect.map(this.ok("del", { items: [{ id, op, generation }] }), ({ value }) => value.results[0]!)
  }

  /** Gives a directive; the op is new unless told. */
  direct(name: string, what: DirectiveWhat, changes: Partial<Args<"direct">> = {}): Effect.Effect<DirectResult> {
    const args = { name, what, op: `direct-${++calls}`, by: "somebody", reason: "", seen: this.high, ...changes }
    return Effect.map(this.ok("direct", args), ({ value }) => value.result)
  }

  /** Gives a directive that is stored, and tells its record. */
  directed(name: string, what: DirectiveWhat, changes: Partial<Args<"direct">> = {}): Effect.Effect<DirectiveRecord> {
    return Effect.flatMap(this.direct(name, what, changes), (result) =>
      result._tag === "STORED"
        ? Effect.succeed(parseDirective(result.record)!)
        : Effect.die(new Error(`direct answered ${result._tag}`)))
  }

  /** All directives, by name. */
  readonly directives = Effect.suspend(() =>
    Effect.map(
      this.ok("nodes", {}),
      ({ value }) => new Map(value.directives.map(({ name, record }) => [name, parseDirective(record)!]))
    )
  )

  release(sid: string, id: string, token: number, refused = ""): Effect.Effect<number> {
    return Effect.map(this.ok("release", { sid, items: [{ id, token, refused }] }), ({ value }) => value.released)
  }

  /** Everything, page by page. */
  readonly everything = Effect.suspend(() =>
    Effect.gen(this, function*() {
      const items = new Map<string, Value<"snap">["items"][number]>()
      let cursor = ""
      do {
        const { value } = yield* this.ok("snap", { cursor })
        for (const item of value.items) items.set(item.id, item)
        cursor = value.next
      } while (cursor !== "")
      return items
    })
  )
}
