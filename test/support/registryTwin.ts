/**
 * The comparison of the machine with the Lua scripts: random histories are played to both, and every reply and all data
 * must be the same.
 */
import type { Redis } from "ioredis"
import { isDeepStrictEqual } from "node:util"
import { keysOf } from "../../src/internal/redis/scripts.js"
import { maxCounter } from "../../src/internal/registry/bounds.js"
import { type Args, type CommandName, type Envelope, tombstoneRetention } from "../../src/internal/registry/commands.js"
import { execute } from "../../src/internal/registry/machine.js"
import {
  cloneState,
  emptyState,
  formatDirective,
  parseDirective,
  type RegistryState,
  type Server
} from "../../src/internal/registry/state.js"
import { differenceOf, dumpMachine, dumpRedis } from "./registryData.js"
import { executeScripted } from "./registryScripted.js"
import {
  anyId,
  anyName,
  anySet,
  anySid,
  argumentsOf,
  envelopeOf,
  type Known,
  malformed,
  Random,
  weights
} from "./registrySteps.js"
import { type Copy, keepParts, type Part, parts, restoreParts } from "./registryTamper.js"

const prefix = "twin:"

/** What happens besides commands, and how often. */
const disturbances = {
  clock: 1.5,
  restart: 0.7,
  remove: 1.2,
  flush: 0.5,
  garble: 2,
  garbleMeta: 0.8,
  lowerCounter: 0.5,
  older: 0.5,
  otherLayout: 0.4,
  wrongType: 1,
  trim: 0.8,
  age: 6,
  keep: 2,
  restore: 1,
  plant: 0.5
}

type Disturbance = keyof typeof disturbances | "wait"

/** One step of a history. What it does in detail follows from the seed and the state. */
export interface Step {
  readonly kind: CommandName | Disturbance
  readonly seed: number
}

const commandNames = Object.keys(weights) as ReadonlyArray<CommandName>

const drawWeighted = <K extends string>(random: Random, table: { readonly [P in K]: number }): K => {
  const entries = Object.entries(table) as Array<[K, number]>
  let left = random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [name, weight] of entries) {
    left -= weight
    if (left < 0) return name
  }
  return entries[0]![0]
}

/** A random history. Two of three are calm, so that there are sessions, claims and tombstones to be disturbed. */
export const historyOf = (seed: number, length: number): ReadonlyArray<Step> => {
  const random = new Random(seed)
  const commands = random.chance(0.66) ? 400 : 60
  return Array.from({ length }, () => {
    const kind = drawWeighted(random, { ...disturbances, wait: commands / 4, command: commands })
    return { kind: kind === "command" ? drawWeighted(random, weights) : kind, seed: random.below(2 ** 31) }
  })
}

const sorted = (rows: unknown): unknown => Array.isArray(rows) ? rows.map((row) => JSON.stringify(row)).sort() : rows

const byId = (items: ReadonlyMap<string, unknown>): unknown => Array.from(items).sort(([a], [b]) => (a < b ? -1 : 1))

/** Replies in a form that does not depend on the order of sessions and directives, which is no one's promise. */
const comparable = (reply: object): unknown => {
  if (!("value" in reply) || typeof reply.value !== "object" || reply.value === null) return reply
  const { value } = reply
  if (!("nodes" in value && "directives" in value)) return reply
  return { ...reply, value: { ...value, nodes: sorted(value.nodes), directives: sorted(value.directives) } }
}

/** A difference between the two. */
export class Difference extends Error {}

/** One machine and one scope in Redis, side by side. */
export class Twin {
  state: RegistryState = emptyState()
  readonly keys: ReadonlyArray<string>
  readonly told: Array<string> = []
  private server: Server
  private readonly known: Known = { era: "", eras: [""], high: 0, now: 0 }
  private kept: { readonly state: RegistryState; readonly parts: Copy } | undefined

  constructor(readonly redis: Redis, readonly scope: string, trust: boolean) {
    this.keys = keysOf(prefix, scope)
    this.server = { time: 1_700_000_000_000, run: "run0", trust }
  }

  keyOf(part: Part): string {
    return this.keys[parts.indexOf(part)]!
  }

  private learn(reply: object): void {
    if ("era" in reply && typeof reply.era === "string") {
      this.known.era = reply.era
      this.known.eras.push(reply.era)
    }
    if ("high" in reply && typeof reply.high === "number") this.known.high = Math.max(this.known.high, reply.high)
    if ("now" in reply && typeof reply.now === "number") this.known.now = reply.now
  }

