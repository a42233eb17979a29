/**
 * What a node knows of one child: lean, since a node knows every child of its scope.
 *
 * @internal
 */
import type { ChildRow } from "../../ChildInfo.js"
import type { ChildType, Labels, Shutdown } from "../../ChildSpec.js"
import type { RestartType } from "../../Restart.js"
import { decodeBody, type SpecBody } from "../kind/specCodec.js"
import { type ClaimRecord, parseSpec, parseStat, parseTomb, type StatRecord } from "../registry/state.js"
import { hashText } from "../runtime/hash.js"

/** A registered spec: what placement and listings need. The payload stays in the text. */
export interface KnownSpec {
  readonly generation: number
  readonly stamp: number
  readonly initial: boolean
  readonly failed: boolean
  readonly refused: ReadonlyArray<string>
  readonly kind: string
  readonly version: number
  readonly type: ChildType
  readonly restart: RestartType | undefined
  readonly shutdown: Shutdown | undefined
  readonly requires: Labels | undefined
  readonly prefers: Labels | undefined
  /** The stored record. */
  readonly raw: string
}

/** A child, and the node's memory of where it belongs. */
export interface Entry {
  readonly id: string
  readonly hash: number
  spec: KnownSpec | undefined
  claim: ClaimRecord | undefined
  /** Session that held the claim last. */
  holder: string | undefined
  /** The stored status, parsed when it is asked for. */
  stat: string | undefined
  /** Counter values as of which the spec, and the claim with its status, are known: a call tells of one of them only. */
  specAt: number
  claimAt: number
  /** Session where the child belongs, as of `homeEpoch`. */
  home: string | undefined
  homeEpoch: number
  /** What lists say of it while it runs, once it was asked for, and until something about it is new. */
  row: ChildRow | undefined
}

/** A tombstone as a node remembers it. */
export interface KnownTomb {
  readonly stamp: number
  readonly raw: string
  readonly at: number
  /** When this node learned of it: elapsed milliseconds. */
  readonly since: number
  /** It ends an initial child, and is kept for good. */
  readonly initial: boolean
}

/** @internal */
export const makeEntry = (id: string): Entry => ({
  id,
  hash: hashText(id),
  spec: undefined,
  claim: undefined,
  holder: undefined,
  stat: undefined,
  specAt: 0,
  claimAt: 0,
  home: undefined,
  homeEpoch: -1,
  row: undefined
})

const none: ReadonlyArray<string> = []
const kinds = new Map<string, string>()

/** One string per kind, not one per child. */
const intern = (kind: string): string => {
  const known = kinds.get(kind)
  if (known !== undefined) return known
  kinds.set(kind, kind)
  return kind
}

const orUndefined = (labels: Labels): Labels | undefined => {
  for (const _ in labels) return labels
  return undefined
}

/** Reads a stored spec; `undefined` when it is not one of ours, or belongs to another id. */
export const readSpec = (id: string, raw: string): KnownSpec | undefined => {
  const record = parseSpec(raw)
  if (record === undefined) return undefined
  const body = decodeBody(record.body)
  if (body === undefined || !id.startsWith(`${body.kind}/`)) return undefined
  return {
    generation: record.generation,
    stamp: record.stamp,
    initial: record.initial,
    failed: record.failed,
    refused: record.refused.length === 0 ? none : record.refused,
    kind: intern(body.kind),
    version: body.version,
    type: body.type,
    restart: body.restart,
    shutdown: body.shutdown,
    requires: orUndefined(body.requires),
    prefers: orUndefined(body.prefers),
    raw
  }
}

/** The whole of a known spec's content. */
export const bodyOf = (spec: KnownSpec): SpecBody => decodeBody(bodyTextOf(spec))!

/** The encoded content of a known spec. */
export const bodyTextOf = (spec: KnownSpec): string => parseSpec(spec.raw)!.body

/** Reads a stored tombstone. */
export const readTomb = (raw: string, at: number, since: number): KnownTomb | undefined => {
  const record = parseTomb(raw)
  return record === undefined ? undefined : { stamp: record.stamp, raw, at, since, initial: record.initial }
}

/** What the current holder last said of the child. */
export const statOf = (entry: Entry): StatRecord | undefined =>
  entry.stat === undefined ? undefined : parseStat(entry.stat)
