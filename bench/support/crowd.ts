/**
 * A scope of very many nodes, simulated: the registry is the machine itself, all nodes but one are told of only as far as
 * their commands go, and that one keeps a view and decides where every child belongs. All commands and their bytes are
 * counted.
 */
import type { Args, CommandName, Ok, Value } from "../../src/GroupRegistry.js"
import { encoders } from "../../src/internal/redis/codec.js"
import { maxBatch } from "../../src/internal/registry/commands.js"
import { execute } from "../../src/internal/registry/machine.js"
import { emptyState, parseClaim } from "../../src/internal/registry/state.js"
import { View } from "../../src/internal/replica/replica.js"
import { rendezvous } from "../../src/Placement.js"

/** What a change cost, in all and to the one node that is looked at. */
export interface Cost {
  readonly messages: number
  readonly bytes: number
  /** Milliseconds of that node: following the log, and placing every child anew where that is called for. */
  readonly work: number
}

/** Bytes of keys and envelope that go with every command. */
const overhead = 10 * 20 + 150

const payload = (key: number) => ({ url: `https://customer-${key}.example.com/health`, every: 5_000 })
const bodyOf = (key: number) => JSON.stringify({ kind: "Idle", version: 1, payload: payload(key) })

const chunks = <A>(items: ReadonlyArray<A>, size = maxBatch): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

export class Crowd {
  private readonly state = emptyState()
  private readonly view = new View(rendezvous, () => 0, { changed: () => {}, moved: () => {}, foreign: () => {} })
  private readonly sids: Array<string> = []
  private era = ""
  private high = 0
  private cursor = 0
  private time = Date.now()
  private children = 0
  private messages = 0
  private bytes = 0
  private work = 0

  constructor(nodes: number, children: number) {
    this.call("tick", { sid: "" })
    for (let i = 0; i < nodes; i++) this.open(i)
    this.follow()
    for (const keys of chunks(Array.from({ length: children }, (_, i) => i))) this.put(keys)
    this.follow()
    this.claimVacant()
    this.follow()
  }

  private call<K extends CommandName>(name: K, args: Args<K>, callers = 1): Value<K> {
    const envelope = {
      scope: "crowd",
      era: this.era,
      notAfter: Infinity,
      high: this.high,
      seconds: 0,
      bits: `era-${this.messages}`,
      ttl: 15_000,
      maxStep: 2_500
    }
    const reply = execute(this.state, { time: this.time, run: "run", trust: true }, envelope, name, args)
    if (reply._tag === "ERA") {
      this.era = reply.era
      return undefined as never
    }
    const sent = encoders[name](args).reduce((sum, text) => sum + text.length + 8, overhead)
    this.messages += callers
    this.bytes += callers * (sent + JSON.stringify(reply).length)
    const { high, log, value } = reply as Ok<Value<K>>
    this.high = high
    if (this.cursor === 0) this.cursor = log
    return value
  }

  private record(i: number, joining: boolean): string {
    const kinds = { Idle: { version: 1, digest: "0123456789abcdef" } }
    return JSON.stringify({
      name: `node-${i}`,
      weight: 1,
      labels: {},
      kinds,
      cordoned: false,
      draining: false,
      joining
    })
  }

  private open(i: number): void {
    const sid = `node-${i}#${String(i).padStart(32, "0")}`
    this.sids.push(sid)
    const record = this.record(i, true)
    this.call("open", { sid, version: 1, record, mode: "fresh", claims: [], last: true, supersedes: "" })
    this.call("update", { sid, version: 2, record: this.record(i, false) })
  }

  private put(keys: ReadonlyArray<number>): void {
    this.children += keys.length
    this.call("put", {
      mode: "ensure",
      items: keys.map((key) => ({
        id: `Idle/c-${key}`,
        op: `0123456789abcdef.${key}`,
        generation: 0,
        body: bodyOf(key)
      }))
    })
  }

  /** All nodes read what is new; the one that is looked at takes it over. */
  private follow(): void {
    for (let more = true; more;) {
      const page = this.call("changes", { cursor: this.cursor }, this.sids.length)
      const began = performance.now()
      for (const item of page.items) this.view.apply(item, this.high)
      if (page.nodes !== undefined && this.view.membership.set(page.nodes).placement) this.place()
      this.work += performance.now() - began
      this.cursor = page.cursor
      more = page.more
    }
  }

