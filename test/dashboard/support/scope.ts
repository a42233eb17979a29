/** A scope that is made up: 2,000 children on six nodes, one of which was lost, with seven kinds of trouble. */
import type { ChildLine, EventLine, NodeLine, Overview, Run, Status } from "../../../src/internal/console/answers.js"

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** A child, with what became of it: the newest event comes first. */
export interface MadeChild {
  readonly line: ChildLine
  readonly history: ReadonlyArray<EventLine>
  readonly runs: ReadonlyArray<typeof Run.Type>
  readonly requires: Readonly<Record<string, string>>
  readonly cause?: string
}

/** What happened to several children at once. */
export interface MadeBurst {
  readonly event: EventLine
  readonly items: ReadonlyArray<EventLine>
  readonly text: string
  readonly more: string
}

/** The scope at one moment. */
export interface MadeScope {
  readonly now: number
  readonly children: ReadonlyMap<string, MadeChild>
  readonly nodes: ReadonlyArray<typeof NodeLine.Type>
  readonly moves: (typeof Overview.Type)["moves"]
  readonly bursts: ReadonlyArray<MadeBurst>
}

const names = {
  tenants: "acme globex initech umbrella hooli stark wayne wonka tyrell soylent vandelay oscorp massive aperture".split(
    " "
  ),
  feeds: "orders invoices shipments returns prices stock customers refunds catalog ledger".split(" "),
  topics: "orders clicks audit mail".split(" ")
}

/** Which children there are: kind and key. */
const listed = (): ReadonlyArray<readonly [kind: string, key: string]> => [
  ...Array.from({ length: 1_198 }, (_, i) => ["Monitor", `10.${i >> 8}.${(i >> 4) & 15}.${(i * 37) % 251}`] as const),
  ...Array.from({ length: 480 }, (_, i) => {
    const [tenant, feed] = [names.tenants[i % 14], names.feeds[Math.floor(i / 14) % 10]]
    return ["Poller", `${tenant}/${feed}${i < 140 ? "" : `-${Math.floor(i / 140)}`}`] as const
  }),
  ...Array.from(
    { length: 253 },
    (_, i) => ["Consumer", `${names.topics[i % 4]}-${String(Math.floor(i / 4)).padStart(3, "0")}`] as const
  ),
  ...Array.from({ length: 3 }, (_, i) => ["Consumer", `embeddings-00${i}`] as const),
  ...Array.from(
    { length: 64 },
    (_, i) => ["Scheduler", `${names.tenants[i % 14]}${["", "-eu", "-us", "-ap", "-sa"][Math.floor(i / 14)]}`] as const
  )
]

const weights: ReadonlyArray<readonly [node: string, weight: number]> = [
  ["worker-0", 1],
  ["worker-1", 1],
  ["worker-2", 1.5],
  ["worker-3", 1],
  ["worker-4", 1],
  ["worker-5", 1]
]

/** Numbers between 0 and 1, the same ones for the same text. */
const drawn = (text: string) => {
  let hash = 2_166_136_261
  for (const letter of text) hash = Math.imul(hash ^ letter.charCodeAt(0), 16_777_619)
  hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_507)
  return ((hash ^ (hash >>> 13)) >>> 0) / 4_294_967_296
}

const placed = (id: string, among: ReadonlyArray<string>) => {
  const open = weights.filter(([name]) => among.includes(name))
  let rest = drawn(id) * open.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [name, weight] of open) if ((rest -= weight) < 0) return name
  return among[0] ?? "worker-0"
}

const causes = {
  spent: `HttpError: 401 Unauthorized (GET https://api.acme.example/v2/orders)
  token expired 2026-11-30T13:52:00Z
    at Poller.fetch (src/poller.ts:48:13)
    at Poller.run (src/poller.ts:22:7)`,
  parse: `ParseError: payload.every: expected a duration, got "5 minute"`,
  reset: "SocketError: read ECONNRESET (feeds.globex.example:443)",
  busy: "HttpError: 503 Service Unavailable (feeds.hooli.example)"
}

