/**
 * Faults at random on many processes and children, for a while; and the verdict on what they did.
 */
import type { HistoryFindings } from "effect-pogo/PogoTest"
import { type RedisServer, startRedis } from "../../support/redisServer.js"
import { type Absence, Desired } from "./desired.js"
import { copiesOf, type Overlap, runningOverlaps, unfencedOverlaps } from "./evidence.js"
import { eventually, type Fleet, makeFleet, sleep } from "./fleet.js"
import type { NodeProcess } from "./process.js"
import { makeProxy, type Proxy } from "./proxy.js"

export interface StormOptions {
  readonly seed: number
  readonly processes: number
  readonly children: number
  readonly minutes: number
  /** Milliseconds. */
  readonly ttl: number
  readonly tell: (line: string) => void
}

export interface Verdict {
  readonly faults: ReadonlyMap<string, number>
  readonly calls: ReadonlyMap<string, number>
  /** Times without a child that was to run, the shortest first. */
  readonly gaps: ReadonlyArray<Absence>
  /** Copies whose checks succeeded beside a younger copy. */
  readonly unfenced: ReadonlyArray<Overlap>
  /** Milliseconds for which older copies went on beside younger ones, fenced. */
  readonly overlaps: ReadonlyArray<number>
  /** Registered by an acknowledged call, and not running in the end. */
  readonly lost: ReadonlyArray<string>
  /** Ended by an acknowledged call, and there in the end. */
  readonly back: ReadonlyArray<string>
  /** Ended by an acknowledged call, started more than 5 seconds later, and ended again. */
  readonly glimpsed: ReadonlyArray<string>
  /** What the history in the registry shows: `overlaps` breaks the rule, and of `gaps` entries are missing. */
  readonly history: HistoryFindings & { readonly entries: number }
  readonly wrongly: number
  readonly refused: number
  readonly copies: number
}

const now = (): number => Number(process.hrtime.bigint()) / 1e6

/** Random numbers that a seed repeats: xorshift. */
class Dice {
  constructor(private state: number) {}

  below(n: number): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return (this.state >>> 0) % n
  }

  of<A>(list: ReadonlyArray<A>): A {
    return list[this.below(list.length)]!
  }
}

/** What the last acknowledged call said of an id. */
interface Word {
  readonly says: "start" | "end"
  readonly at: number
}

class Storm {
  readonly dice: Dice
  readonly faults = new Map<string, number>()
  readonly calls = new Map<string, number>()
  readonly words = new Map<string, Word>()
  /** Ids about which a call without an answer was made: nothing can be said of them before the next that has one. */
  readonly open = new Set<string>()
  /** What was done, and when. */
  readonly history: Array<{ readonly at: number; readonly what: string }> = []
  readonly desired = new Desired()
  private readonly down = new Set<string>()
  private readonly proxies = new Map<string, Proxy>()
  private fresh = 0

  constructor(
    readonly options: StormOptions,
    readonly redis: RedisServer,
    readonly fleet: Fleet
  ) {
    this.dice = new Dice(options.seed)
  }

  private count(map: Map<string, number>, what: string): void {
    map.set(what, (map.get(what) ?? 0) + 1)
  }

  async start(name: string): Promise<void> {
    const proxy = this.proxies.get(name) ?? await makeProxy(this.redis.port)
    this.proxies.set(name, proxy)
    proxy.heal()
    await this.fleet.start(name, { TEST_REDIS_URL: proxy.url })
    this.down.delete(name)
  }

  /** Processes that run, and that no fault has its hands on. */
  private idle(): ReadonlyArray<NodeProcess> {
    return Array.from(this.fleet.nodes.values()).filter(({ name }) => !this.down.has(name))
  }

  /** Registers or ends some children, and keeps what was acknowledged. */
  async call(): Promise<void> {
    const node = this.dice.of(this.idle())
    const says = this.dice.below(3) === 0 ? "end" : "start"
    const ids = new Set<string>()
    for (let i = 0; i < 3; i++) {
      const known = Array.from(this.words.keys())
      const key = says === "start" && this.dice.below(2) === 0 ? `n${this.fresh++}` : this.dice.of(known).slice(6)
      ids.add(key)
    }
    const keys = Array.from(ids)
    for (const key of says === "end" ? keys : []) this.desired.ending(`Probe/${key}`, now())
    const command = says === "start" ? "startEach" : "terminateEach"
    const answers = await node.call(command, { keys, every: 500 }).catch(() => []) as ReadonlyArray<string>
    for (const [i, key] of keys.entries()) {
      const id = `Probe/${key}`
      const tag = answers[i] ?? "no answer"
      this.count(this.calls, `${says}: ${tag}`)
      this.note(`${node.name} was told to ${says} ${id}: ${tag}`)
      if (["Created", "AlreadyStarted", "Terminated", "Absent"].includes(tag)) {
        this.words.set(id, { says, at: now() })
        this.open.delete(id)
        if (says === "start") this.desired.started(id, now())
      } else this.open.add(id)
    }
  }

