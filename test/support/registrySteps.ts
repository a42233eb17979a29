/**
 * Random steps for the comparison of the machine with the scripts. A step is a name and a seed: what exactly it does
 * follows from the seed and from the machine's state at that moment, so that steps can be left out of a history.
 */
import { maxCounter } from "../../src/internal/registry/bounds.js"
import { parseState } from "../../src/internal/registry/childStates.js"
import {
  type Args,
  type CommandName,
  directiveRetention,
  type Envelope,
  type SetRound,
  type StateSave,
  tombstoneRetention
} from "../../src/internal/registry/commands.js"
import { historyKey, type HistoryNote } from "../../src/internal/registry/historyRecords.js"
import { parseSetRound } from "../../src/internal/registry/setRounds.js"
import {
  parseClaim,
  parseDirective,
  parseSpec,
  parseTomb,
  type RegistryState
} from "../../src/internal/registry/state.js"

/** A random source that repeats itself. */
export class Random {
  constructor(private seed: number) {}

  /** Between 0 and 1. */
  next(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<A>(all: ReadonlyArray<A>): A {
    return all[this.below(all.length)]!
  }

  many<A>(most: number, one: () => A): Array<A> {
    return Array.from({ length: 1 + this.below(most) }, one)
  }
}

/** What the callers of a history have seen so far. */
export interface Known {
  era: string
  readonly eras: Array<string>
  high: number
  now: number
}

const ids = ["k/a", "k/b", "k/c", "k/é ü", "k/d:1", "k/e|f", "other/\"g\"\n", "k/h"]
const names = ["n1", "n2", "n3:x", "n4|y#é"]
const bodies = ["{\"a\":1}", "{\"a\":2}", "", "b|c|d\n|é|", "s".repeat(100)]
const sets = ["k/", "k/eu", "k/é|f", "=main", "=b|é"]
const texts = [
  "",
  "Error: no\nat line 1",
  "a|b:c",
  "x\u001ey\u001fz",
  "é".repeat(150),
  "a" + "€".repeat(90),
  "w".repeat(300)
]
const codes = ["v1", "v2", "v3.x", "@1x:5:v2:no%2C"]
const garbage = [
  "",
  "x",
  "1|2",
  "12345678901234567890|1|op|||",
  "1:2",
  "0x10|1|a|||b",
  "1e3:5:n1#a",
  "-1|2|a|b|d|",
  "1:2:3:4:5:6",
  "1:2:3:4:5:6 ",
  "1:2:3:4:5:99999999999999999",
  "g:1:2:3:4:5:6:1",
  "g:1:0:3:4:5:6:2",
  "1|2|op|x",
  "1|2|3|4|5|n||body",
  "1|2|3|4|x|n||"
]

interface Source {
  readonly random: Random
  readonly state: RegistryState
}

const idOf = ({ random }: Source): string => random.pick(ids)

const specIdOf = ({ random, state }: Source): string =>
  state.spec.size > 0 && random.chance(0.8) ? random.pick(Array.from(state.spec.keys())) : random.pick(ids)

export const anySid = (random: Random): string => `${random.pick(names)}#${random.below(20)}`

const sidOf = ({ random, state }: Source): string =>
  state.sess.size > 0 && random.chance(0.85) ? random.pick(Array.from(state.sess.keys())) : anySid(random)

/** A call's id: mostly new, at times one that is stored. */
const opOf = ({ random, state }: Source, id: string): string => {
  if (random.chance(0.75)) return `op${random.below(1e9)}`
  const spec = parseSpec(state.spec.get(id) ?? "")
  const tomb = parseTomb(state.tomb.get(id) ?? "")
  return (random.chance(0.5) ? spec?.op ?? tomb?.op : tomb?.endOp) ?? "op"
}

const generationOf = ({ random, state }: Source, id: string): number => {
  const generation = parseSpec(state.spec.get(id) ?? "")?.generation ??
    parseClaim(state.claim.get(id) ?? "")?.generation
  if (generation === undefined || random.chance(0.1)) return random.below(1000)
  return random.chance(0.9) ? generation : generation + random.below(3) - 1
}

const tokenOf = ({ random, state }: Source, id: string): number => {
  const token = parseClaim(state.claim.get(id) ?? "")?.token
  if (token === undefined || random.chance(0.1)) return random.below(1000)
  return random.chance(0.8) ? token : token + random.below(3) - 1
}

/** A claimed id and its holder are told together, or else most commands on claims would do nothing. */
const ownerOf = (source: Source): string => {
  const claims = Array.from(source.state.claim.values())
  if (claims.length === 0 || source.random.chance(0.3)) return sidOf(source)
  return parseClaim(source.random.pick(claims))?.sid ?? sidOf(source)
}

const ownedIdOf = ({ random, state }: Source, sid: string): string => {
  const owned = Array.from(state.claim).filter(([, value]) => parseClaim(value)?.sid === sid)
  return owned.length === 0 || random.chance(0.2) ? random.pick(ids) : random.pick(owned)[0]
}

const notesOf = ({ random }: Source): ReadonlyArray<HistoryNote> | undefined =>
  random.chance(0.5) ? undefined : random.many(3, () => ({
    what: random.pick(["running", "exited", "overdue"] as const),
    attempt: random.below(9),
    n: 1 + random.below(3),
    text: random.pick(texts)
  }))

const statOf = ({ random }: Source): string =>
  `${random.below(99)}:running:${random.below(9)}:1:0:${random.pick(bodies)}`

const stampNear = ({ random, state }: Source, id: string): number => {
  const stamp = parseSpec(state.spec.get(id) ?? "")?.stamp ?? parseTomb(state.tomb.get(id) ?? "")?.stamp ?? 10
  return Math.max(0, stamp + random.below(5) - 2)
}

/** The stamp that a caller says it saw: mostly none, or the stored one. */
const seenStampOf = (source: Source, id: string): number | undefined =>
  source.random.chance(0.5) ? undefined : source.random.chance(0.2) ? 0 : stampNear(source, id)

/** The round that a command belongs to: mostly none, or the youngest. */
const roundOf = ({ random, state }: Source): SetRound | undefined => {
  if (random.chance(0.6)) return undefined
  const key = random.pick(sets)
  const round = parseSetRound(state.round.get(key) ?? "")?.round ?? 0
  return withAbsurd<SetRound & { readonly [name: string]: unknown }>(random, {
    key,
    round: random.chance(0.9) ? round : round + random.below(3) - 1
  })
}

const directiveOf = ({ random, state }: Source): Args<"merge">["facts"][number] => {
  const id = random.pick(names)
  const stamp = (parseDirective(state.direct.get(id) ?? "")?.stamp ?? 10) + random.below(5) - 2
  const until = random.pick([0, 2_000, directiveRetention, 2 * directiveRetention])
  const text = `${Math.max(0, stamp)}|${random.pick(["c", "d", "u"])}|${until}|op|${random.below(99)}|by|${
    random.pick(bodies)
  }`
  return { id, kind: "direct", value: random.chance(0.2) ? random.pick(garbage) : text }
}

/** The life that a caller takes a child's to be: mostly the one that it is in. */
const birthOf = ({ random, state }: Source, id: string): number => {
  const birth = parseSpec(state.spec.get(id) ?? "")?.birth ?? random.below(1000)
  return random.chance(0.9) ? birth : Math.max(0, birth + random.below(3) - 1)
}

const versionNear = ({ random, state }: Source, id: string): number =>
  Math.max(0, (parseState(state.state.get(id) ?? "")?.version ?? 0) + random.below(4) - 1)

const stateBody = (random: Random): string => random.chance(0.1) ? "é".repeat(50_000) : random.pick(bodies)

const saveOf = (source: Source, sid: string): StateSave => {
  const { random } = source
  const id = ownedIdOf(source, sid)
  return withAbsurd<StateSave & { readonly [name: string]: unknown }>(random, {
    id,
    token: tokenOf(source, id),
    birth: birthOf(source, id),
    version: versionNear(source, id),
    kindVersion: random.below(3),
    body: stateBody(random)
  })
}

/** States that come with the end of a claim: mostly none. */
const savesOf = (source: Source, sid: string): ReadonlyArray<StateSave> | undefined =>
  source.random.chance(0.6) ? undefined : source.random.many(3, () => saveOf(source, sid))

const stateFactOf = (source: Source): Args<"merge">["facts"][number] => {
  const { random, state } = source
  const id = specIdOf(source)
  if (random.chance(0.1)) return { id, kind: "state", value: random.pick(garbage) }
  const known = parseState(state.state.get(id) ?? "")
  const token = random.chance(0.5) ? known?.token ?? 5 : Math.max(0, (known?.token ?? 5) + random.below(3) - 1)
  const rest = `${random.below(99)}|1|${random.pick(["n", "%7C"])}|${random.pick(["", "", "l", "x"])}`
  const value = `${birthOf(source, id)}|${token}|${versionNear(source, id)}|${rest}|${stateBody(random)}`
  return { id, kind: "state", value }
}

const factOf = (source: Source): Args<"merge">["facts"][number] => {
  const { random, state } = source
  if (random.chance(0.2)) return directiveOf(source)
  if (random.chance(0.25)) return stateFactOf(source)
  const id = idOf(source)
  const kind = random.chance(0.5) ? "spec" : "tomb"
  if (random.chance(0.15)) return { id, kind, value: random.pick(garbage) }
  const stamp = stampNear(source, id)
  // At times another memory of the record that is stored.
  const generation = random.chance(0.3) ? generationOf(source, id) : random.below(1000)
  if (kind === "tomb") {
    return {
      id,
      kind,
      value: `${stamp}|${generation}|op${random.below(9)}|by|${random.pick(["d", "e"])}|${
        random.pick(["", "i", "p", "ip"])
      }`
    }
  }
  const value = random.chance(0.3) ? state.spec.get(random.pick(ids)) : undefined
  const flags = random.pick(["", "i", "f", "fi", "s", "is7", "12", "fs123456789012345678"])
  return {
    id,
    kind,
    value: value ?? `${generation}|${stamp}|op|${flags}|${random.pick(["", "v1", "v1,v2"])}|${random.pick(bodies)}`
  }
}

const claimsToOpen = (source: Source): Args<"open">["claims"] =>
  source.random.chance(0.4) ? [] : source.random.many(4, () => {
    const id = source.random.chance(0.7) ? ownedIdOf(source, ownerOf(source)) : idOf(source)
    return withAbsurd(source.random, { id, token: tokenOf(source, id), generation: generationOf(source, id) })
  })

type Arguments = { readonly [K in CommandName]: (source: Source) => Args<K> }

/** Arguments of every command. */
export const argumentsOf: Arguments = {
  tick: (source) => ({ sid: source.random.chance(0.05) ? "" : sidOf(source) }),
  open: (source) => ({
    sid: source.random.chance(0.4) ? anySid(source.random) : sidOf(source),
    version: source.random.below(4),
    record: source.random.pick(bodies),
    mode: source.random.pick(["fresh", "carry", "reassert"] as const),
    claims: claimsToOpen(source),
    last: source.random.chance(0.8),
    supersedes: source.random.chance(0.4) ? sidOf(source) : "",
    list: source.random.chance(0.3) ? source.random.pick(sets) : undefined,
    revision: source.random.chance(0.5) ? source.random.pick(["v1", "v2"]) : undefined,
    fresh: source.random.chance(0.3) ? source.random.below(50) : undefined
  }),
  update: (source) => ({
    sid: sidOf(source),
    version: source.random.below(9),
    record: source.random.pick(bodies),
    leaving: source.random.chance(0.3)
  }),
  close: (source) => ({ sid: ownerOf(source), gone: source.random.chance(0.8) }),
  put: (source) => ({
    mode: source.random.pick(["ensure", "start", "ensureInitial", "replace", "bump", "retag"] as const),
    items: source.random.many(5, () => {
      const id = idOf(source)
      const stamp = seenStampOf(source, id)
      return { id, op: opOf(source, id), generation: generationOf(source, id), body: source.random.pick(bodies), stamp }
    }),
    round: roundOf(source)
  }),
  del: (source) => ({
    items: source.random.many(4, () => {
      const id = specIdOf(source)
      const seen = { generation: generationOf(source, id), stamp: seenStampOf(source, id) }
      return withAbsurd(source.random, { id, op: opOf(source, id), ...seen })
    }),
    round: roundOf(source),
    prune: source.random.chance(0.3)
  }),
  begin: (source) => {
    const { random, state } = source
    const key = random.pick(sets)
    const known = parseSetRound(state.round.get(key) ?? "")
    const fence = random.chance(0.4) ? 0 : Math.max(0, (known?.fence ?? 5) + random.below(4) - 1)
    const round = random.chance(0.7) ? known?.round ?? 0 : random.below(1000)
    const seen = random.chance(0.5) ? undefined : withAbsurd(random, { sid: sidOf(source), round })
    return withAbsurd(random, {
      key,
      op: random.chance(0.2) ? known?.op ?? "op" : `op${random.below(1e9)}`,
      fence,
      seen
    })
  },
  merge: (source) => ({
    facts: source.random.many(6, () => factOf(source)),
    sid: source.random.chance(0.3) ? undefined : ownerOf(source)
  }),
  save: (source) => {
    const sid = ownerOf(source)
    return { sid, items: source.random.many(4, () => saveOf(source, sid)) }
  },
  peek: (source) => ({ ids: source.random.many(6, () => specIdOf(source)) }),
  claim: (source) => ({
    sid: sidOf(source),
    trial: source.random.chance(0.4),
    goesOn: source.random.chance(0.4),
    items: source.random.many(6, () => {
      const id = specIdOf(source)
      return withAbsurd(source.random, { id, generation: generationOf(source, id) })
    })
  }),
  release: (source) => {
    const sid = ownerOf(source)
    return {
      sid,
      items: source.random.many(4, () => {
        const id = ownedIdOf(source, sid)
        const refused = source.random.chance(0.3) ? source.random.pick(codes) : ""
        const stat = source.random.chance(0.3) ? statOf(source) : ""
        return { id, token: tokenOf(source, id), refused, stat, why: source.random.pick(texts), notes: notesOf(source) }
      }),
      saves: savesOf(source, sid)
    }
  },
  report: (source) => {
    const sid = ownerOf(source)
    return {
      sid,
      items: source.random.many(4, () => {
        const id = ownedIdOf(source, sid)
        return {
          ...withAbsurd(source.random, { id, token: tokenOf(source, id), stat: statOf(source) }),
          notes: notesOf(source)
        }
      })
    }
  },
  finish: (source) => {
    const sid = ownerOf(source)
    return {
      sid,
      items: source.random.many(4, () => {
        const id = ownedIdOf(source, sid)
        const how = source.random.pick(["ended", "failed"] as const)
        const told = { why: source.random.pick(texts), notes: notesOf(source) }
        return {
          id,
          generation: generationOf(source, id),
          token: tokenOf(source, id),
          how,
          stat: statOf(source),
          ...told
        }
      }),
      saves: savesOf(source, sid)
    }
  },
  changes: ({ random, state }) => {
    const { log } = state
    if (log.length === 0 || random.chance(0.1)) return { cursor: random.below(1000) }
    return { cursor: random.pick(log).at + random.below(3) - 1 }
  },
  snap: ({ random }) => ({ cursor: random.chance(0.1) ? random.pick(["x", "9:1", "1:x", ":"]) : "" }),
  nodes: () => ({}),
  history: (source) => {
    const { random, state } = source
    const [newest] = state.hist.slice(-1)
    const place = state.hist.length === 0 ? undefined : random.pick(state.hist)
    return withAbsurd(random, {
      id: random.chance(0.4) ? "" : idOf(source),
      back: random.chance(0.6),
      cursor: place === undefined || random.chance(0.3) ? random.pick(["", "", "x", "0-0", "1-"]) : historyKey(place),
      since: random.chance(0.5) ? 0 : (newest?.ms ?? 0) - random.below(3_000),
      limit: random.pick([0, 1, 5, 100_000])
    })
  },
  direct: ({ random, state }) => {
    const name = random.chance(0.9) ? random.pick(names) : `m${random.below(9)}`
    const known = parseDirective(state.direct.get(name) ?? "")
    return {
      name,
      what: random.pick(["cordon", "drain", "undo"] as const),
      op: random.chance(0.2) ? known?.op ?? "op" : `op${random.below(1e9)}`,
      by: random.pick(["", "a%20b", "%C3%A9"]),
      reason: random.pick(bodies),
      seen: random.chance(0.7) ? Number.MAX_SAFE_INTEGER : (known?.stamp ?? 0) + random.below(3) - 1
    }
  }
}

/** How often each command is drawn. */
export const weights: { readonly [K in CommandName]: number } = {
  tick: 14,
  open: 18,
  update: 3,
  close: 9,
  put: 14,
  del: 8,
  merge: 8,
  save: 12,
  peek: 4,
  claim: 20,
  release: 7,
  report: 6,
  finish: 9,
  changes: 6,
  snap: 3,
  nodes: 2,
  direct: 8,
  begin: 6,
  history: 6
}

const absurd = [Number.NaN, -1, Infinity, 1e300, 2 ** 53, 0.5, maxCounter + 1, maxCounter, 2 ** 33]

/** At times a number of arguments that no caller means. */
const withAbsurd = <A extends { readonly [name: string]: unknown }>(random: Random, args: A): A => {
  const numbers = Object.keys(args).filter((name) => typeof args[name] === "number")
  return numbers.length === 0 || !random.chance(0.04) ? args : { ...args, [random.pick(numbers)]: random.pick(absurd) }
}

/** A caller's envelope: mostly a good one. */
export const envelopeOf = (random: Random, scope: string, known: Known): Envelope => {
  const odd = random.chance(0.12)
  return withAbsurd<Envelope & { readonly [name: string]: unknown }>(random, {
    scope,
    era: odd && random.chance(0.5) ? random.pick(known.eras) : known.era,
    notAfter: odd && random.chance(0.5)
      ? known.now - 1 + random.below(3)
      : random.chance(0.5)
      ? Infinity
      : known.now + 5_000,
    high: odd && random.chance(0.3) ? known.high + random.below(3) : random.chance(0.8) ? known.high : 0,
    seconds: random.chance(0.9) ? 1_700_000_000 : 2 ** 31 + random.below(9),
    bits: `e${random.below(2 ** 31)}`,
    ttl: random.chance(0.02) ? 2_000 : 1_000,
    maxStep: 400,
    keepEnded: random.chance(0.7)
      ? undefined
      : withAbsurd(random, { millis: random.pick([0, 500, tombstoneRetention]), count: random.pick([0, 1, 3, 1_000]) }),
    keepHistory: random.chance(0.9)
      ? undefined
      : withAbsurd(random, { millis: random.pick([0, 500, tombstoneRetention]), count: random.pick([0, 1, 1_000]) }),
    by: random.pick(names.map(encodeURIComponent)),
    reason: random.chance(0.5) ? undefined : random.pick([...bodies, "disk full", "a|b", " ", "é\n"])
  })
}

export const malformed = (random: Random): string => random.pick(garbage)

export const anyId = (random: Random): string => random.pick(ids)

export const anySet = (random: Random): string => random.pick(sets)

export const anyName = (random: Random): string => random.pick(names)