/** What one child goes through, told in its order. */
const life = (id: string, begin: number) => {
  const history: Array<EventLine> = []
  const runs: Array<typeof Run.Type> = []
  let token = 1_853_070_350_740_000n + BigInt(Math.floor(drawn(`${id} token`) * 4_000))
  let node = ""
  let attempt = 1
  const at = (time: number) => new Date(Math.round(time))
  const note = (time: number, what: string, text: string, more: Partial<EventLine> = {}) =>
    history.unshift({ position: 0n, at: at(time), what, id, node, token, attempt, count: 1, text, ...more })
  const end = (time: number, how: string) => {
    const open = runs.at(-1)
    if (open !== undefined && open.to === undefined) runs[runs.length - 1] = { ...open, to: at(time), end: how }
  }
  const run = (time: number) => {
    runs.push({ node, token, attempt, from: at(time), count: 1 })
    note(time, "running", "")
  }
  const claim = (time: number, to: string) => {
    node = to
    token += 1n
    attempt = 1
    run(time)
  }
  claim(begin, "worker-0")
  return {
    history,
    runs,
    token: () => token,
    node: () => node,
    begunOn: (name: string) => {
      node = name
      history.length = 0
      runs.length = 0
      run(begin)
    },
    exit: (time: number, cause: string, again: string) => {
      end(time, `exited: ${cause}`)
      note(time, "exited", `${cause.split("\n")[0]}${again}`)
      attempt += 1
    },
    run,
    fail: (time: number, text: string) => {
      end(time, "failed")
      note(time, "failed", text)
    },
    lose: (time: number) => {
      end(time, "lost")
      note(time, "lost", "its node was lost")
    },
    late: (time: number) => {
      const open = runs.at(-1)
      if (open !== undefined) runs[runs.length - 1] = { ...open, late: at(time) }
      note(time, "overdue", "replaced")
    },
    note,
    move: (time: number, to: string, why: "drained" | "lost") => {
      const from = node
      if (why === "lost") end(time, "lost")
      else {
        end(time, "stopped: moved")
        note(time, "stopped", `moved to {node ${to}}`)
      }
      node = to
      note(time + 6, "moved", `from {node ${from}}: its node was ${why}`, { to, token: token + 1n, attempt: 1 })
      claim(time + 40, to)
      return from
    }
  }
}

type Life = ReturnType<typeof life>

const lineOf = (
  id: string,
  { node, runs, token }: Life,
  more: Partial<ChildLine> & { readonly status: Status } = { status: "Running" }
): ChildLine => {
  const [kind = "", ...key] = id.split("/")
  const { status, ...rest } = more
  const held = status !== "Failed" && status !== "Pending"
  const last = runs.at(-1)
  return {
    id,
    kind,
    key: key.join("/"),
    status,
    note: "",
    restarts: 0,
    ...(held ? { node: node(), token: token() } : { lastNode: node() }),
    ...(last === undefined ? {} : { since: last.from }),
    ...(kind === "Poller" || kind === "Scheduler" ? { set: "eu" } : {}),
    ...rest
  }
}

/** Those in trouble, each in a way of its own. */
const troubled: { readonly [id: string]: (it: Life, now: number) => Partial<MadeChild> & Pick<MadeChild, "line"> } = {
  "Poller/acme/orders": (it, now) => {
    it.begunOn("worker-2")
    let at = now - 13 * minute
    for (let i = 0; i < 6; i++) {
      it.exit(at, causes.spent, i < 5 ? `; again after ${2 ** i} s` : "")
      if (i === 5) break
      at += 2 ** i * second
      it.run(at)
      at += 5 * second
    }
    it.fail(at, "its restart policy is spent")
    return {
      cause: causes.spent,
      line: lineOf("Poller/acme/orders", it, {
        status: "Failed",
        restarts: 5,
        since: new Date(at),
        note: `gave up after 5 restarts: ${causes.spent.split("\n")[0]}`
      })
    }
  },
  "Monitor/10.2.8.91": (it, now) => {
    const at = now - 3 * hour - 12 * minute
    it.begunOn("worker-0")
    it.note(at - 900, "replaced", "by reconcile, set default")
    it.fail(at, causes.parse)
    return {
      cause: causes.parse,
      line: lineOf("Monitor/10.2.8.91", it, {
        status: "Failed",
        since: new Date(at),
        note: `gave up: ${causes.parse}`
      })
    }
  },
  "Consumer/orders-017": (it, now) => {
    const at = now - 3 * minute - 20 * second
    it.begunOn("worker-2")
    it.note(at, "replaced", "by mara@example.com: batch size 500")
    it.late(at + 30 * second)
    return {
      line: lineOf("Consumer/orders-017", it, {
        status: "Overdue",
        since: new Date(at),
        note: "was replaced and does not end; its shutdown allows 30 s"
      })
    }
  },
  ...Object.fromEntries([0, 1, 2].map((i) => [`Consumer/embeddings-00${i}`, (it: Life, now: number) => {
    it.begunOn("worker-3")
    it.lose(now - 40 * second)
    return {
      requires: { gpu: "a100" },
      line: lineOf(`Consumer/embeddings-00${i}`, it, {
        status: "Pending",
        since: new Date(now - 40 * second),
        note: "no live node has gpu=a100; {node worker-3} had it"
      })
    }
  }])),
  ...Object.fromEntries(([["invoices", 4, 8], ["shipments", 5, 21]] as const).map(([feed, restarts, next]) => [
    `Poller/globex/${feed}`,
    (it: Life, now: number) => {
      let at = now - 2 * minute
      for (let i = 1; i <= restarts; i++) {
        it.exit(at, causes.reset, `; again after ${2 ** i} s`)
        at += 2 ** i * second
        if (i < restarts) it.run(at)
        at += 3 * second
      }
      return {
        cause: causes.reset,
        line: lineOf(`Poller/globex/${feed}`, it, {
          status: "Restarting",
          restarts,
          since: new Date(now - (30 - next) * second),
          next: new Date(now + next * second),
          note: `attempt ${restarts + 1} in {in ${new Date(now + next * second).toISOString()}}: ${causes.reset}`
        })
      }
    }
  ])),
  "Monitor/10.1.11.71": (it, now) => ({
    line: lineOf("Monitor/10.1.11.71", it, {
      status: "Starting",
      since: new Date(now - 2 * second),
      note: `being built on {node ${it.node()}}`
    })
  })
}

