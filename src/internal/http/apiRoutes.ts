/**
 * The HTTP interface as data: paths, what they take and what they answer. The OpenAPI page and the typed client are
 * derived from it.
 *
 * @internal
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { HistoryEntry } from "../../PogoHistory.js"
import { PogoNode } from "../../PogoNode.js"
import * as Answers from "../console/answers.js"
import * as Problems from "./problems.js"

/** Longest query, and longest id or name, characters. */
const maxQuery = 1_000
const maxId = 512

/** Most rows of one answer. */
const maxRows = 500
const maxEntries = 10_000

/** Texts of one line: they go to the log and into errors. */
const Line = Schema.String.pipe(Schema.pattern(/^\P{Cc}*$/u))
const Query = Line.pipe(Schema.maxLength(maxQuery))
const Id = Line.pipe(Schema.minLength(1), Schema.maxLength(maxId))
const Reason = Line.pipe(Schema.maxLength(maxId))
const whole = (least: number, most: number) => Schema.NumberFromString.pipe(Schema.int(), Schema.between(least, most))

const sorts = ["status", "id", "node", "restarts", "since", "token"] as const

/** Orders of a list of children; a leading `-` reverses. */
const Sort = Schema.Literal(...sorts, ...sorts.map((sort) => `-${sort}` as const))

/** An action, and why it is done. */
const Act = Schema.Struct({
  action: Schema.Literal(...Answers.actions),
  ids: Schema.optionalWith(Schema.Array(Id).pipe(Schema.maxItems(maxRows)), { exact: true }),
  query: Schema.optionalWith(Query, { exact: true }),
  /** Kept in the history. */
  reason: Schema.optionalWith(Reason, { exact: true })
})

/** A child to start, or to put in the place of the one that has its id. */
const Spec = Schema.Struct({
  kind: Id,
  key: Id,
  version: Schema.optionalWith(Schema.Number, { exact: true }),
  /** As the kind's schema encodes it. */
  payload: Schema.optionalWith(Schema.Unknown, { exact: true }),
  type: Schema.optionalWith(Schema.Literal("worker", "supervisor"), { exact: true }),
  restart: Schema.optionalWith(Schema.Literal("permanent", "transient", "temporary"), { exact: true }),
  /** A number is milliseconds. */
  shutdown: Schema.optionalWith(
    Schema.Union(Schema.Literal("brutalKill", "infinity"), Schema.NonNegative),
    { exact: true }
  ),
  requires: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), { exact: true }),
  prefers: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), { exact: true })
}).annotations({ identifier: "ChildSpec" })

export type SpecInput = typeof Spec.Type

/** A spec, and why it is put there. */
const Put = Schema.Struct({
  ...Spec.fields,
  /** Kept in the history. */
  reason: Schema.optionalWith(Reason, { exact: true })
})

/** What became of one that was started or replaced. */
const Started = Schema.Struct({
  result: Schema.Literal("Created", "AlreadyStarted", "Replaced"),
  id: Schema.String,
  generation: Schema.BigInt
})

const Planned = Schema.Array(Schema.Struct({ id: Schema.String, why: Schema.String }))

/** What a reconcile would do. */
const Plan = Schema.Struct({
  create: Planned,
  replace: Planned,
  keep: Planned,
  terminate: Planned,
  foreign: Planned,
  contended: Planned,
  refused: Schema.optionalWith(Schema.Literal("EmptyList", "TooManyEnds"), { exact: true })
})

const Reconcile = Schema.Struct({
  kind: Id,
  set: Schema.optionalWith(Id, { exact: true }),
  prune: Schema.optionalWith(Schema.Boolean, { exact: true }),
  specs: Schema.Array(Spec)
})

const Names = Schema.Array(Id).pipe(Schema.maxItems(maxRows))

