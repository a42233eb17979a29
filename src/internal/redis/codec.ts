/**
 * Codec of commands: to the arguments of scripts, and from the replies of scripts. Both forms are described in the
 * headers of `lua/*.lua`.
 *
 * @internal
 */
import { counterOf, exactOf, highOf, maxStepOf, notAfterOf, secondsOf, timeOf, ttlOf } from "../registry/bounds.js"
import type { Encoded } from "../registry/commands.js"
import type {
  Args,
  BeginResult,
  ClaimResult,
  CommandName,
  DelResult,
  DirectiveItem,
  DirectResult,
  Envelope,
  FinishResult,
  Item,
  NodeItem,
  PutResult,
  Refusal,
  Reply,
  SaveResult,
  SetRound,
  StateSave,
  Value
} from "../registry/commands.js"
import {
  cutNote,
  type HistoryNote,
  type HistoryRecord,
  noteSeparator,
  noteText,
  parseHistoryKey
} from "../registry/historyRecords.js"
import { directiveLetters } from "../registry/state.js"

/** Listener to wake-ups. */
export type WakeListener = Parameters<Encoded["onWake"]>[1]

/** Reply of a script: strings, nulls, and arrays of them. Numbers come as text. */
export type Raw = string | null | ReadonlyArray<Raw>

type Row = ReadonlyArray<Raw>

/** Reply that no script of ours gives: another server answers, or another script. */
export class MalformedReply extends Error {
  constructor(readonly found: string) {
    super(`a reply of a form that is not ours (${found})`)
  }
}

const malformed = (raw: unknown): never => {
  throw new MalformedReply(Array.isArray(raw) ? `a list of ${raw.length}` : `a ${typeof raw}`)
}

const text = (raw: Raw | undefined): string => (typeof raw === "string" ? raw : malformed(raw))

const number = (raw: Raw | undefined): number => {
  const value = typeof raw === "string" && /^-?\d{1,16}$/.test(raw) ? Number(raw) : Number.NaN
  return Number.isSafeInteger(value) ? value : malformed(raw)
}

/** Text, or null. A list of Lua ends before its first trailing null: a missing element is null, too. */
const textOrNull = (raw: Raw | undefined): string | null => (raw === null || raw === undefined ? null : text(raw))

const row = (raw: Raw | undefined): Row => (Array.isArray(raw) ? raw as Row : malformed(raw))

const rows = (raw: Raw | undefined): ReadonlyArray<Row> => row(raw).map(row)

const tagOf = <T extends string>(raw: Raw | undefined, tags: ReadonlyArray<T>): T =>
  tags.find((tag) => tag === raw) ?? malformed(raw)

const flag = (value: boolean): string => (value ? "1" : "")

/** Names the sessions that a wake-up concerns; nothing for all. A session's name has no blanks. */
const encodeConcerns = (concerns: ReadonlyArray<string> | undefined): string =>
  concerns === undefined ? "" : ` ${concerns.join(" ")}`

/** Parses a wake-up. A message of another form means that news may have been missed. */
export const decodeWake = (message: unknown): Parameters<WakeListener> => {
  const [, log, concerns] = typeof message === "string" ? /^(\d{1,16})( .*)?$/.exec(message) ?? [] : []
  if (log === undefined) return [undefined]
  return concerns === undefined ? [Number(log)] : [Number(log), concerns.split(" ").filter((sid) => sid !== "")]
}

/** A number that is not to be sent is empty. */
const sent = (value: number | undefined): string => (value === undefined ? "" : String(value))

/** A number that scripts only compare with others. */
const exact = (value: number): string => sent(exactOf(value))

/** A number that may be stored. */
const counter = (value: number | undefined): string => sent(counterOf(value))

const encodePolicy = ({ by = "", keepEnded, keepHistory, reason = "" }: Envelope, trust: boolean): string =>
  [
    flag(trust),
    sent(timeOf(keepEnded?.millis)),
    counter(keepEnded?.count),
    counter(keepHistory?.count),
    sent(timeOf(keepHistory?.millis)),
    reason === "" ? by : `${by} ${cutNote(reason)}`
  ].join("|")