  /** A fault, to its end. */
  async fault(): Promise<void> {
    const idle = this.idle()
    if (idle.length < Math.max(2, this.options.processes / 2)) return sleep(200)
    const node = this.dice.of(idle)
    const { ttl } = this.options
    const proxy = this.proxies.get(node.name)!
    const during = async (millis: number, begin: () => unknown, end: () => unknown) => {
      this.down.add(node.name)
      await begin()
      await sleep(millis)
      await end()
      this.down.delete(node.name)
    }
    const faults: ReadonlyArray<readonly [name: string, () => Promise<unknown>]> = [
      ["kill", () => this.replace(node, "SIGKILL")],
      ["kill", () => this.replace(node, "SIGKILL")],
      ["terminate", () => this.replace(node, "SIGTERM")],
      ["terminate", () => this.replace(node, "SIGTERM")],
      ["freeze short", () => during(ttl / 4, () => node.signal("SIGSTOP"), () => node.signal("SIGCONT"))],
      ["freeze long", () => during(ttl * 1.5, () => node.signal("SIGSTOP"), () => node.signal("SIGCONT"))],
      ["block", () => during(ttl * 1.2, () => void node.call("block", { millis: ttl }).catch(() => {}), () => {})],
      ["cut", () => during(this.dice.below(2 * ttl), () => proxy.cut(), () => proxy.heal())],
      ["reset", async () => proxy.reset()],
      ["one-way", () => during(ttl * 1.5, () => proxy.flow("down", "drop"), () => proxy.heal())],
      ["silent", () => during(ttl, () => (proxy.flow("up", "drop"), proxy.flow("down", "drop")), () => proxy.heal())],
      ["slow", () => during(ttl * 2, () => proxy.flow("down", () => this.dice.below(ttl / 6)), () => proxy.heal())],
      ["clients killed", () => this.redis.cli("CLIENT", "KILL", "TYPE", "normal")],
      ["scripts flushed", () => this.redis.cli("SCRIPT", "FLUSH")]
    ]
    const [name, act] = this.dice.of(faults)
    await this.perform(name, node.name, act)
  }

  /** Faults of Redis itself, one at a time. */
  async outage(): Promise<void> {
    const { ttl } = this.options
    const outages: ReadonlyArray<readonly [name: string, () => Promise<unknown>]> = [
      ["Redis restarted", () => this.redis.restart()],
      ["Redis away for a lease", async () => {
        await this.redis.stop()
        await sleep(ttl)
        await this.redis.restart()
      }],
      ["Redis frozen", async () => {
        this.redis.kill("SIGSTOP")
        await sleep(this.dice.below(2 * ttl))
        this.redis.kill("SIGCONT")
      }],
      ["Redis flushed", () => this.redis.cli("FLUSHALL")],
      ["Redis paused", () => this.redis.cli("CLIENT", "PAUSE", String(this.dice.below(ttl)), "ALL")]
    ]
    const [name, act] = this.dice.of(outages)
    await this.perform(name, "all", act)
  }

  note(what: string): void {
    this.history.push({ at: now(), what })
  }

  private async perform(name: string, whom: string, act: () => Promise<unknown>): Promise<void> {
    this.count(this.faults, name)
    this.note(`${name} (${whom})`)
    await act()
    this.note(`end of ${name} (${whom})`)
  }

  private async replace(node: NodeProcess, signal: NodeJS.Signals): Promise<void> {
    this.down.add(node.name)
    node.signal(signal)
    await node.exited
    await sleep(this.dice.below(this.options.ttl))
    await this.start(node.name)
  }

  async close(): Promise<void> {
    for (const proxy of this.proxies.values()) await proxy.close()
  }
}

