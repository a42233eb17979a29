/**
 * Random data for property tests, and the few builders that tests of the pure parts share.
 */
import { it } from "@effect/vitest"
import { Effect, Either, FastCheck, type Scope, TestContext } from "effect"
import { ChildSpec } from "effect-pogo"
import { encodeBody, type SpecBody } from "../../src/internal/kind/specCodec.js"
import { maxCounter } from "../../src/internal/registry/bounds.js"
import type { Args, CommandName, Item, NodeItem, PutMode, Reply, Value } from "../../src/internal/registry/commands.js"
import { execute } from "../../src/internal/registry/machine.js"
import {
  emptyState,
  formatNode,
  formatSpec,
  parseClaim,
  parseSpec,
  type RegistryState,
  type SpecRecord
} from "../../src/internal/registry/state.js"
import { encodeNodeRecord, knowledge, type NodeRecord, unreadable } from "../../src/internal/replica/nodeRecord.js"
import { type Entry, type KnownSpec, makeEntry, readSpec } from "../../src/internal/replica/replica.js"
import type { Ambient } from "../../src/internal/runtime/environment.js"
import { Random } from "./registrySteps.js"

/** One seed for every property, so that a run repeats itself; another one explores. A failure prints it. */
const seed = Number(process.env["POGO_TEST_SEED"] ?? 20_240_229)

type Arbitraries<Ts extends [unknown, ...Array<unknown>]> = { [K in keyof Ts]: FastCheck.Arbitrary<Ts[K]> }

/** A test of a rule that holds for all values. */
export const holds = <Ts extends [unknown, ...Array<unknown>]>(
  name: string,
  arbitraries: Arbitraries<Ts>,
  rule: (...args: Ts) => void,
  numRuns = 200
): void => {
  it(name, () => FastCheck.assert(FastCheck.property(...arbitraries, rule), { seed, numRuns }))
}

/** A test of a rule whose every trial is an effect, in a virtual time of its own. */
export const holdsEffect = <Ts extends [unknown, ...Array<unknown>]>(
  name: string,
  arbitraries: Arbitraries<Ts>,
  rule: (...args: Ts) => Effect.Effect<void, never, Scope.Scope>,
  numRuns = 100
): void => {
  const run = (...args: Ts) =>
    Effect.runPromise(rule(...args).pipe(Effect.scoped, Effect.provide(TestContext.TestContext)))
  it(name, () => FastCheck.assert(FastCheck.asyncProperty(...arbitraries, run), { seed, numRuns }))
}

/** Text of the sort that breaks parsers, and the names of what every object inherits. */
export const hostileText: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "",
    " ",
    "a|b",
    "a:b",
    "é\n"
  ),
  FastCheck.string({ unit: "binary", maxLength: 12 }),
  FastCheck.string({ maxLength: 12 })
)

/** Any well-formed text that may name something. */
export const nameText: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.constantFrom("__proto__", "constructor", "toString", "n1", "k", "zone", "日本", "🐎"),
  FastCheck.string({ unit: "grapheme", minLength: 1, maxLength: 8 })
).filter((text) => text.isWellFormed() && !/[\p{Cc}/]/u.test(text))

/** A random source, for trials that take many steps: shown as its seed. */
export const random: FastCheck.Arbitrary<() => Random> = FastCheck.nat().map((seed) =>
  Object.assign(() => new Random(seed), { [FastCheck.toStringMethod]: () => `random ${seed}` })
)

/** Plain JSON, as a schema's encoded side is. */
export const json: FastCheck.Arbitrary<FastCheck.JsonValue> = FastCheck.jsonValue({
  maxDepth: 4,
  noUnicodeString: false
})

/** Small counter values: equal ones are likely. */
export const counter = FastCheck.integer({ min: 1, max: 12 })

/** Counter values of any size that a registry may reach. */
export const bigCounter = FastCheck.oneof(
  FastCheck.nat(),
  FastCheck.integer({ min: 2 ** 51 - 9, max: 2 ** 51 + 9 }),
  FastCheck.integer({ min: maxCounter - 9, max: maxCounter }),
  FastCheck.integer({ min: 0, max: maxCounter })
)

