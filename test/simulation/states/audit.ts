/**
 * What becomes of states: never back, never lost when answered, and stored by nobody but the holder of the claim.
 *
 * A life of a child is told here by the calls that began it, and not by what the registry calls its birth. What a history
 * may lose is only what no living node could give back in time.
 */
import type { Exit } from "effect"
import type { PogoError } from "effect-pogo"
import type { Current } from "../../../src/internal/kind/current.js"
import { parseState, type StateRecord } from "../../../src/internal/registry/childStates.js"
import type {
  Args,
  ClaimResult,
  CommandName,
  PutItem,
  PutResult,
  Reply,
  SaveResult,
  StateSave,
  Value
} from "../../../src/internal/registry/commands.js"
import { parseClaim, parseSpec, type RegistryState } from "../../../src/internal/registry/state.js"
import type { ChildRun } from "../../../src/internal/supervisor/childRun.js"
import type { RegistryExecution, Sent } from "../../../src/internal/testing/testRegistry.js"
import type { Life } from "../life.js"
import type { StateJournal } from "./kinds.js"

type Fail = (check: string, message: string) => void

/** What a process knows to be stored of a child. */
interface Known {
  readonly life: string
  readonly count: number
  /** Token of the claim under which it learned that. */
  readonly token: number
}

const countIn = (record: StateRecord | undefined): number =>
  record === undefined || record.lost ? 0 : (JSON.parse(record.body) as { readonly count: number }).count

const bodyCount = ({ body }: StateSave): number => (JSON.parse(body) as { readonly count: number }).count

const isHeld = (claim: string | undefined, token: number, sid: string): boolean => {
  const held = claim === undefined ? undefined : parseClaim(claim)
  return held !== undefined && held.token === token && held.sid === sid
}

export class StateAudit {
  /** Generation of an id -> the one that began its life. */
  private readonly lives = new Map<string, number>()
  /** Token of an id -> the generation that it was granted for. */
  private readonly grants = new Map<string, number>()
  /** Life -> the highest count that was answered. */
  private readonly answers = new Map<string, number>()
  /** Id and token -> the counts that were submitted under it, and not withdrawn. */
  private readonly submitted = new Map<string, Set<number>>()
  /** Tokens whose claims were fenced or revoked. */
  private readonly void = new Set<number>()
  /** Life -> token under which it was told that its state is lost. */
  private readonly lost = new Map<string, number>()
  /** Process -> what it knows. */
  private readonly known = new Map<Life, Map<string, Known>>()
  private records = new Map<string, string>()
  private claims = new Map<string, string>()
  private era = ""
  /** Whether the end of a quarantine is still to be looked at. */
  private isSettling = false

  constructor(
    private readonly state: () => RegistryState,
    private readonly all: () => Iterable<Life>,
    private readonly fail: Fail,
    private readonly count: (what: string) => void
  ) {}

  private lifeOf(id: string, generation: number | undefined): string {
    return `${id} ${generation === undefined ? "none" : this.lives.get(`${id} ${generation}`) ?? generation}`
  }

  private lifeOfToken(id: string, token: number): string {
    return this.lifeOf(id, this.grants.get(`${id} ${token}`))
  }

  private currentLife(id: string): string {
    return this.lifeOf(id, parseSpec(this.state().spec.get(id) ?? "")?.generation)
  }

  // What children tell.

  journal(life: Life): StateJournal {
    return {
      begins: (self, count) => this.begins(life, self, count),
      submits: (self, count) => {
        if (!(self as unknown as ChildRun).holds) return
        const key = `${self.id} ${self.token}`
        this.submitted.set(key, (this.submitted.get(key) ?? new Set<number>()).add(count))
      },
      answered: (self, count, exit) => this.told(self, count, exit)
    }
  }

  private begins(life: Life, self: Current, count: number): void {
    const submitted = Math.max(0, ...this.submitted.get(`${self.id} ${self.token}`) ?? [])
    if (self.attempt > 1 && count < submitted) {
      this.fail("a run reads less than the one before it has submitted", `${self.id}: ${count}, not ${submitted}`)
    }
    if (self.attempt === 1 && count > 0) {
      this.knows(life, self.id, {
        life: this.lifeOf(self.id, Number(self.generation)),
        count,
        token: Number(self.token)
      })
    }
  }