  private machineSnap(envelope: Envelope, cursor: string): unknown {
    const items = new Map<string, unknown>()
    for (let at = cursor;;) {
      const reply = execute(this.state, this.server, envelope, "snap", { cursor: at })
      if (reply._tag !== "OK") return reply
      for (const item of reply.value.items) items.set(item.id, item)
      // The pages are not the same, so only the first tells for how long there was no command.
      if (reply.value.next === "") return { ...reply, idle: undefined, value: byId(items) }
      at = reply.value.next
    }
  }

  private async redisSnap(envelope: Envelope, cursor: string): Promise<unknown> {
    const items = new Map<string, unknown>()
    for (let at = cursor;;) {
      const reply = await executeScripted(this.redis, prefix, this.server, envelope, "snap", { cursor: at })
      if (reply._tag !== "OK") return reply
      for (const item of reply.value.items) items.set(item.id, item)
      // The pages are not the same, so only the first tells for how long there was no command.
      if (reply.value.next === "") return { ...reply, idle: undefined, value: byId(items) }
      at = reply.value.next
    }
  }

  async command<K extends CommandName>(name: K, envelope: Envelope, args: Args<K>): Promise<void> {
    this.told.push(`${name} ${JSON.stringify(args)} in ${JSON.stringify(envelope)} at ${this.server.time}`)
    const ours = name === "snap"
      ? this.machineSnap(envelope, (args as Args<"snap">).cursor)
      : comparable(execute(this.state, this.server, envelope, name, args))
    const theirs = name === "snap"
      ? await this.redisSnap(envelope, (args as Args<"snap">).cursor)
      : comparable(await executeScripted(this.redis, prefix, this.server, envelope, name, args))
    this.told.push(`  -> ${JSON.stringify(ours)}`)
    if (!isDeepStrictEqual(ours, theirs)) {
      throw new Difference(`the machine answered ${JSON.stringify(ours)}, Lua ${JSON.stringify(theirs)}`)
    }
    this.learn(ours as object)
    const difference = differenceOf(dumpMachine(this.state), await dumpRedis(this.redis, prefix, this.scope))
    if (difference !== undefined) throw new Difference(difference)
  }

  private async wrongType(random: Random, part: Part): Promise<void> {
    const { redis } = this
    const key = this.keyOf(part)
    const name = random.pick(commandNames)
    this.told.push(`wrong type of ${part}, ${name}`)
    const had = await redis.exists(key)
    if (had === 1) await redis.rename(key, `${key}:aside`)
    await redis.set(key, "not ours")
    const envelope = envelopeOf(random, this.scope, this.known)
    const reply = await executeScripted(
      redis,
      prefix,
      this.server,
      envelope,
      name,
      argumentsOf[name]({ random, state: this.state })
    )
    await redis.del(key)
    if (had === 1) await redis.rename(`${key}:aside`, key)
    if (reply._tag !== "WRONGTYPE" || reply.key !== key) {
      throw new Difference(`wrong type of ${key} was answered by ${JSON.stringify(reply)}`)
    }
  }

  private async garbleMeta(random: Random): Promise<void> {
    if (this.state.meta === undefined) return
    const field = random.pick(["high", "last", "now", "quarantine", "ttl", "maxStep", "log", "collected", "specs"])
    const value = random.pick(["", "x", "-1", "1.5", "1e3", "12345678901234567", "inf", "nan"])
    this.told.push(`meta.${field} = ${value}`)
    this.state.meta = undefined
    await this.redis.hset(this.keyOf("meta"), field, value)
  }

  private async garble(random: Random): Promise<void> {
    const part = random.pick(
      ["spec", "tomb", "claim", "stat", "node", "direct", "sessx", "trial", "round", "state"] as const
    )
    const id = part === "node" || part === "sessx"
      ? anySid(random)
      : part === "direct"
      ? anyName(random)
      : part === "round"
      ? anySet(random)
      : anyId(random)
    const value = malformed(random)
    // An odd value in a place that was taken leaves the counts right; a new one is noticed as foreign.
    if (!this.state[part].has(id) && random.chance(0.8)) return
    this.told.push(`${part}[${id}] = ${value}`)
    this.state[part].set(id, value)
    await this.redis.hset(this.keyOf(part), id, value)
  }

  private async otherLayout(random: Random): Promise<void> {
    const { meta } = this.state
    if (meta === undefined) return
    meta.layout = "9"
    await this.redis.hset(this.keyOf("meta"), "layout", "9")
    const name = random.pick(commandNames)
    await this.command(
      name,
      envelopeOf(random, this.scope, this.known),
      argumentsOf[name]({ random, state: this.state })
    )
    meta.layout = "1"
    await this.redis.hset(this.keyOf("meta"), "layout", "1")
  }