/** What an owner tells of its child's runs: `what:attempt:n:text` each. */
const encodeNotes = (notes: ReadonlyArray<HistoryNote> | undefined): string =>
  (notes ?? []).map(({ attempt, n, text, what }) => `${what}:${exact(attempt)}:${exact(n)}:${noteText(text)}`)
    .join(noteSeparator)

/**
 * Arguments that every command begins with. The registry's clock counts whole milliseconds: leases are rounded up, and
 * limits of an effect are rounded down.
 */
export const encodeEnvelope = (envelope: Envelope, trust: boolean, channel: string): ReadonlyArray<string> => [
  envelope.era,
  sent(notAfterOf(envelope.notAfter)),
  sent(highOf(envelope.high)),
  sent(secondsOf(envelope.seconds)),
  envelope.bits,
  sent(ttlOf(envelope.ttl)),
  sent(maxStepOf(envelope.maxStep)),
  encodePolicy(envelope, trust),
  channel,
  encodeConcerns(envelope.concerns)
]

/** The set and the round of a command; empty for none. */
const encodeRound = (asked: SetRound | undefined): ReadonlyArray<string> =>
  asked === undefined ? ["", ""] : [asked.key, exact(asked.round)]

/** Values of children's states, one after the other. */
const encodeSaves = (saves: ReadonlyArray<StateSave> = []): ReadonlyArray<string> =>
  saves.flatMap(({ birth, body, id, kindVersion, token, version }) => [
    id,
    exact(token),
    exact(birth),
    counter(version),
    exact(kindVersion),
    body
  ])

/** Arguments of each command, after those of the envelope. */
export const encoders: { readonly [K in CommandName]: (args: Args<K>) => ReadonlyArray<string> } = {
  tick: ({ sid }) => [sid],
  open: ({ claims, fresh, last, list, mode, record, revision, sid, supersedes, version }) => [
    sid,
    counter(version),
    record,
    mode,
    flag(last),
    supersedes,
    list ?? "",
    revision ?? "",
    counter(fresh ?? 0),
    ...claims.flatMap(({ generation, id, token }) => [id, counter(token), counter(generation)])
  ],
  update: ({ leaving, record, sid, version }) => [sid, counter(version), record, flag(leaving === true)],
  close: ({ gone, sid }) => [sid, flag(gone === true)],
  put: ({ items, mode, round }) => [
    mode,
    ...encodeRound(round),
    ...items.flatMap(({ body, generation, id, op, stamp }) => [id, op, exact(generation), body, exact(stamp ?? 0)])
  ],
  del: ({ items, prune, round }) => [
    ...encodeRound(round),
    flag(prune === true),
    ...items.flatMap(({ generation, id, op, stamp }) => [id, op, exact(generation), exact(stamp ?? 0)])
  ],
  begin: ({ fence, key, op, seen }) => [
    key,
    op,
    counter(fence),
    ...(seen === undefined ? ["", ""] : [seen.sid, exact(seen.round)])
  ],
  merge: ({ facts, sid }) => [sid ?? "", ...facts.flatMap(({ id, kind, value }) => [id, kind, value])],
  claim: (
    { goesOn, items, sid, trial }
  ) => [
    sid,
    trial !== true ? "" : goesOn === true ? "2" : "1",
    ...items.flatMap(({ generation, id }) => [id, exact(generation)])
  ],
  release: ({ items, saves, sid }) => [
    sid,
    String(items.length),
    ...items.flatMap(({ id, notes, refused, stat, token, why }) => [
      id,
      exact(token),
      refused,
      cutNote(why ?? ""),
      encodeNotes(notes),
      stat ?? ""
    ]),
    ...encodeSaves(saves)
  ],
  report: ({ items, sid }) => [
    sid,
    ...items.flatMap(({ id, notes, stat, token }) => [id, exact(token), stat, encodeNotes(notes)])
  ],
  finish: ({ items, saves, sid }) => [
    sid,
    String(items.length),
    ...items.flatMap(({ generation, how, id, notes, stat, token, why }) => [
      id,
      exact(generation),
      exact(token),
      how,
      stat,
      cutNote(why ?? ""),
      encodeNotes(notes)
    ]),
    ...encodeSaves(saves)
  ],
  save: ({ items, sid }) => [sid, ...encodeSaves(items)],
  peek: ({ ids }) => ids,
  changes: ({ cursor }) => [exact(cursor)],
  snap: ({ cursor }) => [cursor],
  nodes: () => [],
  direct: ({ by, name, op, reason, seen, what }) => [name, directiveLetters[what], op, by, reason, exact(seen)],
  history: ({ back, cursor, id, limit, since }) => [id, flag(back), cursor, exact(since), exact(limit)]
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
      return { _tag: tagOf(tag, ["ABSENT", "QUARANTINE", "MALFORMED"]) }
  }
}

