/** Answers about the made-up scope, in the form of the real ones. */
import type * as Answers from "../../../src/internal/console/answers.js"
import type { MadeChild, MadeScope } from "./scope.js"

const statuses = ["Failed", "Overdue", "Pending", "Restarting", "Starting", "Stopping", "Running"] as const

const hour = 3_600_000

const tally = (values: Iterable<string>) => {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

interface Term {
  readonly not: boolean
  readonly key: string
  readonly value: string
  readonly text: string
}

const termsOf = (query: string): ReadonlyArray<Term> =>
  query.trim().split(/\s+/).filter((text) => text !== "").map((text) => {
    const [, not = "", key = "", value = ""] = /^(-?)(?:(\w+):)?(.*)$/.exec(text) ?? []
    return { not: not !== "", key, value: value.toLowerCase(), text }
  })

const keys = ["status", "kind", "node", "restarts", "age", "last", "is", "set"]

const holds = ({ line }: MadeChild, { key, value }: Term) => {
  const among = (found: string | undefined) => value.split(",").includes((found ?? "none").toLowerCase())
  switch (key) {
    case "":
      return line.id.toLowerCase().includes(value)
    case "status":
      return among(line.status)
    case "kind":
      return among(line.kind)
    case "node":
      return among(line.node)
    case "last":
      return among(line.lastNode)
    case "set":
      return among(line.set)
    case "restarts":
      return value.startsWith(">") ? line.restarts > Number(value.slice(1)) : line.restarts === Number(value)
    case "is":
      return value !== "trouble" || line.status !== "Running"
    default:
      return true
  }
}

const matching = (scope: MadeScope, terms: ReadonlyArray<Term>, without?: string) =>
  [...scope.children.values()].filter((child) =>
    terms.every((term) => term.key === without || term.value === "" || holds(child, term) !== term.not)
  )

const rank = ({ line: { status } }: MadeChild) => statuses.indexOf(status)

const sorts: { readonly [sort: string]: (child: MadeChild) => string | number } = {
  status: rank,
  id: ({ line }) => line.id,
  node: ({ line }) => line.node ?? "~",
  restarts: ({ line }) => -line.restarts,
  since: ({ line }) => -(line.since?.getTime() ?? 0),
  token: ({ line }) => Number(line.token ?? 0)
}

/** The list of children. */
export const childrenOf = (
  scope: MadeScope,
  { limit, offset, q, sort }: {
    readonly q: string
    readonly sort: string
    readonly offset: number
    readonly limit: number
  }
): typeof Answers.ChildList.Type => {
  const terms = termsOf(q)
  const found = matching(scope, terms)
  const by = sorts[sort.replace("-", "")] ?? rank
  const sign = sort.startsWith("-") ? -1 : 1
  found.sort((a, b) => {
    const [x, y] = [by(a), by(b)]
    return (x < y ? -1 : x > y ? 1 : 0) * sign || (a.line.id < b.line.id ? -1 : 1)
  })
  const wrong = terms.find(({ key }) => key !== "" && !keys.includes(key))
  const status = terms.find(({ key }) => key === "status")
  const word = terms.find(({ key }) => key === "")
  const hint = found.length > 0
    ? undefined
    : status !== undefined
    ? `Without ${status.text} there are ${matching(scope, terms, "status").length}.`
    : word !== undefined
    ? `No id holds "${word.value}". If it was terminated, {events ${word.value}|the events} tell when and by whom.`
    : "Take a term out, or clear the query."
  return {
    total: found.length,
    all: scope.children.size,
    offset,
    rows: found.slice(offset, offset + limit).map(({ line }) => line),
    byStatus: tally(matching(scope, terms, "status").map(({ line }) => line.status)),
    byKind: tally(matching(scope, terms, "kind").map(({ line }) => line.kind)),
    byNode: tally(matching(scope, terms, "node").map(({ line }) => line.node ?? "none")),
    ...(wrong === undefined
      ? {}
      : { problem: `There is no filter "${wrong.key}:". There are: ${keys.map((key) => `${key}:`).join(", ")}.` }),
    ...(hint === undefined ? {} : { hint })
  }
}

/** Children that did not run in the last hour: some noise, an outage, two deploys, and the loss. */
const notRunning = (troubled: number) =>
  Array.from({ length: 360 }, (_, i) => {
    const ago = (360 - i) * 10
    const noise = (i * 7919) % 3
    const outage = ago > 2_040 && ago < 2_220 ? 10 + ((i * 31) % 17) : 0
    const deploy = Math.abs(ago - 1_318) < 8 ? 14 : Math.abs(ago - 598) < 8 ? 19 : 0
    return i === 359 ? troubled : 5 + noise + outage + deploy + (ago > 35 && ago <= 50 ? 346 : 0)
  })

const troubleOf = (bad: ReadonlyArray<MadeChild>): (typeof Answers.Overview.Type)["trouble"] => {
  const groups = new Map<string, Array<MadeChild>>()
  for (const child of bad) {
    const { id, kind, note, status } = child.line
    const key = status === "Pending" ? `${status} ${kind} ${note}` : id
    groups.set(key, [...groups.get(key) ?? [], child])
  }
  return [...groups.values()]
    .sort((a, b) =>
      rank(a[0]!) - rank(b[0]!) || (a[0]!.line.since?.getTime() ?? 0) - (b[0]!.line.since?.getTime() ?? 0)
    )
    .map((group) => {
      const { line } = group[0]!
      return { row: line, count: group.length, query: `status:${line.status.toLowerCase()} kind:${line.kind}` }
    })
}

const lostWords = "{node worker-3} was lost {ago TIME} ago: 363 of its 366 children run elsewhere, " +
  "{find status:pending last:worker-3|3 have nowhere to go}."

/** The first page. */
export const overviewOf = (scope: MadeScope): typeof Answers.Overview.Type => {
  const total = scope.children.size
  const bad = [...scope.children.values()].filter(({ line }) => line.status !== "Running")
  const trouble = troubleOf(bad)
  const lost = scope.nodes.find(({ live }) => !live)
  const moved = scope.moves.filter(({ from, lost }) => lost && from === "worker-3")
  const took = moved.map(({ count, to }) => `${count} to {node ${to}}`).join(", ")
  const shown = trouble.slice(0, 8)
  return {
    at: new Date(scope.now),
    verdict: bad.length === 0
      ? `All ${total.toLocaleString("en")} children are running`
      : `${bad.length} of ${total.toLocaleString("en")} children are not running`,
    notices: lost?.ended === undefined
      ? []
      : [
        lostWords.replace("TIME", lost.ended.toISOString())
          .replace("363", String(moved.reduce((sum, { count }) => sum + count, 0)))
          .replace("366", String(moved.reduce((sum, { count }) => sum + count, 3)))
      ],
    total,
    byStatus: tally([...scope.children.values()].map(({ line }) => line.status)),
    trouble: shown,
    more: bad.length - shown.reduce((sum, { count }) => sum + count, 0),
    notRunning: total === 0 ? [] : notRunning(bad.length),
    nodes: scope.nodes.map((node) => node.live ? node : { ...node, words: took }),
    moves: scope.moves,
    failures: bad.flatMap(({ line: { id, lastNode, since, status } }) =>
      status === "Failed" && since !== undefined && lastNode !== undefined && since.getTime() > scope.now - hour
        ? [{ id, node: lastNode, at: since }]
        : []
    ),
    ...(total === 0
      ? {
        empty: "1 node in scope production is ready for the kinds Monitor, Poller, Consumer and Scheduler.\n" +
          `  yield* Pogo.startChild(Monitor.spec("10.0.0.1", \\{ host: "10.0.0.1" \\}))\n` +
          "or in a terminal\n" +
          `  npx effect-pogo start Monitor/10.0.0.1 --payload '\\{"host":"10.0.0.1"\\}'`
      }
      : {})
  }
}

const wordsOf = ({ cause, line }: MadeChild): (typeof Answers.ChildPage.Type)["words"] => {
  const since = (line.since ?? new Date()).toISOString()
  const where = line.node === undefined
    ? `No node runs it. It last ran on {node ${line.lastNode}}. ${
      line.status === "Pending" ? "No live node can take it." : "It would start on {node worker-4}."
    }`
    : `{node ${line.node}} holds its claim with token ${line.token}. It belongs there.`
  switch (line.status) {
    case "Failed":
      return [
        { label: "Now", text: `It failed {ago ${since}} ago and stays so until somebody restarts it.` },
        {
          label: "Why",
          text: line.restarts > 0
            ? `It was restarted ${line.restarts} times, as often as its policy allows, and ended with:`
            : "It did not start:",
          pre: cause ?? ""
        },
        { label: "Where", text: where },
        {
          label: "Next",
          text: "Nothing happens by itself. A restart tries it again at once, with its restarts counted from zero."
        }
      ]
    case "Overdue":
      return [
        { label: "Now", text: `It was told to end {ago ${since}} ago and still runs.` },
        {
          label: "Why",
          text: "It was replaced, and its shutdown allows 30 s. Most often a finalizer does not return."
        },
        { label: "Where", text: where },
        {
          label: "Next",
          text:
            `Nobody else may run it until it has ended. If it never does, end the process of {node ${line.node}}: ` +
            "the child runs elsewhere once that lease is over (10 s)."
        }
      ]
    case "Pending":
      return [
        { label: "Now", text: `It has not run for {ago ${since}}.` },
        { label: "Why", text: "No live node has gpu=a100; {node worker-3} had it." },
        { label: "Where", text: where },
        { label: "Next", text: "It starts by itself as soon as a node with gpu=a100 joins." }
      ]
    case "Restarting":
      return [
        { label: "Now", text: `It is tried again in {in ${(line.next ?? new Date()).toISOString()}}.` },
        { label: "Why", text: "It ended with:", pre: cause ?? "" },
        { label: "Where", text: where },
        { label: "Next", text: "A restart by hand does not wait, and counts from zero." }
      ]
    default:
      return [{ label: "Now", text: `It has run for {ago ${since}}.` }, { label: "Where", text: where }]
  }
}

const payloadOf = ({ line: { key, kind } }: MadeChild) => {
  const [tenant = "", feed = ""] = key.split("/")
  switch (kind) {
    case "Poller":
      return { tenant, feed, every: "1 minute" }
    case "Consumer":
      return { topic: key.replace(/-\d+$/, ""), partition: Number(key.slice(-3)), batch: 500 }
    case "Scheduler":
      return { tenant: key, tz: "Europe/Berlin" }
    default:
      return { host: key, port: 443, every: "15 seconds" }
  }
}

/** The page of a child. */
export const childOf = (
  scope: MadeScope,
  id: string,
  show: boolean
): typeof Answers.ChildPage.Type | undefined => {
  const child = scope.children.get(id)
  if (child === undefined) return undefined
  const { line, requires } = child
  const needsGpu = requires["gpu"] !== undefined
  const places = scope.nodes.filter(({ live }) => live).map(({ cordoned, name }) => ({
    name,
    ...(cordoned ? { obstacle: "it is cordoned" } : needsGpu ? { obstacle: "it lacks gpu=a100" } : {})
  })).sort((a, b) =>
    Number("obstacle" in a) - Number("obstacle" in b) || Number(b.name === line.node) - Number(a.name === line.node)
  )
  return {
    line,
    generation: 3n,
    digest: "4b7a19c2",
    type: "worker",
    words: wordsOf(child),
    places,
    requires,
    runs: child.runs,
    proof: { ok: true, text: "Never two at once." },
    history: child.history.map((event, i) => ({ ...event, position: BigInt(5_000 - i) })),
    ...(show
      ? {
        payload: payloadOf(child),
        ...(line.kind === "Consumer"
          ? {
            state: {
              value: { offset: 91_840_217 },
              token: line.token ?? 5_102n,
              version: 48_211n,
              at: new Date(scope.now - 900),
              node: line.node ?? line.lastNode ?? "worker-0"
            }
          }
          : {})
      }
      : { hidden: "Payload and state are not shown by this server: its option `show` would." })
  }
}

const planOf = (scope: MadeScope, name: string): typeof Answers.PlanSummary.Type => {
  const { children: moves = 0 } = scope.nodes.find((node) => node.name === name) ?? {}
  const others = scope.nodes.filter((node) => node.live && node.name !== name)
  const open = others.filter(({ cordoned }) => !cordoned)
  const shares = open.reduce((sum, { weight }) => sum + weight, 0)
  const to = open.map((node) => ({
    name: node.name,
    now: node.children,
    after: node.children + Math.round((moves * node.weight) / shares)
  }))
  return {
    moves,
    starts: 0,
    to,
    closed: others.filter(({ cordoned }) => cordoned).map((node) => ({ name: node.name, why: "it is cordoned" })),
    stuck: 0,
    text: `${moves} children move to ${
      to.map((each) => `{node ${each.name}} (${each.after - each.now})`).join(", ")
    }. All have somewhere to go.`
  }
}

/** The page of a node. */
export const nodeOf = (scope: MadeScope, name: string): typeof Answers.NodePage.Type | undefined => {
  const node = scope.nodes.find((each) => each.name === name)
  if (node === undefined) return undefined
  const own = [...scope.children.values()].filter(({ line }) => line.node === name)
  const kinds = tally(own.map(({ line }) => line.kind))
  const troubled = tally(own.filter(({ line }) => line.status !== "Running").map(({ line }) => line.kind))
  const events = scope.bursts
    .filter(({ event, items }) => [event, ...items].some((each) => each.node === name))
    .map(({ event, more, text }) => ({ ...event, text: more === "" ? text : `${text}: ${more}` }))
  const ended = node.ended?.toISOString()
  return {
    node,
    address: "10.0.3.42:7070",
    kinds: Object.fromEntries(
      ["Monitor", "Poller", "Consumer", "Scheduler"].map((kind, i) => [kind, { version: i + 2, digest: "4b7a" }])
    ),
    ...(node.cordoned
      ? {
        directive: {
          what: "cordon",
          by: "mara@example.com",
          reason: "disk swap, OPS-2211",
          at: new Date(scope.now - 51 * hour),
          obeyed: true
        }
      }
      : {}),
    words: ended === undefined ? [] : [
      { label: "Now", text: `Its lease ran out {ago ${ended}} ago, 10 s after it was last heard of.` },
      {
        label: "Children",
        text:
          "They run elsewhere. {find status:pending last:worker-3|3 have nowhere to go}: no other node has gpu=a100."
      },
      {
        label: "Next",
        text: "If the process comes back it joins as a new session. Meanwhile its old tokens fail every check."
      }
    ],
    byKind: Object.entries(kinds).sort(([, a], [, b]) => b - a)
      .map(([kind, count]) => ({ kind, count, trouble: troubled[kind] ?? 0 })),
    ...(node.live ? { drain: planOf(scope, name) } : {}),
    events
  }
}

const strips: { readonly [strip: string]: ReadonlyArray<string> } = {
  nodes: ["joined", "left", "lost", "drained", "cordoned"],
  moves: ["moved"],
  failures: ["failed"],
  restarts: ["exited"]
}

/** What happened. */
export const eventsOf = (
  scope: MadeScope,
  { limit, minute, q }: { readonly q: string; readonly minute: string | undefined; readonly limit: number }
): typeof Answers.EventList.Type => {
  const from = Math.ceil((scope.now - hour) / 60_000) * 60_000
  const all = scope.bursts.flatMap(({ event, items }) => items.length > 0 ? items : [event])
  const count = (strip: string) => {
    const counts = Array.from({ length: 60 }, () => 0)
    for (const { at, what } of all) {
      const i = Math.floor((at.getTime() - from) / 60_000)
      if (i >= 0 && i < 60 && strips[strip]?.includes(what) === true) counts[i] = (counts[i] ?? 0) + 1
    }
    return counts
  }
  const terms = termsOf(q)
  const begin = minute === undefined ? scope.now - hour : Date.parse(minute)
  const end = minute === undefined ? Infinity : begin + 60_000
  const found = scope.bursts.filter(({ event, more, text }) =>
    event.at.getTime() >= begin && event.at.getTime() < end && terms.every(({ key, not, value }) => {
      const held = key === "what"
        ? event.what.toLowerCase() === value
        : key === "node"
        ? event.node === value || text.includes(`{node ${value}}`)
        : key === "kind"
        ? event.id?.toLowerCase().startsWith(`${value}/`) === true
        : `${event.id ?? ""} ${text} ${more}`.toLowerCase().includes(value)
      return held !== not
    })
  )
  return {
    total: found.reduce((sum, { items }) => sum + Math.max(1, items.length), 0),
    groups: found.slice(0, limit).map(({ event, items, more, text }) => ({
      event,
      count: Math.max(1, items.length),
      text,
      more,
      items: items.slice(0, 200)
    })),
    minutes: {
      from: new Date(from),
      nodes: count("nodes"),
      moves: count("moves"),
      failures: count("failures"),
      restarts: count("restarts")
    },
    truncated: false
  }
}

const hints: { readonly [key: string]: string } = {
  status: "failed, pending, overdue, …",
  kind: "what it is",
  node: "where it runs; none",
  set: "set of reconcile",
  revision: "of the node that has it; none",
  restarts: ">3",
  age: "<5m, in its status",
  last: "node that ran it last",
  is: "trouble"
}

/** What may follow in a query. */
export const suggestionsOf = (scope: MadeScope, q: string): typeof Answers.Suggestions.Type => {
  const word = /\S*$/.exec(q)?.[0] ?? ""
  const [, key, begun = ""] = /^(\w+):(.*)$/.exec(word) ?? []
  if (key === undefined) {
    return Object.entries(hints).filter(([each]) => each.startsWith(word))
      .map(([each, hint]) => ({ text: `${each}:`, hint }))
  }
  const rest = matching(scope, termsOf(q.slice(0, q.length - word.length)))
  const values: { readonly [key: string]: Record<string, number> } = {
    status: tally(rest.map(({ line }) => line.status.toLowerCase())),
    kind: tally(rest.map(({ line }) => line.kind)),
    node: tally(rest.map(({ line }) => line.node ?? "none"))
  }
  return Object.entries(values[key] ?? {})
    .filter(([value]) => value.toLowerCase().startsWith(begun.toLowerCase()) && value !== begun)
    .map(([value, count]) => ({ text: `${key}:${value}`, hint: String(count) }))
}

/** What an action would do. */
export const previewOf = (
  scope: MadeScope,
  { action, ids, query }: typeof Answers.ActionTarget.Type
): typeof Answers.Preview.Type => {
  const all = ids ?? matching(scope, termsOf(query ?? "")).map(({ line }) => line.id)
  const verb = `${action[0]?.toUpperCase()}${action.slice(1)}`
  const one = all.length === 1 ? all[0] : undefined
  const texts: { readonly [action: string]: string } = {
    restart: one === undefined
      ? `All that match "${query}" at this moment: ${all.slice(0, 3).join(", ")} and ${all.length - 3} more.`
      : "It is tried again at once, and its restarts are counted from zero.",
    terminate: "It ends for good, its state is deleted, and no node starts it until it is registered anew.",
    cordon: "It keeps its children and takes no new ones.",
    uncordon: "It takes children again. Those that belong there move to it.",
    drain: `${one === undefined ? "" : planOf(scope, one).text} The node takes no new ones until it is uncordoned.`
  }
  return {
    action,
    ids: all.slice(0, 500),
    title: `${verb} ${one ?? `${all.length} children`}?`,
    text: texts[action] ?? "",
    verb,
    danger: action === "terminate" || action === "drain",
    ...(all.length > 20 ? { type: String(all.length) } : {}),
    command: `npx effect-pogo ${action} ${one ?? `--query '${query}'`}${action === "drain" ? " --wait" : ""}`
  }
}