  private async remove(part: Part): Promise<void> {
    this.told.push(`remove ${part}`)
    if (part === "meta") this.state.meta = undefined
    else if (part === "log" || part === "hist") this.state[part] = []
    else this.state[part].clear()
    await this.redis.del(this.keyOf(part))
  }

  private async trim(keep: number): Promise<void> {
    this.told.push(`trim the log to ${keep}`)
    this.state.log = keep === 0 ? [] : this.state.log.slice(-keep)
    await this.redis.xtrim(this.keyOf("log"), "MAXLEN", keep)
  }

  private async age(by: number): Promise<void> {
    this.told.push(`tombstones and directives are ${by} older`)
    for (const [id, at] of this.state.tombx) {
      this.state.tombx.set(id, at - by)
      await this.redis.zincrby(this.keyOf("tombx"), -by, id)
    }
    for (const [name, value] of this.state.direct) {
      const directive = parseDirective(value)
      if (directive === undefined) continue
      const older = formatDirective({ ...directive, until: Math.max(0, directive.until - by) })
      this.state.direct.set(name, older)
      await this.redis.hset(this.keyOf("direct"), name, older)
    }
  }

  private async lowerCounter(random: Random): Promise<void> {
    const { meta } = this.state
    if (meta === undefined) return
    meta.high = Math.max(0, meta.high - 1 - random.below(200))
    this.told.push(`the counter is ${meta.high}`)
    await this.redis.hset(this.keyOf("meta"), "high", String(meta.high))
  }

  private async restore(random: Random): Promise<void> {
    const { kept } = this
    if (kept === undefined) return
    const some = random.chance(0.5) ? parts : parts.filter(() => random.chance(0.3))
    this.told.push(`back to an older copy of ${some.join(" ")}`)
    const copy = cloneState(kept.state)
    for (const part of some) Object.assign(this.state, { [part]: copy[part] })
    await restoreParts(this.redis, this.keys, some, kept.parts)
  }

  /** An entry of the history that stands behind those to come. */
  private async plant(random: Random): Promise<void> {
    const newest = this.state.hist.at(-1)?.ms ?? 0
    const ms = Math.max(newest + 1, random.pick([newest + 5_000, 4_102_444_800_000, 99_999_999_999_999, 2 ** 52]))
    const at = random.pick([0, 7, maxCounter])
    this.told.push(`history has an entry at ${ms}-${at}`)
    const entry = { id: anyId(random), token: 1, node: "n#1", attempt: 0, what: "claimed", note: "", n: 1 }
    this.state.hist.push({ ...entry, ms, at })
    const fields = Object.entries(entry).flatMap(([name, value]) => [name, String(value)])
    // A stream remembers the places of entries that are gone.
    await this.redis.xadd(this.keyOf("hist"), `${ms}-${at}`, ...fields)
  }

  private async disturb(kind: Disturbance, random: Random): Promise<void> {
    switch (kind) {
      case "wait":
      case "clock":
        this.server = { ...this.server, time: this.server.time + random.below(600) - (kind === "clock" ? 1_500 : 0) }
        return
      case "restart":
        this.told.push("restart")
        this.server = { ...this.server, run: `run${random.below(1e6)}` }
        return
      case "remove":
        return this.remove(random.pick(parts))
      case "flush":
        for (const part of parts) await this.remove(part)
        return
      case "garble":
        return this.garble(random)
      case "garbleMeta":
        return this.garbleMeta(random)
      case "older":
        // An older script has begun the era, and left a count out that it does not know.
        if (this.state.meta !== undefined) this.state.meta.states = undefined
        await this.redis.hdel(this.keyOf("meta"), "states")
        return
      case "lowerCounter":
        return this.lowerCounter(random)
      case "otherLayout":
        return this.otherLayout(random)
      case "wrongType":
        // Nothing depends on the history.
        return this.wrongType(random, random.pick(parts.filter((part) => part !== "hist")))
      case "trim":
        return this.trim(random.below(4))
      case "age":
        return this.age(tombstoneRetention - random.below(2_000))
      case "keep":
        this.kept = { state: cloneState(this.state), parts: await keepParts(this.redis, this.keys) }
        return
      case "restore":
        return this.restore(random)
      case "plant":
        return this.plant(random)
    }
  }

  /** Plays one step to both. */
  async step({ kind, seed }: Step): Promise<void> {
    const random = new Random(seed)
    if (!(kind in weights)) return this.disturb(kind as Disturbance, random)
    // Without a session little can happen.
    const name = this.state.sess.size === 0 && random.chance(0.5) ? "open" : kind as CommandName
    const envelope = envelopeOf(random, this.scope, this.known)
    await this.command(name, envelope, argumentsOf[name]({ random, state: this.state }))
  }
}
