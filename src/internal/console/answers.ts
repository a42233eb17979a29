/**
 * What an operator sees, as data: the answers that the HTTP interface gives, and that the page and the command draw.
 *
 * Words are written where these answers are made, and nowhere else. They may hold marks, which a page turns into links
 * and running clocks, and a terminal into text: `{node NAME}`, `{child ID}`, `{find QUERY|TEXT}` (children),
 * `{events QUERY|TEXT}`, `{ago TIME}` and `{in TIME}` with an ISO 8601 time. In what comes from users `{`, `}`, `|` and
 * `\` have a `\` before them, inside of marks too: whoever draws words takes a character behind `\` as it is. `marks.ts`
 * reads and renders them.
 *
 * @internal
 */
import * as Schema from "effect/Schema"

const Text = Schema.String
const Count = Schema.Number
const Counts = Schema.Record({ key: Text, value: Count })
const optional = Schema.optionalWith

/** Text with marks. */
export const Words = Schema.String

/** The statuses of children, worst first: the order of lists and chips. */
export const statuses = ["Failed", "Overdue", "Pending", "Restarting", "Starting", "Stopping", "Running"] as const

export const Status = Schema.Literal(...statuses)
export type Status = typeof Status.Type

/** What may be done. The first five are done to children, the others to nodes. */
export const actions = ["start", "restart", "replace", "terminate", "reconcile", "cordon", "uncordon", "drain"] as const

export const ActionName = Schema.Literal(...actions)
export type ActionName = typeof ActionName.Type

/** What this process serves, and to whom. Asked once when a page opens, and again after a reconnect. */
export const About = Schema.Struct({
  scope: Text,
  /** Name of the node or client that answers. */
  node: Text,
  /** Whether a node of the scope answers, or a client. */
  client: Schema.Boolean,
  /** Version of this package. */
  version: Text,
  /** What whoever asks may do. */
  actions: Schema.Array(ActionName),
  /** Whether payloads are shown, and states. */
  payload: Schema.Boolean,
  state: Schema.Boolean,
  ready: Schema.Boolean,
  /** Why what is shown may be old, in words; missing while it is not. */
  stale: optional(Words, { exact: true }),
  staleSince: optional(Schema.Date, { exact: true })
})

/** A child in a list. */
export const ChildLine = Schema.Struct({
  id: Text,
  kind: Text,
  key: Text,
  status: Status,
  /** Why it does not run, or what is odd about it; empty when all is well. */
  note: Words,
  node: optional(Text, { exact: true }),
  lastNode: optional(Text, { exact: true }),
  set: optional(Text, { exact: true }),
  restarts: Count,
  /** Time since which it has its status. */
  since: optional(Schema.Date, { exact: true }),
  /** When it is tried again. */
  next: optional(Schema.Date, { exact: true }),
  token: optional(Schema.BigInt, { exact: true })
})
export type ChildLine = typeof ChildLine.Type

/** A page of children. */
export const ChildList = Schema.Struct({
  /** Children that match, and all children of the scope. */
  total: Count,
  all: Count,
  offset: Count,
  rows: Schema.Array(ChildLine),
  /** Those that match the query without its terms about `status`, `kind` or `node`. */
  byStatus: Counts,
  byKind: Counts,
  /** By node; `none` are those that no node holds. */
  byNode: Counts,
  /** What is wrong with the query. */
  problem: optional(Words, { exact: true }),
  /** What to do when nothing matches. */
  hint: optional(Words, { exact: true }),
  staleSince: optional(Schema.Date, { exact: true })
})

/** One that does not run, or several that do not for the same reason. */
export const Trouble = Schema.Struct({
  /** The longest of them. */
  row: ChildLine,
  /** How many they are. */
  count: Count,
  /** The query that lists them. */
  query: Text
})

/** A stretch of time in which a node had a session. */
export const SessionBar = Schema.Struct({
  session: Text,
  /** Missing if it began before what is shown. */
  from: optional(Schema.Date, { exact: true }),
  to: optional(Schema.Date, { exact: true }),
  /** How it ended, once it has. */
  end: optional(Schema.Literal("left", "lost", "gone"), { exact: true })
})