  /** Where every child belongs: what a node does after a change of the membership. */
  private place(): void {
    for (const entry of this.view.entries.values()) this.view.membership.homeOf(entry)
  }

  private homeOf(id: string): string | undefined {
    const entry = this.view.entries.get(id)
    return entry === undefined ? undefined : this.view.membership.homeOf(entry)
  }

  /** Every node claims what belongs to it and nobody holds, and says that it runs. */
  private claimVacant(): void {
    const mine = new Map<string, Array<string>>()
    for (const entry of this.view.entries.values()) {
      if (entry.claim !== undefined && this.view.membership.isLive(entry.claim.sid)) continue
      const home = this.homeOf(entry.id)!
      mine.set(home, [...mine.get(home) ?? [], entry.id])
    }
    for (const [sid, ids] of mine) {
      for (const chunk of chunks(ids)) this.claim(sid, chunk)
    }
  }

  private claim(sid: string, ids: ReadonlyArray<string>): void {
    const items = ids.map((id) => ({ id, generation: this.view.entries.get(id)!.spec!.generation }))
    const { results } = this.call("claim", { sid, items })
    const stats = results.flatMap((result, i) =>
      result._tag === "GRANTED"
        ? [{ id: ids[i]!, token: result.token, stat: `${result.token}:running:0:${this.time}:0:` }]
        : []
    )
    this.call("report", { sid, items: stats })
  }

  private cost(change: () => void): Cost {
    const { bytes, messages } = this
    this.work = 0
    change()
    return { messages: this.messages - messages, bytes: this.bytes - bytes, work: this.work }
  }

  /** One more child starts: everybody hears of the spec, of the claim and of the status. */
  start(): Cost {
    return this.cost(() => {
      this.put([this.children])
      this.follow()
      const id = `Idle/c-${this.children - 1}`
      const sid = this.homeOf(id)!
      const { results } = this.call("claim", {
        sid,
        items: [{ id, generation: this.view.entries.get(id)!.spec!.generation }]
      })
      this.follow()
      const [result] = results
      if (result?._tag !== "GRANTED") throw new Error("the claim was not granted")
      this.call("report", {
        sid,
        items: [{ id, token: result.token, stat: `${result.token}:running:0:${this.time}:0:` }]
      })
      this.follow()
    })
  }

  /** One more node joins: the others give it its children, sixteen at a time each. */
  join(): Cost {
    return this.cost(() => {
      const newcomer = this.sids.length
      this.open(newcomer)
      this.follow()
      const sid = this.sids[newcomer]!
      const leaving = new Map<string, Array<{ id: string; token: number; refused: string }>>()
      for (const { claim, id } of this.view.entries.values()) {
        if (claim === undefined || this.homeOf(id) !== sid) continue
        leaving.set(claim.sid, [...leaving.get(claim.sid) ?? [], { id, token: claim.token, refused: "" }])
      }
      for (let wave = 0; leaving.size > 0; wave++) {
        for (const [owner, items] of leaving) {
          this.call("release", { sid: owner, items: items.splice(0, 16) })
          if (items.length === 0) leaving.delete(owner)
        }
        this.follow()
        this.claimVacant()
        this.follow()
      }
    })
  }

  /** Half a minute passes: what was claimed before is no suspect of a death any more. */
  private age(): void {
    for (let passed = 0; passed < 30_000; passed += 2_000) {
      this.time += 2_000
      for (const sid of this.sids) this.call("tick", { sid })
    }
    this.follow()
  }

  /** A node's lease ends: the others take its children over. */
  death(): Cost {
    this.age()
    return this.cost(() => {
      const victim = this.sids.pop()!
      for (let beat = 0; beat < 8; beat++) {
        this.time += 2_000
        // Renewals are not part of the cost.
        const { bytes, messages } = this
        for (const sid of this.sids) this.call("tick", { sid })
        this.bytes = bytes
        this.messages = messages
      }
      if (this.state.sess.has(victim)) throw new Error("the lease did not end")
      this.follow()
      this.claimVacant()
      this.follow()
    })
  }

  /** How many children each claim is held for: a check that the simulation did what it says. */
  get held(): number {
    let held = 0
    for (const raw of this.state.claim.values()) if (parseClaim(raw) !== undefined) held++
    return held
  }
}