const liveAt = ["worker-0", "worker-1", "worker-2", "worker-3", "worker-4", "worker-5"]

const made = (kind: string, key: string, now: number): MadeChild => {
  const id = `${kind}/${key}`
  const it = life(id, now - 6 * day - drawn(`${id} born`) * 20 * day)
  const trouble = troubled[id]
  let node = placed(id, drawn(`${id} old`) < 0.75 ? liveAt : liveAt.filter((name) => name !== "worker-1"))
  it.begunOn(node)
  if (node === "worker-5") {
    node = placed(`${id} 1`, ["worker-0", "worker-2", "worker-3", "worker-4"])
    it.move(now - 22 * minute + drawn(id) * 4_000, node, "drained")
  }
  if (node === "worker-4") {
    it.move(now - 10 * minute + drawn(id) * 5_000, "worker-5", "drained")
    node = "worker-5"
  }
  if (node === "worker-3" && trouble === undefined) {
    it.move(now - 40 * second + drawn(id) * 3_800, placed(`${id} 2`, ["worker-4", "worker-5"]), "lost")
  }
  if (key.startsWith("hooli") && kind === "Poller") {
    for (let i = 0; i < 3; i++) {
      const at = now - (36 - i * 1.2 - drawn(`${id}${i}`)) * minute
      if (at < (it.runs.at(-1)?.from.getTime() ?? 0)) continue
      it.exit(at, causes.busy, "; again after 4 s")
      it.run(at + 4 * second)
    }
  }
  const rest = trouble?.(it, now) ?? { line: lineOf(id, it) }
  return { requires: {}, history: it.history, runs: it.runs, ...rest }
}

const nodesAt = (now: number, hosted: ReadonlyMap<string, { count: number; trouble: number }>) => {
  const live = weights.filter(([name]) => name !== "worker-3")
  const total = [...hosted.values()].reduce((sum, { count }) => sum + count, 0)
  const shares = live.reduce((sum, [name]) => sum + (name === "worker-2" ? 2 : 1), 0)
  const zone = ["eu-1a", "eu-1b", "eu-1c", "eu-1a", "eu-1b", "eu-1c"]
  const more: { readonly [name: string]: Readonly<Record<string, string>> } = {
    "worker-2": { disk: "nvme" },
    "worker-3": { gpu: "a100" }
  }
  const ago = (ms: number) => new Date(now - ms)
  const sessions: { readonly [name: string]: (typeof NodeLine.Type)["sessions"] } = {
    "worker-3": [{ session: "worker-3#g7mcw", to: ago(40 * second), end: "lost" }],
    "worker-4": [
      { session: "worker-4#1aa9x", to: ago(9 * minute + 48 * second), end: "left" },
      { session: "worker-4#77b2q", from: ago(9 * minute) }
    ],
    "worker-5": [
      { session: "worker-5#0pl3m", to: ago(21 * minute + 50 * second), end: "left" },
      { session: "worker-5#x41cd", from: ago(21 * minute) }
    ]
  }
  return weights.map(([name], i): typeof NodeLine.Type => {
    const lost = name === "worker-3"
    const { count = 0, trouble = 0 } = hosted.get(name) ?? {}
    const own = sessions[name] ?? [{ session: `${name}#${["2vpp7", "k0d1e", "9zz4a"][i] ?? "aaaaa"}` }]
    return {
      name,
      session: own.at(-1)?.session ?? name,
      self: i === 0,
      live: !lost,
      weight: name === "worker-2" ? 2 : 1,
      labels: { zone: zone[i] ?? "", ...more[name] },
      cordoned: name === "worker-1",
      draining: false,
      full: false,
      duplicate: false,
      children: count,
      trouble,
      fair: lost ? 0 : (total * (name === "worker-2" ? 2 : 1)) / shares,
      joined: own.at(-1)?.from ?? ago(6 * day + i * hour),
      sessions: own,
      ...(lost
        ? { ended: ago(40 * second) }
        : i === 0
        ? { leaseLeft: 8_200 }
        : {})
    }
  })
}

