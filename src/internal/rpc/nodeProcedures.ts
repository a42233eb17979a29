/**
 * The procedures of a node itself.
 *
 * @internal
 */
import type * as Rpc from "@effect/rpc/Rpc"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import { makeProcedure, type Procedure } from "./procedure.js"

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

const procedure = (
  tag: string,
  payloadSchema: Schema.Schema.Any,
  successSchema: Schema.Schema.Any
): Procedure =>
  makeProcedure({
    _tag: tag,
    payloadSchema,
    successSchema,
    errorSchema: Schema.Never,
    defectSchema: Schema.Defect,
    annotations: Context.empty(),
    middlewares: new Set()
  } as unknown as Rpc.Any)

/** @internal */
export const nodeProcedures = {
  whichChildren: procedure("whichChildren", Schema.Literal("local", "global"), Schema.Array(Row)),
  explain: procedure("explain", Schema.String, Explained),
  drain: procedure("drain", Schema.Void, Schema.Number),
  cordon: procedure("cordon", Schema.Void, Schema.Void),
  uncordon: procedure("uncordon", Schema.Void, Schema.Void),
  ready: procedure("ready", Schema.Void, Schema.Boolean)
}

/** @internal */
export type NodeProcedure = keyof typeof nodeProcedures
