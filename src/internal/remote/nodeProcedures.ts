/**
 * The procedures of a node itself.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import { ownProcedure } from "./procedureOf.js"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.UndefinedOr(schema)

const Status = Schema.Union(
  Schema.TaggedStruct("Pending", { reason: Schema.String }),
  Schema.Struct({ _tag: Schema.Literal("Starting", "Running", "Stopping", "Overdue") }),
  Schema.TaggedStruct("Restarting", { cause: Schema.String, next: Schema.Date }),
  Schema.TaggedStruct("Failed", { cause: Schema.String })
)

const Row = Schema.Struct({
  id: Schema.String,
  kind: Schema.String,
  key: Schema.String,
  type: Schema.Literal("worker", "supervisor"),
  node: optional(Schema.String),
  status: Status,
  token: optional(Schema.BigInt),
  generation: Schema.BigInt,
  restarts: Schema.Number,
  since: optional(Schema.Date)
})

const Explained = Schema.Struct({
  id: Schema.String,
  row: optional(Row),
  belongs: optional(Schema.String),
  nodes: Schema.Array(
    Schema.Struct({ name: Schema.String, session: Schema.String, obstacle: optional(Schema.String) })
  ),
  lastCause: optional(Schema.String),
  next: optional(Schema.Date),
  ended: optional(Schema.Literal("terminated", "ended")),
  text: Schema.String
})

/** @internal */
export const nodeProcedures = {
  whichChildren: ownProcedure("whichChildren", Schema.Literal("local", "global"), Schema.Array(Row)),
  explain: ownProcedure("explain", Schema.String, Explained),
  drain: ownProcedure("drain", Schema.Void, Schema.Number),
  cordon: ownProcedure("cordon", Schema.Void, Schema.Void),
  uncordon: ownProcedure("uncordon", Schema.Void, Schema.Void),
  ready: ownProcedure("ready", Schema.Void, Schema.Boolean)
}

/** @internal */
export type NodeProcedure = keyof typeof nodeProcedures