  private told(self: Current, count: number, exit: Exit.Exit<unknown, PogoError.StateError>): void {
    if (exit._tag === "Success") {
      const life = this.lifeOf(self.id, Number(self.generation))
      this.answers.set(life, Math.max(count, this.answers.get(life) ?? 0))
      this.count("state: stored")
      return
    }
    const tag = exit.cause._tag === "Fail" ? exit.cause.error._tag : exit.cause._tag
    this.count(`state: ${tag}`)
    if (exit.cause._tag === "Die") this.fail("storing a state died", `${self.id}: ${String(exit.cause.defect)}`)
    if (tag === "RegistryUnavailable") this.submitted.get(`${self.id} ${self.token}`)?.delete(count)
  }

  // What processes learn.

  private knows(life: Life, id: string, known: Known): void {
    const all = this.known.get(life) ?? new Map<string, Known>()
    const before = all.get(id)
    if (before?.life === known.life && before.token === known.token && before.count > known.count) return
    this.known.set(life, all.set(id, known))
  }

  /** An answer has come to a process. */
  answered(life: Life, name: CommandName, args: unknown, reply: Reply<unknown>): void {
    const { sid } = args as { readonly sid?: string }
    const { session } = life.node ?? {}
    if (reply._tag !== "OK" || session === undefined || session.over || session.sid !== sid) return
    const learn = (save: StateSave) =>
      this.knows(life, save.id, {
        life: this.lifeOfToken(save.id, save.token),
        count: bodyCount(save),
        token: save.token
      })
    if (name === "save") {
      const { results } = reply.value as Value<"save">
      ;(args as Args<"save">).items.forEach((item, i) => {
        if (results[i] === "STORED" || results[i] === "OLDER") learn(item)
      })
    }
    if (name === "release") {
      const { items, saves = [] } = args as Args<"release">
      if ((reply.value as Value<"release">).released === items.length) saves.forEach(learn)
    }
  }

  /** A process lost its lease: what it ran is over, or in doubt. */
  fenced(life: Life): void {
    for (const child of life.node?.supervisor.children.values() ?? []) this.void.add(child.claim)
  }

  /** A command is sent. */
  sent(life: Life, { args, name }: Sent): void {
    if (name !== "save") return
    for (const { id, token } of (args as Args<"save">).items) {
      const child = life.node?.supervisor.children.get(id)
      if (child?.claim === token && child.unconfirmed) {
        this.fail("a state is stored while the claim is in doubt", `${id} by ${life.process.name}`)
      }
    }
  }

  // What the registry does.

  executed({ args, name, reply, state }: RegistryExecution): void {
    const era = state.meta?.era ?? ""
    if (era !== this.era) {
      this.era = era
      this.isSettling = true
      this.forgetPast()
    }
    if (this.isSettling && state.meta !== undefined && state.meta.now >= state.meta.quarantine) this.settle()
    if (reply._tag === "OK") {
      if (name === "put") this.put(args as Args<"put">, (reply.value as Value<"put">).results)
      if (name === "claim") this.claimed(args as Args<"claim">, (reply.value as Value<"claim">).results)
      if (name === "save") this.saved(args as Args<"save">, (reply.value as Value<"save">).results)
      if (name === "release") this.released(args as Args<"release">)
      if (name === "merge") this.merged(args as Args<"merge">)
      if (name !== "claim") this.compare(name)
    }
    this.records = new Map(state.state)
    this.claims = new Map(state.claim)
  }

  /** The data was changed behind the registry's back. */
  tampered(): void {
    this.isSettling = true
    this.forgetPast()
    this.records = new Map(this.state().state)
    this.claims = new Map(this.state().claim)
  }

  private put({ items, mode }: Args<"put">, results: ReadonlyArray<PutResult>): void {
    items.forEach((item: PutItem, i) => {
      const result = results[i]!
      const generation = result._tag === "CREATED" ? parseSpec(result.spec)?.generation : undefined
      const key = `${item.id} ${generation}`
      if (generation === undefined || this.lives.has(key)) return
      const goesOn = mode === "replace" || mode === "bump"
      const began = goesOn ? this.lives.get(`${item.id} ${item.generation}`) ?? item.generation : generation
      this.lives.set(key, began)
    })
  }