/** A node in the table, with its lane of the last hour. One that ended within that hour is among them. */
export const NodeLine = Schema.Struct({
  name: Text,
  session: Text,
  self: Schema.Boolean,
  live: Schema.Boolean,
  weight: Count,
  labels: Schema.Record({ key: Text, value: Text }),
  cordoned: Schema.Boolean,
  draining: Schema.Boolean,
  full: Schema.Boolean,
  duplicate: Schema.Boolean,
  /** The revision of its release, if it has one. */
  revision: optional(Text, { exact: true }),
  children: Count,
  /** Children there that do not run as they should. */
  trouble: Count,
  /** Its fair share of all children, by weight; 0 of one that takes none. */
  fair: Count,
  /** Milliseconds of its lease that were left, as far as that is known here. */
  leaseLeft: optional(Count, { exact: true }),
  joined: optional(Schema.Date, { exact: true }),
  ended: optional(Schema.Date, { exact: true }),
  /** Of one that has ended: where its children went. */
  words: optional(Words, { exact: true }),
  sessions: Schema.Array(SessionBar)
})

/** Children that moved from one node to another within half a minute. */
export const MoveBundle = Schema.Struct({ from: Text, to: Text, at: Schema.Date, count: Count, lost: Schema.Boolean })

/** The first page. */
export const Overview = Schema.Struct({
  at: Schema.Date,
  /** How it stands, in one sentence, and one more for each thing that happened lately. */
  verdict: Words,
  notices: Schema.Array(Words),
  total: Count,
  byStatus: Counts,
  trouble: Schema.Array(Trouble),
  /** How many troubled children are not among them. */
  more: Count,
  /** Children that did not run, every ten seconds of the last hour, the oldest first; shorter while less is known. */
  notRunning: Schema.Array(Count),
  nodes: Schema.Array(NodeLine),
  moves: Schema.Array(MoveBundle),
  /** Children that gave up. */
  failures: Schema.Array(Schema.Struct({ id: Text, node: Text, at: Schema.Date })),
  /** Why there is no history to draw from, if so. */
  historyProblem: optional(Words, { exact: true }),
  /** In an empty scope: how a child is started. */
  empty: optional(Words, { exact: true }),
  staleSince: optional(Schema.Date, { exact: true })
})

/** A paragraph of an explanation. */
export const Paragraph = Schema.Struct({
  label: Schema.Literal("Now", "Why", "Where", "Next", "Children"),
  text: Words,
  /** Preformatted, without marks: a cause with its lines. */
  pre: optional(Text, { exact: true })
})

/** One run of a child. */
export const Run = Schema.Struct({
  node: Text,
  token: Schema.BigInt,
  attempt: Count,
  from: Schema.Date,
  to: optional(Schema.Date, { exact: true }),
  end: optional(Text, { exact: true }),
  /** From when on it was overdue. */
  late: optional(Schema.Date, { exact: true }),
  /** How many runs it stands for, where the history has thinned them out. */
  count: Count
})

/** An entry of the history, in words. */
export const EventLine = Schema.Struct({
  position: Schema.BigInt,
  at: Schema.Date,
  what: Text,
  id: optional(Text, { exact: true }),
  node: optional(Text, { exact: true }),
  to: optional(Text, { exact: true }),
  token: optional(Schema.BigInt, { exact: true }),
  attempt: optional(Count, { exact: true }),
  count: Count,
  text: Words
})
export type EventLine = typeof EventLine.Type

/** The page of one child. */
export const ChildPage = Schema.Struct({
  line: ChildLine,
  generation: Schema.BigInt,
  digest: optional(Text, { exact: true }),
  type: Text,
  words: Schema.Array(Paragraph),
  belongs: optional(Text, { exact: true }),
  /** All live nodes, best first. */
  places: Schema.Array(Schema.Struct({ name: Text, obstacle: optional(Text, { exact: true }) })),
  requires: Schema.Record({ key: Text, value: Text }),
  runs: Schema.Array(Run),
  /** Whether two runs ever were at once, in words, and whether it was so. */
  proof: Schema.Struct({ ok: Schema.Boolean, text: Words }),
  /** The newest first, 1,000 at most. */
  history: Schema.Array(EventLine),
  historyProblem: optional(Words, { exact: true }),
  payload: optional(Schema.Unknown, { exact: true }),
  state: optional(
    Schema.Struct({
      value: Schema.Unknown,
      token: Schema.BigInt,
      version: Schema.BigInt,
      at: Schema.Date,
      node: Text
    }),
    { exact: true }
  ),
  /** Which option shows what is not shown. */
  hidden: optional(Words, { exact: true }),
  staleSince: optional(Schema.Date, { exact: true })
})

