/**
 * How commands become arguments of scripts, and replies of scripts become replies of commands.
 *
 * @internal
 */
import type {
  Args,
  ClaimResult,
  CommandName,
  DelResult,
  Envelope,
  FinishResult,
  Item,
  NodeItem,
  PutResult,
  Refusal,
  Reply,
  Value
} from "../registry/protocol.js"

/** What a script returns: strings, nulls, and arrays of them. Numbers come as text. */
export type Raw = string | null | ReadonlyArray<Raw>

type Row = ReadonlyArray<Raw>

const text = (raw: Raw | undefined): string => String(raw)

const number = (raw: Raw | undefined): number => Number(raw)

const textOrNull = (raw: Raw | undefined): string | null => typeof raw === "string" ? raw : null

const rows = (raw: Raw | undefined): ReadonlyArray<Row> => (Array.isArray(raw) ? raw as ReadonlyArray<Row> : [])

const flag = (value: boolean): string => (value ? "1" : "")

/**
 * The arguments that every command begins with. The registry's clock counts whole milliseconds: leases are rounded up,
 * and what limits an effect is rounded down.
 */
export const encodeEnvelope = (envelope: Envelope, trust: boolean, channel: string): ReadonlyArray<string> => [
  envelope.era,
  Number.isFinite(envelope.notAfter) ? String(Math.floor(envelope.notAfter)) : "",
  String(envelope.high),
  String(Math.floor(envelope.seconds)),
  envelope.bits,
  String(Math.ceil(envelope.ttl)),
  String(Math.floor(envelope.maxStep)),
  flag(trust),
  channel
]

/** The arguments of each command, after those of the envelope. */
export const encoders: { readonly [K in CommandName]: (args: Args<K>) => ReadonlyArray<string> } = {
  tick: ({ sid }) => [sid],
  open: ({ claims, last, mode, record, sid, supersedes, version }) => [
    sid,
    String(version),
    record,
    mode,
    flag(last),
    supersedes,
    ...claims.flatMap(({ generation, id, token }) => [id, String(token), String(generation)])
  ],
  update: ({ record, sid, version }) => [sid, String(version), record],
  close: ({ sid }) => [sid],
  put: ({ items, mode }) => [
    mode,
    ...items.flatMap(({ body, generation, id, op }) => [id, op, String(generation), body])
  ],
  del: ({ items }) => items.flatMap(({ generation, id, op }) => [id, op, String(generation)]),
  merge: ({ facts }) => facts.flatMap(({ id, kind, value }) => [id, kind, value]),
  claim: ({ items, sid }) => [sid, ...items.flatMap(({ generation, id }) => [id, String(generation)])],
  release: ({ items, sid }) => [sid, ...items.flatMap(({ id, refused, token }) => [id, String(token), refused])],
  report: ({ items, sid }) => [sid, ...items.flatMap(({ id, stat, token }) => [id, String(token), stat])],
  finish: ({ items, sid }) => [
    sid,
    ...items.flatMap(({ generation, how, id, stat, token }) => [id, String(generation), String(token), how, stat])
  ],
  changes: ({ cursor }) => [String(cursor)],
  snap: ({ cursor }) => [cursor],
  nodes: () => []
}

const putResult = ([tag, record]: Row): PutResult => {
  switch (tag) {
    case "CREATED":
    case "SAME":
    case "CONFLICT":
      return { _tag: tag, spec: text(record) }
    case "TERMINATED":
    case "DONE":
      return { _tag: tag, tomb: text(record) }
    default:
      return { _tag: tag as "ABSENT" | "QUARANTINE" | "MALFORMED" }
  }
}

const delResult = ([tag, record]: Row): DelResult => {
  switch (tag) {
    case "GONE":
      return { _tag: tag, tomb: text(record) }
    case "NEWER":
      return { _tag: tag, spec: text(record) }
    default:
      return { _tag: tag as "ABSENT" | "MALFORMED" }
  }
}

const claimResult = ([tag, value, stat]: Row): ClaimResult => {
  switch (tag) {
    case "GRANTED":
      return { _tag: tag, token: number(value), stat: textOrNull(stat) }
    case "HELD":
      return { _tag: tag, claim: text(value) }
    case "STALE":
      return { _tag: tag, spec: text(value) }
    default:
      return { _tag: tag as "GONE" | "MALFORMED" }
  }
}

const finishResult = ([tag, record]: Row): FinishResult => {
  switch (tag) {
    case "ENDED":
      return { _tag: tag, tomb: text(record) }
    case "FAILED":
      return { _tag: tag, spec: text(record) }
    default:
      return { _tag: tag as "RELEASED" | "FENCED" }
  }
}

const item = ([id, told, spec, tomb, claim, stat]: Row): Item => ({
  id: text(id),
  spec: told === "1" ? textOrNull(spec) : undefined,
  tomb: told === "1" ? textOrNull(tomb) : undefined,
  claim: textOrNull(claim),
  stat: textOrNull(stat)
})

const nodeItem = ([sid, record]: Row): NodeItem => ({ sid: text(sid), record: text(record) })

/** The values of each command's script. */
export const decoders: { readonly [K in CommandName]: (value: Row) => Value<K> } = {
  tick: ([claims, quarantine]) => ({ claims: number(claims), quarantine: number(quarantine) }),
  open: ([quarantine, collected, refused]) => ({
    refused: (refused as Row).map(text),
    quarantine: number(quarantine),
    collected: number(collected)
  }),
  update: () => ({}),
  close: () => ({}),
  put: (value) => ({ results: rows(value).map(putResult) }),
  del: (value) => ({ results: rows(value).map(delResult) }),
  merge: ([merged]) => ({ merged: number(merged) }),
  claim: (value) => ({ results: rows(value).map(claimResult) }),
  release: ([released]) => ({ released: number(released) }),
  report: ([stored]) => ({ stored: number(stored) }),
  finish: (value) => ({ results: rows(value).map(finishResult) }),
  changes: ([cursor, more, items, nodes]) => ({
    items: rows(items).map(item),
    nodes: nodes === null ? undefined : rows(nodes).map(nodeItem),
    cursor: number(cursor),
    more: more === "1"
  }),
  snap: ([next, items]) => ({ items: rows(items).map(item), next: text(next) }),
  nodes: (value) => ({ nodes: rows(value).map(nodeItem) })
}

const decodeRefusal = (row: Row): Refusal => {
  const tag = row[0] as Refusal["_tag"]
  if (tag === "VERSION") return { _tag: tag, layout: text(row[1]) }
  if (tag === "WRONGTYPE") return { _tag: tag, key: text(row[1]) }
  const at = { now: number(row[1]), high: number(row[2]) }
  switch (tag) {
    case "ERA":
      return { _tag: tag, era: text(row[3]), ...at }
    case "QUARANTINE":
      return { _tag: tag, left: number(row[3]), ...at }
    case "TIMING":
      return { _tag: tag, ttl: number(row[3]), maxStep: number(row[4]), ...at }
    default:
      return { _tag: tag, ...at }
  }
}

/** @internal */
export const decodeReply = <K extends CommandName>(name: K, raw: unknown): Reply<Value<K>> => {
  const row = raw as Row
  if (row[0] !== "OK") return decodeRefusal(row)
  const [, now, high, log, value] = row
  return {
    _tag: "OK",
    now: number(now),
    high: number(high),
    log: number(log),
    value: decoders[name](value as Row)
  }
}