const until = async (end: number, pause: () => number, act: () => Promise<unknown>): Promise<void> => {
  while (Date.now() < end) {
    await act().catch(() => {})
    await sleep(pause())
  }
}

/** Three faults of processes and ways at a time, one of Redis, and calls all the while. */
const rage = async (storm: Storm): Promise<void> => {
  const { dice, options } = storm
  const { minutes, tell, ttl } = options
  const begin = Date.now()
  const end = begin + minutes * 60_000
  const told = setInterval(() => {
    const done = Array.from(storm.faults.values()).reduce((sum, n) => sum + n, 0)
    tell(`  ${((Date.now() - begin) / 60_000).toFixed(0)} min: ${done} faults, ${storm.fleet.nodes.size} processes`)
  }, 60_000)
  await Promise.all([
    until(end, () => 200 + dice.below(ttl), () => storm.fault()),
    until(end, () => 200 + dice.below(ttl), () => storm.fault()),
    until(end, () => 200 + dice.below(ttl), () => storm.fault()),
    until(end, () => 4 * ttl + dice.below(4 * ttl), () => storm.outage()),
    until(end, () => 100 + dice.below(400), () => storm.call())
  ])
  clearInterval(told)
}

const ends = ({ words, open }: Storm, says: Word["says"]): ReadonlyArray<string> =>
  Array.from(words).filter(([id, word]) => word.says === says && !open.has(id)).map(([id]) => id)

/** Everything is healthy again: what does not come about now is lost. */
const settle = async (storm: Storm): Promise<ReadonlySet<string>> => {
  const wanted = ends(storm, "start")
  const gone = new Set(ends(storm, "end"))
  const node = Array.from(storm.fleet.nodes.values())[0]!
  let running = new Set<string>()
  await eventually("all is as it was asked for", async () => {
    const rows = await node.which()
    running = new Set(rows.filter(({ status }) => status._tag === "Running").map(({ id }) => id))
    const pending = rows.some(({ status }) => status._tag !== "Running")
    return !pending && wanted.every((id) => running.has(id)) && !Array.from(running).some((id) => gone.has(id))
  }).catch(() => {})
  return running
}

const judge = (storm: Storm, running: ReadonlySet<string>, history: Verdict["history"]): Verdict => {
  const lines = storm.fleet.lines()
  const started = new Map(lines.filter(({ what }) => what === "start").map(({ at, id }) => [id, at]))
  const over = ends(storm, "end")
  // A start that a node had been granted a moment before may still come: it is ended at once.
  const late = (id: string) => (started.get(id) ?? 0) > storm.words.get(id)!.at + 5_000
  return {
    faults: storm.faults,
    calls: storm.calls,
    gaps: storm.desired.absences(lines),
    unfenced: unfencedOverlaps(lines),
    overlaps: runningOverlaps(lines).map(({ millis }) => millis).sort((a, b) => a - b),
    lost: ends(storm, "start").filter((id) => !running.has(id)),
    back: over.filter((id) => running.has(id)),
    glimpsed: over.filter((id) => !running.has(id) && late(id)),
    history,
    wrongly: storm.fleet.wrongly(),
    refused: storm.fleet.refused(),
    copies: Array.from(copiesOf(lines).values()).reduce((sum, of) => sum + of.length, 0)
  }
}

/** What happened to a child, and around it, for whoever wants to know why. */
const historyOf = (storm: Storm, id: string): ReadonlyArray<string> => {
  const children = storm.fleet.lines().filter((line) => line.id === id && line.what !== "beat")
    .map(({ at, node, token, what }) => ({ at, what: `${id}: ${what} on ${node}, token ${token}` }))
  return [...children, ...storm.history.filter(({ what }) => !what.includes("was told") || what.includes(`${id}:`))]
    .sort((a, b) => a.at - b.at).map(({ at, what }) => `${(at - storm.history[0]!.at).toFixed(0)} ms: ${what}`)
}