/** A change of the nodes. */
const NodesChange = Schema.Struct({
  /** Names of live nodes. */
  drain: Schema.optionalWith(Names, { exact: true }),
  remove: Schema.optionalWith(Names, { exact: true }),
  add: Schema.optionalWith(
    Schema.Array(Schema.Struct({
      name: Id,
      weight: Schema.optionalWith(Schema.Positive, { exact: true }),
      labels: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), { exact: true }),
      kinds: Schema.optionalWith(Schema.Array(Id), { exact: true })
    })).pipe(Schema.maxItems(maxRows)),
    { exact: true }
  )
})

const StandingDirective = Schema.Struct({
  node: Schema.String,
  what: Schema.Literal("cordon", "drain"),
  by: Schema.String,
  reason: Schema.String,
  at: Schema.Date,
  obeyed: Schema.Boolean
})

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const about = (text: string) => (OpenApi.annotations({ description: text }))

const named = <A, I, R>(schema: Schema.Schema<A, I, R>, identifier: string) => schema.annotations({ identifier })

const reading = HttpApiGroup.make("read", { topLevel: true })
  .add(
    HttpApiEndpoint.get("about", "/api/about")
      .addSuccess(named(Answers.About, "About"))
      .annotateContext(about("What this process serves, and what whoever asks may do."))
  )
  .add(
    HttpApiEndpoint.get("overview", "/api/overview")
      .addSuccess(named(Answers.Overview, "Overview"))
      .annotateContext(about("How the scope stands: what does not run, the nodes, the last hour."))
  )
  .add(
    HttpApiEndpoint.get("children", "/api/children")
      .setUrlParams(
        Schema.Struct({
          q: optional(Query),
          sort: optional(Sort),
          offset: optional(whole(0, 10_000_000)),
          limit: optional(whole(0, maxRows))
        })
      )
      .addSuccess(named(Answers.ChildList, "ChildList"))
      .annotateContext(about("A page of the children that match a query."))
  )
  .add(
    HttpApiEndpoint.get("child", "/api/child")
      .setUrlParams(Schema.Struct({ id: Id }))
      .addSuccess(named(Answers.ChildPage, "ChildPage"))
      .annotateContext(about("One child: its row, where it is and why, its runs and its history."))
  )
  .add(
    HttpApiEndpoint.get("node", "/api/node")
      .setUrlParams(Schema.Struct({ name: Id }))
      .addSuccess(named(Answers.NodePage, "NodePage"))
      .annotateContext(about("One node: its children in trouble, and what would move if it were drained."))
  )
  .add(
    HttpApiEndpoint.get("events", "/api/events")
      .setUrlParams(
        Schema.Struct({ q: optional(Query), minute: optional(Schema.Date), limit: optional(whole(1, maxRows)) })
      )
      .addSuccess(named(Answers.EventList, "EventList"))
      .annotateContext(about("The events of the last hour, or of one minute; bursts are one line."))
  )
  .add(
    HttpApiEndpoint.get("suggest", "/api/suggest")
      .setUrlParams(Schema.Struct({ q: Query, where: Schema.Literal("children", "events") }))
      .addSuccess(named(Answers.Suggestions, "Suggestions"))
      .annotateContext(about("What may follow in a query."))
  )
  .add(
    HttpApiEndpoint.get("history", "/api/history")
      .setUrlParams(
        Schema.Struct({ id: optional(Id), since: optional(Schema.Date), limit: optional(whole(1, maxEntries)) })
      )
      .addSuccess(Schema.Array(named(HistoryEntry, "HistoryEntry")))
      .annotateContext(about("Entries of the history, the oldest first: of one child, or of the scope."))
  )
  .add(
    HttpApiEndpoint.get("nodes", "/api/nodes")
      .addSuccess(Schema.Array(named(PogoNode, "PogoNode")))
      .annotateContext(about("The live nodes of the scope."))
  )
  .add(
    HttpApiEndpoint.get("directives", "/api/directives")
      .addSuccess(Schema.Array(named(StandingDirective, "StandingDirective")))
      .annotateContext(about("What live nodes were told to do by `cordonNode` and `drainNode`."))
  )

