/**
 * What a node does with its registry for processes that have none: the commands of those who run nothing. No other can
 * be asked for.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import { RegistryUnavailable } from "../../PogoError.js"
import type { Procedure } from "../calls/wire/procedure.js"
import { checkId, decodeBody, maxSpecBytes } from "../kind/specCodec.js"
import type * as Protocol from "../registry/commands.js"
import { maxBatch } from "../registry/commands.js"
import { ownProcedure } from "./procedureOf.js"

const { Literal, NullOr, Number: Num, String: Text, Struct, UndefinedOr, Union } = Schema

/** A number of the registry's counter, or a position of its log. */
const Count = Num.pipe(Schema.filter((n) => Number.isSafeInteger(n) && n >= 0))

/** It becomes a field of a stored record, so nothing that ends a field may be in it. */
const Op = Text.pipe(Schema.pattern(/^[\w.-]{1,128}$/))

const Id = Text.pipe(Schema.filter((id) => checkId(id) === undefined))

const batchOf = <A, I>(item: Schema.Schema<A, I>) => Schema.Array(item).pipe(Schema.maxItems(maxBatch))

const Put = Struct({ id: Id, op: Op, generation: Count, body: Text.pipe(Schema.maxLength(maxSpecBytes)) })

const puts = <M extends Protocol.PutMode>(...modes: readonly [M, ...Array<M>]) =>
  Struct({ mode: Literal(...modes), items: batchOf(Put) })

/** A content is one that a node could have written, of the child that it is written for. */
const PutArgs = Union(
  puts("bump").pipe(Schema.filter(({ items }) => items.every(({ body }) => body === ""))),
  puts("ensure", "ensureInitial", "replace").pipe(
    Schema.filter(({ items }) =>
      items.every(({ body, id }) => {
        const kind = decodeBody(body)?.kind
        return kind !== undefined && id.startsWith(`${kind}/`)
      })
    )
  )
)

const tagged = <Tag extends string, F extends Schema.Struct.Fields>(tag: Tag, fields: F) =>
  Struct({ _tag: Literal(tag), ...fields })

const times = { now: Num, high: Count }

const Refusal: Schema.Schema<Protocol.Refusal> = Union(
  tagged("ERA", { era: Text, ...times }),
  tagged("EXPIRED", times),
  tagged("NOSESSION", times),
  tagged("DEAD", times),
  tagged("QUARANTINE", { left: Num, ...times }),
  tagged("RESYNC", times),
  tagged("TIMING", { ttl: Num, maxStep: Num, ...times }),
  tagged("VERSION", { layout: Text }),
  tagged("WRONGTYPE", { key: Text })
)

const Nodes: Schema.Schema<ReadonlyArray<Protocol.NodeItem>> = Schema.Array(Struct({ sid: Text, record: Text }))

const Items: Schema.Schema<ReadonlyArray<Protocol.Item>> = Schema.Array(Struct({
  id: Text,
  spec: UndefinedOr(NullOr(Text)),
  tomb: UndefinedOr(NullOr(Text)),
  claim: NullOr(Text),
  stat: NullOr(Text)
}))

// Typed as the protocol has them, so that another variant there cannot be forgotten here.
const PutResult: Schema.Schema<Protocol.PutResult> = Union(
  tagged("CREATED", { spec: Text }),
  tagged("SAME", { spec: Text }),
  tagged("CONFLICT", { spec: Text }),
  tagged("TERMINATED", { tomb: Text }),
  tagged("DONE", { tomb: Text }),
  tagged("ABSENT", {}),
  tagged("QUARANTINE", {}),
  tagged("MALFORMED", {})
)

const DelResult: Schema.Schema<Protocol.DelResult> = Union(
  tagged("GONE", { tomb: Text }),
  tagged("NEWER", { spec: Text }),
  tagged("ABSENT", {}),
  tagged("QUARANTINE", {}),
  tagged("MALFORMED", {})
)

/** `notAfter` may be infinite: what is read may be read late. */
const command = (name: Protocol.CommandName, args: Schema.Schema.Any, value: Schema.Schema.Any): Procedure =>
  ownProcedure(
    `registry.${name}`,
    Struct({ era: Text.pipe(Schema.maxLength(256)), notAfter: Num, args: args as Schema.Schema<unknown> }),
    Union(tagged("OK", { ...times, log: Count, value: value as Schema.Schema<unknown> }), Refusal),
    RegistryUnavailable
  )

/** @internal */
export const registryCommands = {
  nodes: command("nodes", Struct({}), Struct({ nodes: Nodes })),
  snap: command("snap", Struct({ cursor: Text.pipe(Schema.maxLength(2_048)) }), Struct({ items: Items, next: Text })),
  changes: command(
    "changes",
    Struct({ cursor: Count }),
    Struct({ items: Items, nodes: UndefinedOr(Nodes), cursor: Count, more: Schema.Boolean })
  ),
  put: command("put", PutArgs, Struct({ results: Schema.Array(PutResult) })),
  del: command(
    "del",
    Struct({ items: batchOf(Struct({ id: Text.pipe(Schema.maxLength(1_024)), op: Op, generation: Count })) }),
    Struct({ results: Schema.Array(DelResult) })
  )
}

/** @internal */
export type RegistryCommand = keyof typeof registryCommands

/** @internal */
export const isRegistryCommand = (name: string): name is RegistryCommand => Object.hasOwn(registryCommands, name)

const Position = Struct({ era: Text.pipe(Schema.maxLength(256)), log: Num })

/** Answers as soon as the node knows another position of the log than the one that is given. */
export const wakeProcedure = ownProcedure("registry.wake", Position, Position, RegistryUnavailable)
