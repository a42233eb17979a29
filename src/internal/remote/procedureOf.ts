/**
 * Procedures of our own, which nodes answer themselves.
 *
 * @internal
 */
import type * as Rpc from "@effect/rpc/Rpc"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import { makeProcedure, type Procedure } from "../calls/wire/procedure.js"

/** @internal */
export const ownProcedure = (
  tag: string,
  payloadSchema: Schema.Schema.Any,
  successSchema: Schema.Schema.Any,
  errorSchema: Schema.Schema.All = Schema.Never
): Procedure =>
  makeProcedure({
    _tag: tag,
    payloadSchema,
    successSchema,
    errorSchema,
    defectSchema: Schema.Defect,
    annotations: Context.empty(),
    middlewares: new Set()
  } as unknown as Rpc.Any)