const acting = HttpApiGroup.make("act", { topLevel: true })
  .add(
    HttpApiEndpoint.post("preview", "/api/preview")
      .setPayload(Act)
      .addSuccess(named(Answers.Preview, "Preview"))
      .annotateContext(about("What an action would do, and to whom. Changes nothing."))
  )
  .add(
    HttpApiEndpoint.post("plan", "/api/plan")
      .setPayload(NodesChange)
      .addSuccess(named(Answers.PlanSummary, "PlanSummary"))
      .annotateContext(about("What would move if nodes were drained, gone, or new. Changes nothing."))
  )
  .add(
    HttpApiEndpoint.post("act", "/api/act")
      .setPayload(Act)
      .addSuccess(named(Answers.ActionResult, "ActionResult"))
      .annotateContext(about("Does it. To children by their ids or by a query, to nodes by their names."))
  )
  .add(
    HttpApiEndpoint.post("startChild", "/api/children")
      .setPayload(Put)
      .addSuccess(named(Started, "Started"))
      .annotateContext(about("Registers a child. The same spec again is `AlreadyStarted`."))
  )
  .add(
    HttpApiEndpoint.put("replaceChild", "/api/children")
      .setPayload(Put)
      .addSuccess(named(Started, "Started"))
      .annotateContext(about("Puts other content in the place of a registered child."))
  )
  .add(
    HttpApiEndpoint.post("reconcile", "/api/reconcile")
      .setPayload(Reconcile)
      .addSuccess(named(Plan, "ReconcilePlan"))
      .annotateContext(about("What a reconcile of a set would do. A dry run: it changes nothing."))
  )

const lastEventId = {
  name: "Last-Event-ID",
  in: "header",
  required: false,
  description: "Id of the last event that was read: what came since is told first, 1,000 entries at most.",
  schema: { type: "string" }
}

const stream = (summary: string, event: string, parameters: ReadonlyArray<typeof lastEventId> = []) => ({
  get: {
    tags: ["read"],
    operationId: event,
    description: `${summary} Server-sent events; comments in between keep the connection open.`,
    parameters,
    security: [],
    responses: { 200: { description: "A stream that does not end.", content: { "text/event-stream": {} } } }
  }
})

/** Pages that no typed client reads in one go. */
const streams = {
  "/api/changes": stream("Events `change`, once a second at most: something is new, `data` is a Change.", "changes"),
  "/api/stream": stream(
    "Events `entry`: what happens on all nodes, `data` is a HistoryEntry; `gap`: others are missing before what follows.",
    "stream",
    [lastEventId]
  )
}

/** What cannot be read is told as an `InvalidRequest`, and not in the library's own form. */
const ownProblems = (spec: Record<string, unknown>): Record<string, unknown> => {
  const text = JSON.stringify(spec)
    .replaceAll(
      "{\"anyOf\":[{\"$ref\":\"#/components/schemas/HttpApiDecodeError\"},{\"$ref\":\"#/components/schemas/InvalidRequest\"}]}",
      "{\"$ref\":\"#/components/schemas/InvalidRequest\"}"
    )
  const own = JSON.parse(text) as { paths: object; components: { schemas: Record<string, unknown> } }
  delete own.components.schemas["HttpApiDecodeError"]
  delete own.components.schemas["Issue"]
  return { ...own, paths: { ...own.paths, ...streams } }
}

/** The interface. */
export const httpApi = HttpApi.make("effect-pogo")
  .add(reading)
  .add(acting)
  .addError(Problems.InvalidRequest)
  .addError(Problems.Unauthorized)
  .addError(Problems.Forbidden)
  .addError(Problems.Missing)
  .addError(Problems.MethodNotAllowed)
  .addError(Problems.TooSlow)
  .addError(Problems.NotPossible)
  .addError(Problems.TooLarge)
  .addError(Problems.WrongType)
  .addError(Problems.InternalError)
  .addError(Problems.Unavailable)
  .addError(Problems.Unanswered)
  .annotateContext(
    OpenApi.annotations({
      title: "effect-pogo",
      description: "What a scope of effect-pogo runs, and where. Paths are relative to where the server is mounted.",
      transform: ownProblems
    })
  )