const burstOf = (items: ReadonlyArray<EventLine>, text: string, more: string): MadeBurst => ({
  event: items[0]!,
  items: items.length > 1 ? items : [],
  text,
  more
})

const children = (count: number) => `${count} ${count === 1 ? "child" : "children"}`

/** Bursts of like events, the newest first. */
const burstsOf = (all: ReadonlyArray<EventLine>): ReadonlyArray<MadeBurst> => {
  const groups: Array<Array<EventLine>> = []
  const open = new Map<string, Array<EventLine>>()
  for (const event of all) {
    const key = `${event.what} ${event.id === undefined ? event.node : event.text}`
    const group = open.get(key)
    if (group !== undefined && group[0]!.at.getTime() - event.at.getTime() < 20 * second) group.push(event)
    else {
      const fresh = [event]
      open.set(key, fresh)
      groups.push(fresh)
    }
  }
  return groups.map((items) => {
    const { id, node, text, to, what } = items[0]!
    const count = items.length
    if (id === undefined) return burstOf(items, text, what === "lost" ? "its lease ran out" : "")
    const who = count > 1 ? children(count) : `{child ${id}}`
    if (what === "moved") {
      const where = new Map<string, number>()
      for (const item of items) where.set(item.to ?? "", (where.get(item.to ?? "") ?? 0) + 1)
      const said = [...where].map(([name, n]) => where.size > 1 ? `{node ${name}} (${n})` : `{node ${name}}`).join(", ")
      const [, from = "", why = ""] = /^from (\{node [^}]*\}): (.*)$/.exec(text) ?? []
      return burstOf(items, `${who} moved from ${from} to ${said}`, count > 1 ? why.replace("its", "their") : why)
    }
    const verb = {
      exited: "exited",
      failed: "gave up",
      overdue: "does not end",
      lost: count > 1 ? "lost their node" : "lost its node"
    }[what] ??
      `was ${what}`
    return burstOf(
      items,
      `${who} ${verb}${node === undefined || count > 1 || to !== undefined ? "" : ` on {node ${node}}`}`,
      text
    )
  })
}

/**
 * Makes the scope as it is at a moment.
 *
 * @param now milliseconds since 1970
 */
export const makeScope = (now: number): MadeScope => {
  const all = new Map(listed().map(([kind, key]) => [`${kind}/${key}`, made(kind, key, now)]))
  for (const id of Object.keys(troubled)) {
    if (!all.has(id)) {
      const [kind = "", ...key] = id.split("/")
      all.set(id, made(kind, key.join("/"), now))
    }
  }
  const hosted = new Map<string, { count: number; trouble: number }>()
  for (const { line } of all.values()) {
    if (line.node === undefined) continue
    const { count = 0, trouble = 0 } = hosted.get(line.node) ?? {}
    hosted.set(line.node, { count: count + 1, trouble: trouble + (line.status === "Running" ? 0 : 1) })
  }
  const told = (ms: number, what: string, node: string, text: string): EventLine => ({
    position: 0n,
    at: new Date(now - ms),
    what,
    node,
    count: 1,
    text: `{node ${node}} ${text}`
  })
  const nodeEvents = [
    told(40 * second, "lost", "worker-3", "was lost"),
    told(9 * minute, "joined", "worker-4", "joined"),
    told(9 * minute + 48 * second, "left", "worker-4", "left"),
    told(10 * minute, "drained", "worker-4", "was drained"),
    told(21 * minute, "joined", "worker-5", "joined"),
    told(21 * minute + 50 * second, "left", "worker-5", "left"),
    told(22 * minute, "drained", "worker-5", "was drained")
  ]
  const hidden = new Set(["running", "stopped", "claimed"])
  const events = [...[...all.values()].flatMap(({ history }) => history), ...nodeEvents]
    .filter(({ at, what }) => at.getTime() > now - hour && !hidden.has(what))
    .sort((a, b) => b.at.getTime() - a.at.getTime())
    .map((event, i, { length }) => ({ ...event, position: BigInt(9_000 + length - i) }))
  const moves = new Map<string, (typeof Overview.Type)["moves"][number]>()
  for (const { at, text, to = "", what } of events) {
    const from = /\{node ([^}]*)\}/.exec(text)?.[1] ?? ""
    if (what !== "moved" || to === from) continue
    const key = `${from} ${to} ${Math.round(at.getTime() / 30_000)}`
    moves.set(key, { from, to, at, lost: /lost/.test(text), count: (moves.get(key)?.count ?? 0) + 1 })
  }
  return { now, children: all, nodes: nodesAt(now, hosted), moves: [...moves.values()], bursts: burstsOf(events) }
}
