/**
 * What reconciles may change: only those of the youngest round, only in their own set, only what was seen; and a set
 * that nobody else has written to is its list afterwards.
 */
import { decodeBody } from "../../../src/internal/kind/specCodec.js"
import { contentOf } from "../../../src/internal/kind/specSets.js"
import type { Args, CommandName, DelResult, PutResult, Reply, Value } from "../../../src/internal/registry/commands.js"
import { parseSpec, type RegistryState } from "../../../src/internal/registry/state.js"
import type { RegistryExecution } from "../../../src/internal/testing/testRegistry.js"
import type { Life } from "../life.js"

/** A registered child. */
interface Known {
  readonly raw: string
  readonly generation: number
  readonly set: string
  readonly content: string
}

interface OpenRound {
  readonly key: string
  /** Somebody else has changed a child of the kind since. */
  disturbed: boolean
}

type Fail = (check: string, message: string) => void

const read = (raw: string | undefined): Known | undefined => {
  const spec = raw === undefined ? undefined : parseSpec(raw)
  if (raw === undefined || spec === undefined) return undefined
  return { raw, generation: spec.generation, set: decodeBody(spec.body)?.set ?? "", content: contentOf(spec.body) }
}

/** The set that a round is of: that of a list is over all kinds. */
const setIn = (key: string): string => (key.startsWith("=") ? key : key.slice(key.indexOf("/") + 1))

/** Whether a round concerns a child, by its kind. */
const concerns = (key: string, id: string): boolean =>
  key.startsWith("=") || key.startsWith(id.slice(0, id.indexOf("/") + 1))

export class SetAudit {
  private readonly known = new Map<string, Known>()
  private readonly youngest = new Map<string, number>()
  private readonly fences = new Map<string, number>()
  private readonly rounds = new Map<number, OpenRound>()
  /** The last round that was answered to a life, by its set and fence. */
  private readonly answeredRounds = new Map<Life, Map<string, number>>()
  private era = ""

  constructor(private readonly state: () => RegistryState, private readonly fail: Fail) {}

  /** A command was executed. */
  executed({ args, name, reply, state }: RegistryExecution): void {
    const era = state.meta?.era ?? ""
    if (era !== this.era) this.begins(era)
    if (reply._tag === "OK") {
      if (name === "begin") this.began(args as Args<"begin">, reply.value as Value<"begin">)
      if (name === "put") this.put(args as Args<"put">, (reply.value as Value<"put">).results)
      if (name === "del") this.del(args as Args<"del">, (reply.value as Value<"del">).results)
    }
    const round = name === "put" || name === "del" ? (args as Args<"put">).round?.round : undefined
    for (const id of this.touched(name, args)) this.look(id, round)
  }

  /** The data was changed behind the registry's back. */
  tampered(): void {
    for (const round of this.rounds.values()) round.disturbed = true
    this.known.clear()
    for (const id of this.state().spec.keys()) this.look(id, undefined)
  }

  private begins(era: string): void {
    this.era = era
    this.youngest.clear()
    this.fences.clear()
    this.rounds.clear()
    this.tampered()
  }

  private touched(name: CommandName, args: unknown): ReadonlyArray<string> {
    if (name === "put" || name === "del" || name === "finish" || name === "release" || name === "claim") {
      return (args as Args<"del">).items.map(({ id }) => id)
    }
    return name === "merge" ? (args as Args<"merge">).facts.map(({ id }) => id) : []
  }

  /** Notes what has become of a child, and whom that disturbs. */
  private look(id: string, by: number | undefined): void {
    const raw = this.state().spec.get(id)
    const before = this.known.get(id)
    if (before?.raw === raw) return
    const now = read(raw)
    if (now === undefined) this.known.delete(id)
    else this.known.set(id, now)
    for (const [round, open] of this.rounds) {
      if (round !== by && concerns(open.key, id)) open.disturbed = true
    }
  }

  private began({ fence, key }: Args<"begin">, { result }: Value<"begin">): void {
    if (result._tag !== "BEGUN" || this.rounds.has(result.round)) return
    const highest = this.fences.get(key) ?? 0
    if (fence > 0 && fence < highest) {
      this.fail("a copy that was replaced begins a round", `${key}: ${fence} < ${highest}`)
    }
    this.fences.set(key, Math.max(fence, highest))
    this.youngest.set(key, Math.max(result.round, this.youngest.get(key) ?? 0))
    this.rounds.set(result.round, { key, disturbed: false })
  }

  private isYoungest({ key, round }: NonNullable<Args<"put">["round"]>, id: string): void {
    if (this.youngest.get(key) !== round) this.fail("a round that is not the youngest changes a child", `${key}: ${id}`)
  }

  private put({ items, mode, round }: Args<"put">, results: ReadonlyArray<PutResult>): void {
    if (round === undefined) return
    const set = setIn(round.key)
    items.forEach(({ body, id }, i) => {
      const before = this.known.get(id)
      const result = results[i]!
      if (result._tag !== "CREATED" || result.spec === before?.raw) return
      this.isYoungest(round, id)
      if (!concerns(round.key, id)) this.fail("a reconcile changes a child of another kind", id)
      if (before === undefined) return
      if (before.set !== set && before.set !== "") {
        this.fail("a reconcile changes a child of another set", `${id}: ${before.set}, not ${set}`)
      }
      if (mode === "replace" && before.content === contentOf(body)) {
        this.fail("a reconcile replaces a child by itself", `${id} in set "${set}"`)
      }
    })
  }

  private del({ items, round }: Args<"del">, results: ReadonlyArray<DelResult>): void {
    if (round === undefined) return
    const set = setIn(round.key)
    items.forEach(({ generation, id }, i) => {
      const before = this.known.get(id)
      if (results[i]!._tag !== "GONE" || before === undefined) return
      this.isYoungest(round, id)
      if (before.set !== set) this.fail("a reconcile ends a child of another set", `${id}: ${before.set}, not ${set}`)
      if (before.generation !== generation) {
        this.fail("a reconcile ends a child that it has not seen", `${id}: ${before.generation}, not ${generation}`)
      }
    })
  }

  /** An answer has come to a life. */
  answered(life: Life, name: CommandName, args: unknown, reply: Reply<unknown>): void {
    if (name !== "begin" || reply._tag !== "OK") return
    const { result } = reply.value as Value<"begin">
    if (result._tag !== "BEGUN") return
    const { fence, key } = args as Args<"begin">
    const rounds = this.answeredRounds.get(life) ?? new Map<string, number>()
    this.answeredRounds.set(life, rounds.set(`${fence} ${key}`, result.round))
  }

  /** A reconcile is said to be done: whether that could be compared. */
  done(life: Life, key: string, fence: number, listed: ReadonlyMap<string, string>): boolean {
    const number = this.answeredRounds.get(life)?.get(`${fence} ${key}`)
    const round = number === undefined ? undefined : this.rounds.get(number)
    if (round === undefined || round.disturbed || this.youngest.get(key) !== number) return false
    const set = setIn(key)
    for (const [id, child] of this.known) {
      if (child.set === set && concerns(key, id) && !listed.has(id)) {
        this.fail("a set is not its list", `${key} has ${id}, which is not listed`)
      }
    }
    for (const [id, content] of listed) {
      const child = this.known.get(id)
      const isForeign = child !== undefined && child.set !== "" && child.set !== set
      if (!isForeign && (child?.set !== set || child.content !== content)) {
        this.fail("a set is not its list", `${key}: ${id} is ${child?.raw ?? "not there"}`)
      }
    }
    return true
  }
}