/** `count` names. */
export const names = (count: number, prefix = "n"): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`)

/** What a node publishes, as the registry stores it. */
export const nodeItem = (
  sid: string,
  record: Partial<NodeRecord> = {},
  header: { readonly version?: number; readonly opened?: number } = {}
): NodeItem => {
  const whole: NodeRecord = {
    ...unreadable,
    name: sid.split("#")[0]!,
    weight: 1,
    kinds: { K: { version: 1, digest: "d" } },
    cordoned: false,
    knows: knowledge,
    ...record
  }
  const { opened = 1, version = 1 } = header
  return { sid, record: formatNode({ version, opened, json: encodeNodeRecord(whole) }) }
}

type SpecFields = Omit<ConstructorParameters<typeof ChildSpec.ChildSpec>[0], "key" | "kind">

/** The canonical text of a spec. */
export const bodyText = (id: string, fields: Partial<SpecFields> = {}): string => {
  const slash = id.indexOf("/")
  const spec = { payload: {}, ...fields, kind: id.slice(0, slash), key: id.slice(slash + 1) }
  return Either.getOrThrow(encodeBody(new ChildSpec.ChildSpec(spec, { disableValidation: true })))
}

/** A stored spec. Generation and stamp are 1 unless they are given. */
export const specText = (id: string, header: Partial<SpecRecord> = {}, fields: Partial<SpecFields> = {}): string =>
  formatSpec({
    generation: 1,
    stamp: header.generation ?? 1,
    op: "op",
    initial: false,
    failed: false,
    birth: header.generation ?? 1,
    stateful: false,
    refused: [],
    body: bodyText(id, fields),
    ...header
  })

/** A spec as a node knows it. */
export const knownSpec = (id: string, header: Partial<SpecRecord> = {}, fields: Partial<SpecFields> = {}): KnownSpec =>
  readSpec(id, specText(id, header, fields))!

/** A registered child as a node knows it. */
export const entryOf = (id: string, header: Partial<SpecRecord> = {}, fields: Partial<SpecFields> = {}): Entry =>
  Object.assign(makeEntry(id), { spec: knownSpec(id, header, fields) })

/** A complete row of which nothing is there, save for what is given. */
export const row = (id: string, parts: Partial<Item> = {}): Item => ({
  id,
  spec: null,
  tomb: null,
  claim: null,
  stat: null,
  trial: null,
  ...parts
})

/** A clock that is set by hand. */
export interface HandClock extends Ambient {
  /** Elapsed milliseconds. */
  time: number
}

/** Surroundings whose time stands still until it is set. The wall clock is ahead by a million seconds. */
export const handClock = (): HandClock => {
  const clock: HandClock = {
    time: 0,
    now: () => clock.time,
    wall: () => clock.time + 1_000_000_000,
    yieldTurn: Effect.yieldNow(),
    randomId: Effect.succeed("0".repeat(32))
  }
  return clock
}

type Step =
  | "ensure"
  | "initial"
  | "replace"
  | "bump"
  | "del"
  | "claim"
  | "release"
  | "report"
  | "finish"
  | "open"
  | "close"
  | "wait"

const steps: ReadonlyArray<Step> = [
  ...["ensure", "ensure", "ensure", "initial", "replace", "bump", "del", "del", "claim", "claim", "claim"] as const,
  ...["release", "report", "finish", "open", "close", "wait"] as const
]

/** A data set with a life of its own: the registry's rules, driven by random calls of random nodes. */
export class History {
  /** The time is in seconds since 1970: the counter begins low. */
  private time = 0
  private ops = 0

  constructor(
    readonly random: Random,
    readonly ids: ReadonlyArray<string>,
    readonly state: RegistryState = emptyState(),
    private readonly name = "r",
    /** The highest counter value that the callers have seen. */
    private readonly seen = 0
  ) {
    this.execute("nodes", {})
  }

  /** The counter. */
  get high(): number {
    return this.state.meta!.high
  }

  execute<K extends CommandName>(name: K, args: Args<K>): Reply<Value<K>> {
    const era = this.state.meta?.era ?? ""
    const envelope = {
      scope: "s",
      era,
      notAfter: Infinity,
      high: this.seen,
      seconds: 0,
      bits: `${this.name}.${++this.ops}`,
      ttl: 100,
      maxStep: 50
    }
    return execute(this.state, { time: this.time, run: this.name, trust: true }, envelope, name, args)
  }

  /** Runs a command that takes effect. */
  call<K extends CommandName>(name: K, args: Args<K>): Value<K> {
    const reply = this.execute(name, args)
    if (reply._tag !== "OK") throw new Error(`${name} answered ${reply._tag}`)
    return reply.value
  }

  /** Everything that is known of an id. */
  row(id: string): Item {
    const { claim, spec, stat, tomb } = this.state
    return row(id, {
      spec: spec.get(id) ?? null,
      tomb: tomb.get(id) ?? null,
      claim: claim.get(id) ?? null,
      stat: stat.get(id) ?? null
    })
  }

  private get sid(): string {
    const live = Array.from(this.state.sess.keys())
    return live.length === 0 ? "none" : this.random.pick(live)
  }

  private put(mode: PutMode): void {
    const id = this.random.pick(this.ids)
    const generation = parseSpec(this.state.spec.get(id) ?? "")?.generation ?? 0
    const body = bodyText(id, { payload: this.random.below(3) })
    this.execute("put", { mode, items: [{ id, op: `op${++this.ops}`, generation, body }] })
  }

  private owned(): { readonly id: string; readonly sid: string; readonly token: number; readonly generation: number } {
    const [id, raw] = this.state.claim.size === 0 ? ["", ""] : this.random.pick(Array.from(this.state.claim))
    return { id, ...(parseClaim(raw) ?? { token: 0, generation: 0, sid: "none" }) }
  }

  /** One random call. */
  step(step: Step = this.random.pick(steps)): void {
    const id = this.random.pick(this.ids)
    const generation = parseSpec(this.state.spec.get(id) ?? "")?.generation ?? 0
    const { generation: ownedGeneration, id: ownedId, sid, token } = this.owned()
    const stat = `${token}:running:${this.random.below(3)}:1:0:`
    switch (step) {
      case "ensure":
        return this.put("ensure")
      case "initial":
        return this.put("ensureInitial")
      case "replace":
      case "bump":
        return this.put(step)
      case "del":
        return void this.execute("del", { items: [{ id, op: `op${++this.ops}`, generation }] })
      case "claim":
        return void this.execute("claim", { sid: this.sid, items: [{ id, generation }] })
      case "release":
        return void this.execute("release", { sid, items: [{ id: ownedId, token, refused: "" }] })
      case "report":
        return void this.execute("report", { sid, items: [{ id: ownedId, token, stat }] })
      case "finish": {
        const how = this.random.chance(0.5) ? "ended" : "failed"
        return void this.execute("finish", {
          sid,
          items: [{ id: ownedId, generation: ownedGeneration, token, how, stat }]
        })
      }
      case "open": {
        const args = { version: 1, record: "{}", mode: "fresh" as const, claims: [], last: true, supersedes: "" }
        return void this.execute("open", { ...args, sid: `n${this.random.below(3)}#${++this.ops}` })
      }
      case "close":
        return void this.execute("close", { sid: this.sid })
      case "wait":
        this.time += this.random.below(60)
        for (const live of Array.from(this.state.sess.keys())) {
          if (this.random.chance(0.7)) this.execute("tick", { sid: live })
        }
    }
  }
}

/** The spec that a stored body describes. */
export const toChildSpec = (id: string, body: SpecBody): ChildSpec.ChildSpec =>
  new ChildSpec.ChildSpec({ ...body, key: id.slice(body.kind.length + 1) }, { disableValidation: true })