/** What would move if nodes were drained, gone, or new. */
export const PlanSummary = Schema.Struct({
  /** Children that run and would run elsewhere, and such as run nowhere now and could start. */
  moves: Count,
  starts: Count,
  /** Nodes that children come to. */
  to: Schema.Array(Schema.Struct({ name: Text, now: Count, after: Count })),
  /** Nodes that take none, and why. */
  closed: Schema.Array(Schema.Struct({ name: Text, why: Words })),
  /** Children that could run nowhere else. */
  stuck: Count,
  text: Words
})

/** The page of one node. */
export const NodePage = Schema.Struct({
  node: NodeLine,
  address: optional(Text, { exact: true }),
  kinds: Schema.Record({ key: Text, value: Schema.Struct({ version: Count, digest: Text }) }),
  directive: optional(
    Schema.Struct({ what: Text, by: Text, reason: Text, at: Schema.Date, obeyed: Schema.Boolean }),
    { exact: true }
  ),
  /** Of one that has ended. */
  words: Schema.Array(Paragraph),
  byKind: Schema.Array(Schema.Struct({ kind: Text, count: Count, trouble: Count })),
  /** Of a live one. */
  drain: optional(PlanSummary, { exact: true }),
  events: Schema.Array(EventLine),
  staleSince: optional(Schema.Date, { exact: true })
})

/** Like events of a burst, or a single one. */
export const EventGroup = Schema.Struct({
  /** The newest of them. */
  event: EventLine,
  count: Count,
  /** One sentence for all of them. */
  text: Words,
  /** Why, or how, where there is more to say. */
  more: Words,
  /** Up to 200 of them, the newest first; empty for a single one. */
  items: Schema.Array(EventLine)
})

/** The events of the last hour, or of one minute. */
export const EventList = Schema.Struct({
  total: Count,
  groups: Schema.Array(EventGroup),
  /** Events of each minute of the last hour, the oldest first. */
  minutes: Schema.Struct({
    from: Schema.Date,
    nodes: Schema.Array(Count),
    moves: Schema.Array(Count),
    failures: Schema.Array(Count),
    restarts: Schema.Array(Count)
  }),
  /** The history goes further back than what was read. */
  truncated: Schema.Boolean,
  problem: optional(Words, { exact: true }),
  hint: optional(Words, { exact: true })
})

/** What may follow in a query: the whole word to write, and what it means or how many there are. */
export const Suggestions = Schema.Array(Schema.Struct({ text: Text, hint: Text }))

/** What is to be done, and to whom: to these ids (of children, or names of nodes), or to the children of a query. */
export const ActionTarget = Schema.Struct({
  action: ActionName,
  ids: optional(Schema.Array(Text), { exact: true }),
  query: optional(Text, { exact: true })
})

/** What an action would do, before it is done. */
export const Preview = Schema.Struct({
  action: ActionName,
  /** Those that it would be done to, 500 at most. */
  ids: Schema.Array(Text),
  title: Text,
  text: Words,
  /** What the button says. */
  verb: Text,
  danger: Schema.Boolean,
  /** What to type before it is done. */
  type: optional(Text, { exact: true }),
  /** The same as a command. */
  command: Text
})

/** What became of an action, for each that it was done to. */
export const ActionResult = Schema.Struct({
  ids: Schema.Array(Schema.Struct({ id: Text, ok: Schema.Boolean, text: Words })),
  /** All of it in a sentence. */
  text: Words
})

/** Why an action is not done, or can not be shown before: nothing of it was done. */
export class ActionRefused extends Schema.TaggedError<ActionRefused>("effect-pogo/ActionRefused")("ActionRefused", {
  action: ActionName,
  /**
   * `NotAllowed`: this process does not serve the action. `NoTarget`: neither ids nor a query, or both, or none that the
   * action can be done to. `TooMany`: more than 500. `WrongQuery`: the query is no query. `NotFound`: nothing is left of
   * those that were named. `Invalid`: `by` or `reason` is no line of text of at most 200 characters. `Stale`: what this
   * process knows may be old.
   */
  reason: Schema.Literal("NotAllowed", "NoTarget", "TooMany", "WrongQuery", "NotFound", "Invalid", "Stale"),
  /** What is wrong, and the remedy, in plain text. */
  detail: Text
}) {
  override get message(): string {
    return this.detail
  }
}

/** Told to those who watch, once a second at most, when something has changed. */
export const Change = Schema.Struct({
  at: Schema.Date,
  failed: Count,
  ready: Schema.Boolean,
  staleSince: optional(Schema.Date, { exact: true }),
  /** Position of the newest entry of the history that is known. */
  position: optional(Schema.BigInt, { exact: true })
})