  private claimed({ items }: Args<"claim">, results: ReadonlyArray<ClaimResult>): void {
    items.forEach(({ generation, id }, i) => {
      const result = results[i]!
      if (result._tag !== "GRANTED") return
      this.grants.set(`${id} ${result.token}`, generation)
      if (result.state === undefined) return
      const record = parseState(result.state ?? "")
      const life = this.lifeOf(id, generation)
      const answered = this.answers.get(life) ?? 0
      if (countIn(record) < answered) {
        this.fail("an answered state is lost, or went back", `${id} is granted ${countIn(record)}, not ${answered}`)
      }
      if (record?.lost === true) {
        this.count("state: told as lost")
        this.lost.set(life, result.token)
      } else if (record !== undefined) {
        if (this.lifeOfToken(id, record.token) !== life) {
          this.fail("a life sees another's state", `${id}: ${this.lifeOfToken(id, record.token)} in ${life}`)
        }
        if (record.token < (this.lost.get(life) ?? 0)) this.fail("a state that was told as lost returns", id)
        this.count("state: brought to the next owner")
      }
    })
  }

  private saved({ items, sid }: Args<"save">, results: ReadonlyArray<SaveResult>): void {
    items.forEach(({ id, token }, i) => {
      if (results[i] === "STORED" && !isHeld(this.claims.get(id), token, sid)) {
        this.fail("a state is stored by one who does not hold the claim", `${id} with token ${token} by ${sid}`)
      }
    })
  }

  private released({ items, sid }: Args<"release">): void {
    for (const { id, token } of items) {
      if (!isHeld(this.claims.get(id), token, sid) || this.void.has(token)) continue
      const submitted = Math.max(0, ...this.submitted.get(`${id} ${token}`) ?? [])
      const record = parseState(this.state().state.get(id) ?? "")
      const isMine = this.currentLife(id) === this.lifeOfToken(id, token)
      if (submitted === 0 || !isMine || (record !== undefined && record.token > token)) continue
      if (countIn(record) < submitted) {
        this.fail("a claim is given back without its last state", `${id}: ${countIn(record)}, not ${submitted}`)
      }
    }
  }

  private merged({ facts, sid }: Args<"merge">): void {
    const { claim, meta, sess, state } = this.state()
    for (const { id, kind } of facts) {
      if (kind !== "state" || state.get(id) === this.records.get(id)) continue
      this.count("state: given back")
      const holder = parseClaim(claim.get(id) ?? "")?.sid
      const isLate = meta !== undefined && meta.now >= meta.quarantine
      if (isLate && holder !== undefined && holder !== sid && sess.has(holder)) {
        this.fail("a stranger's memory replaces the state under a living owner", id)
      }
    }
  }

  /** Within a life the stored (token, version) never falls. */
  private compare(name: CommandName): void {
    for (const [id, before] of this.records) {
      const now = this.state().state.get(id)
      if (now === before || now === undefined) continue
      const [a, b] = [parseState(before), parseState(now)]
      if (a === undefined || b === undefined || a.birth !== b.birth) continue
      if (b.token < a.token || (b.token === a.token && b.version < a.version)) {
        this.fail("a stored state went back", `${id} by ${name}: ${a.token}.${a.version} to ${b.token}.${b.version}`)
      }
    }
  }

  // What may be lost.

  /** A process that has read of a later claim, or of the end, need not remember. */
  private forgetPast(): void {
    for (const [life, all] of this.known) {
      for (const [id, { token }] of all) {
        const entry = life.node?.view.entries.get(id)
        if (entry?.spec === undefined || (entry.claim?.token ?? 0) > token) all.delete(id)
      }
    }
  }

  /** The quarantine is over: who has given back what he knew by then binds; of the rest nothing more is expected. */
  private settle(): void {
    this.isSettling = false
    for (const [life, answered] of this.answers) {
      const id = life.slice(0, life.lastIndexOf(" "))
      const record = parseState(this.state().state.get(id) ?? "")
      const isThere = record !== undefined && this.lifeOfToken(id, record.token) === life
      const stored = isThere ? countIn(record) : 0
      if (stored >= answered) continue
      const knower = this.currentLife(id) === life ? this.knowerOf(id, life, answered) : undefined
      if (knower !== undefined) {
        this.fail(
          "a known state was not given back",
          `${id}: ${answered} by ${knower.process.name}, stored is ${stored}`
        )
      }
      this.count("state: nobody was left who knew it")
      this.answers.set(life, stored)
    }
  }

  /** A process that knows it, and says that it has given everything back. */
  private knowerOf(id: string, life: string, answered: number): Life | undefined {
    for (const process of this.all()) {
      const known = this.known.get(process)?.get(id)
      const session = process.node?.session
      const isDone = session !== undefined && session.era === this.era && session.merge === undefined &&
        process.node?.active === true
      if (isDone && process.status === "up" && known?.life === life && known.count >= answered) return process
    }
    return undefined
  }
}