/** Plays it, heals everything, waits until all is quiet, and judges. */
export const playStorm = async (options: StormOptions): Promise<Verdict> => {
  const { children, processes, tell, ttl } = options
  const redis = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] })
  const fleet = await makeFleet({
    POGO_TTL: `${ttl} millis`,
    // The data will be lost: to trust an empty Redis would be to ask for trouble.
    TEST_ON_EMPTY: "settle",
    TEST_COMMAND_TIMEOUT: `${Math.ceil(ttl / 7)} millis`
  })
  const storm = new Storm(options, redis, fleet)
  try {
    const names = Array.from({ length: processes }, (_, i) => `p${i}`)
    for (let i = 0; i < names.length; i += 4) await Promise.all(names.slice(i, i + 4).map((name) => storm.start(name)))
    const keys = Array.from({ length: children }, (_, i) => `c${i}`)
    // On a busy machine a call may go unanswered; to make it again is safe.
    await eventually(
      "all are registered",
      () => fleet.nodes.get("p0")!.call("start", { keys, every: 500 }).then(() => true, () => false)
    )
    for (const key of keys) {
      storm.words.set(`Probe/${key}`, { says: "start", at: now() })
      storm.desired.started(`Probe/${key}`, now())
    }
    await eventually("all run", () => copiesOf(fleet.lines()).size === children)
    tell(
      `  ${processes} processes, ${children} children, ${options.minutes} minutes, lease ${ttl} ms, seed ${options.seed}`
    )
    await rage(storm)
    for (const name of names) if (!fleet.nodes.has(name)) await storm.start(name)
    const running = await settle(storm)
    const history = (await fleet.nodes.get("p0")!.call("checkHistory")) as Verdict["history"]
    const verdict = judge(storm, running, history)
    for (const text of [...history.overlaps, ...history.gaps].slice(0, 5)) tell(`  the history: ${text}`)
    for (const { id, millis, older, younger } of verdict.unfenced.slice(0, 3)) {
      const of = `${older.node} (token ${older.token}, from ${(older.start - storm.history[0]!.at).toFixed(0)} ms on)`
      tell(
        `  ${id}: the check of ${of} succeeded ${millis.toFixed(1)} ms after ${younger.node} (${younger.token}) began`
      )
    }
    const doubled = verdict.unfenced.map(({ id }) => id)
    for (const id of [doubled, verdict.lost, verdict.back, verdict.glimpsed].flatMap((ids) => ids.slice(0, 2))) {
      for (const line of historyOf(storm, id)) tell(`    ${line}`)
    }
    for (const { from, id, to } of verdict.gaps.slice(-1)) {
      const seconds = [from, to].map((at) => ((at - storm.history[0]!.at) / 1_000).toFixed(1))
      tell(`  longest without a child: ${id}, from ${seconds[0]} s to ${seconds[1]} s after the first fault`)
    }
    return verdict
  } finally {
    await fleet.close()
    await storm.close()
    await redis.stop("SIGKILL")
  }
}

const list = (map: ReadonlyMap<string, number>): string =>
  Array.from(map).sort((a, b) => b[1] - a[1]).map(([what, n]) => `${what} ${n}`).join(", ")

const at = (sorted: ReadonlyArray<number>, share: number): string =>
  `${(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0)} ms`

/** The verdict in words. */
export const describeVerdict = (verdict: Verdict): ReadonlyArray<string> => {
  const { back, calls, copies, faults, glimpsed, history, lost, overlaps, refused, unfenced, wrongly } = verdict
  const gaps = verdict.gaps.map(({ from, to }) => to - from)
  const total = Array.from(faults.values()).reduce((sum, n) => sum + n, 0)
  return [
    `${total} faults: ${list(faults)}`,
    `calls: ${list(calls)}`,
    `${copies} copies; without a child that was to run: p50 ${at(gaps, 0.5)}, p90 ${at(gaps, 0.9)}, p99 ${
      at(gaps, 0.99)
    }, worst ${at(gaps, 1)} (${gaps.length})`,
    `overlaps of unfenced copies: ${unfenced.length}; of fenced ones (windows W1 and W2): ${overlaps.length}, p50 ${
      at(overlaps, 0.5)
    }, worst ${at(overlaps, 1)}`,
    `${history.entries} entries of the history, read after the fact: overlaps ${history.overlaps.length}, ends not told ${history.gaps.length}`,
    `fenced writes of older copies: refused ${refused}, accepted ${wrongly}`,
    `acknowledged starts lost: ${lost.length}${lost.length > 0 ? ` (${lost.slice(0, 5).join(", ")})` : ""}`,
    `terminated children there in the end: ${back.length}${back.length > 0 ? ` (${back.slice(0, 5).join(", ")})` : ""}`,
    `terminated children seen for a moment later on: ${glimpsed.length}`
  ]
}