const delResult = ([tag, record]: Row): DelResult => {
  switch (tag) {
    case "GONE":
      return { _tag: tag, tomb: text(record) }
    case "NEWER":
      return { _tag: tag, spec: text(record) }
    default:
      return { _tag: tagOf(tag, ["ABSENT", "QUARANTINE", "MALFORMED"]) }
  }
}

/** A state that a reply tells, `null` for none, `undefined` where it did not fit. */
const stateOrLater = (isTold: Raw | undefined, state: Raw | undefined): string | null | undefined =>
  isTold === "1" ? textOrNull(state) : undefined

const claimResult = ([tag, value, stat, trial, birth, isTold, state]: Row): ClaimResult => {
  switch (tag) {
    case "GRANTED":
      return {
        _tag: tag,
        token: number(value),
        stat: textOrNull(stat),
        trial: textOrNull(trial),
        birth: number(birth),
        state: stateOrLater(isTold, state)
      }
    case "HELD":
      return { _tag: tag, claim: text(value) }
    case "STALE":
      return { _tag: tag, spec: text(value) }
    case "TRIAL":
      return { _tag: tag, trial: text(value) }
    case "PARKED":
      return { _tag: tag, spec: text(value), stat: text(stat) }
    default:
      return { _tag: tagOf(tag, ["GONE", "MALFORMED"]) }
  }
}

const finishResult = ([tag, record]: Row): FinishResult => {
  switch (tag) {
    case "ENDED":
      return { _tag: tag, tomb: text(record) }
    case "FAILED":
      return { _tag: tag, spec: text(record) }
    default:
      return { _tag: tagOf(tag, ["RELEASED", "FENCED"]) }
  }
}

const item = ([id, isWhole, spec, tomb, claim, stat, trial]: Row): Item => ({
  id: text(id),
  spec: isWhole === "1" ? textOrNull(spec) : undefined,
  tomb: isWhole === "1" ? textOrNull(tomb) : undefined,
  claim: textOrNull(claim),
  stat: textOrNull(stat),
  trial: textOrNull(trial)
})

const nodeItem = ([sid, record]: Row): NodeItem => ({ sid: text(sid), record: text(record) })

const directiveItem = ([name, record]: Row): DirectiveItem => ({ name: text(name), record: text(record) })

const directResult = ([tag, record]: Row): DirectResult => {
  switch (tag) {
    case "STORED":
    case "NEWER":
      return { _tag: tag, record: text(record) }
    default:
      return { _tag: tagOf(tag, ["TOO_MANY"]) }
  }
}

const beginResult = ([tag, value]: Row): BeginResult => {
  switch (tag) {
    case "BEGUN":
    case "UNSEEN":
      return { _tag: tag, round: number(value) }
    default:
      return { _tag: tagOf(tag, ["FENCED"]), fence: number(value) }
  }
}

const saveResult = (tag: Raw): SaveResult => tagOf(tag, ["STORED", "OLDER", "OVERTAKEN", "LOST"])

const historyRecord = ([key, id, token, node, attempt, what, note, n]: Row): HistoryRecord => ({
  ...parseHistoryKey(text(key)) ?? malformed(key),
  id: text(id),
  token: number(token),
  node: text(node),
  attempt: number(attempt),
  what: text(what),
  note: text(note),
  n: number(n)
})

/** A number that is not always told. */
const numberOrNone = (raw: Raw | undefined): number | undefined => (raw === undefined ? undefined : number(raw))

/** A part of a reply that is not always told. */
const listOrNone = <A>(raw: Raw | undefined, read: (row: Row) => A): ReadonlyArray<A> | undefined =>
  raw === null || raw === undefined ? undefined : rows(raw).map(read)

/** Values of each command, from the reply of its script. */
export const decoders: { readonly [K in CommandName]: (value: Row) => Value<K> } = {
  tick: ([claims, quarantine]) => ({ claims: number(claims), quarantine: number(quarantine) }),
  open: ([quarantine, collected, refused, fresh]) => ({
    refused: row(refused).map(text),
    quarantine: number(quarantine),
    collected: number(collected),
    fresh: number(fresh)
  }),
  update: () => ({}),
  close: () => ({}),
  put: (value) => ({ results: value.map(row).map(putResult) }),
  del: (value) => ({ results: value.map(row).map(delResult) }),
  merge: ([merged]) => ({ merged: number(merged) }),
  claim: (value) => ({ results: value.map(row).map(claimResult) }),
  release: ([released]) => ({ released: number(released) }),
  report: ([stored]) => ({ stored: number(stored) }),
  finish: (value) => ({ results: value.map(row).map(finishResult) }),
  save: (value) => ({ results: value.map(saveResult) }),
  peek: ([quarantine, states]) => ({
    states: rows(states).map(([isTold, state]) => stateOrLater(isTold, state)),
    quarantine: number(quarantine)
  }),
  changes: ([cursor, more, items, nodes, directives]) => ({
    items: rows(items).map(item),
    nodes: listOrNone(nodes, nodeItem),
    directives: listOrNone(directives, directiveItem),
    cursor: number(cursor),
    more: more === "1"
  }),
  snap: ([next, items]) => ({ items: rows(items).map(item), next: text(next) }),
  nodes: ([nodes, directives]) => ({
    nodes: rows(nodes).map(nodeItem),
    directives: rows(directives).map(directiveItem)
  }),
  direct: ([result]) => ({ result: directResult(row(result)) }),
  begin: ([quarantine, result]) => ({ result: beginResult(row(result)), quarantine: number(quarantine) }),
  history: ([cursor, more, entries]) => ({
    entries: rows(entries).map(historyRecord),
    cursor: text(cursor),
    more: more === "1"
  })
}

const refusals = [
  "VERSION",
  "WRONGTYPE",
  "ERA",
  "EXPIRED",
  "NOSESSION",
  "DEAD",
  "QUARANTINE",
  "RESYNC",
  "SUPERSEDED",
  "TIMING"
] as const satisfies ReadonlyArray<Refusal["_tag"]>

const decodeRefusal = (row: Row): Refusal => {
  const tag = tagOf(row[0], refusals)
  if (tag === "VERSION") return { _tag: tag, layout: text(row[1]) }
  if (tag === "WRONGTYPE") return { _tag: tag, key: text(row[1]) }
  const at = { now: number(row[1]), high: number(row[2]) }
  switch (tag) {
    case "ERA":
      return { _tag: tag, era: text(row[3]), idle: numberOrNone(row[4]), ...at }
    case "QUARANTINE":
      return { _tag: tag, left: number(row[3]), ...at }
    case "TIMING":
      return { _tag: tag, ttl: number(row[3]), maxStep: number(row[4]), ...at }
    default:
      return { _tag: tag, ...at }
  }
}

/** Decodes a reply. Throws `MalformedReply` where it cannot be one of ours. */
export const decodeReply = <K extends CommandName>(name: K, raw: unknown): Reply<Value<K>> => {
  const reply = row(raw as Raw)
  if (reply[0] !== "OK") return decodeRefusal(reply)
  const [, now, high, log, value, idle, lost] = reply
  return {
    _tag: "OK",
    now: number(now),
    high: number(high),
    log: number(log),
    idle: numberOrNone(idle),
    lost: numberOrNone(lost),
    value: decoders[name](row(value))
  }
}
