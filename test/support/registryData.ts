/** The data of one scope, in a form in which the machine's and that of Redis can be compared. */
import type { Cluster, Redis } from "ioredis"
import { keysOf, parts } from "../../src/internal/redis/scripts.js"
import { historyKey } from "../../src/internal/registry/historyRecords.js"
import type { RegistryState } from "../../src/internal/registry/state.js"

export type Part = (typeof parts)[number]

/** Every part as sorted lines of text. */
export type Dump = { readonly [P in Part]: ReadonlyArray<string> }

const line = (...fields: ReadonlyArray<unknown>): string => fields.map(String).join(" = ")

const lines = (entries: Iterable<readonly [string, unknown]>): ReadonlyArray<string> =>
  Array.from(entries, ([key, value]) => line(key, value)).sort()

const metaEntries = ({ meta }: RegistryState): ReadonlyArray<readonly [string, unknown]> => {
  if (meta === undefined) return []
  const { held, ...rest } = meta
  return [...Object.entries(rest), ...Array.from(held, ([sid, count]) => [`held:${sid}`, count] as const)]
}

/** What the machine holds. */
export const dumpMachine = (state: RegistryState): Dump => ({
  meta: lines(metaEntries(state)),
  sess: lines(state.sess),
  node: lines(state.node),
  spec: lines(state.spec),
  tomb: lines(state.tomb),
  tombx: lines(state.tombx),
  claim: lines(state.claim),
  stat: lines(state.stat),
  dead: lines(state.dead),
  direct: lines(state.direct),
  layout: lines(state.layout),
  sessx: lines(state.sessx),
  trial: lines(state.trial),
  round: lines(state.round),
  state: lines(state.state),
  hist: state.hist.map((entry) =>
    line(historyKey(entry), entry.id, entry.token, entry.node, entry.attempt, entry.what, entry.note, entry.n)
  ),
  log: state.log.map(({ at, id, kind }) => line(`${at}-0`, kind, id))
})

const pairs = (flat: ReadonlyArray<string>): ReadonlyArray<readonly [string, string]> =>
  flat.flatMap((key, i) => (i % 2 === 0 ? [[key, flat[i + 1]!] as const] : []))

const read = async (redis: Redis | Cluster, prefix: string, scope: string): Promise<ReadonlyArray<unknown>> => {
  const keys = keysOf(prefix, scope)
  const pipeline = redis.pipeline()
  parts.forEach((part, i) => {
    const key = keys[i]!
    if (part === "log" || part === "hist") pipeline.xrange(key, "-", "+")
    else if (part === "sess" || part === "tombx" || part === "dead") pipeline.zrange(key, 0, -1, "WITHSCORES")
    else pipeline.hgetall(key)
  })
  const replies = await pipeline.exec()
  return replies!.map(([error, value]) => {
    if (error !== null) throw error
    return value
  })
}

/** What Redis holds. */
export const dumpRedis = async (redis: Redis | Cluster, prefix: string, scope: string): Promise<Dump> => {
  const replies = await read(redis, prefix, scope)
  return Object.fromEntries(parts.map((part, i) => {
    const value = replies[i]
    if (part === "hist") {
      const entries = value as ReadonlyArray<[string, ReadonlyArray<string>]>
      return [part, entries.map(([key, fields]) => line(key, ...fields.filter((_, at) => at % 2 === 1)))]
    }
    if (part === "log") {
      const entries = value as ReadonlyArray<[string, ReadonlyArray<string>]>
      return [part, entries.map(([at, fields]) => line(at, fields[1], fields[3]))]
    }
    return [part, lines(Array.isArray(value) ? pairs(value) : Object.entries(value as Record<string, string>))]
  })) as unknown as Dump
}

/** The first difference, in words. */
export const differenceOf = (machine: Dump, redis: Dump): string | undefined => {
  for (const part of parts) {
    // The history is trimmed by and by, and not at the same moments: what both keep is compared.
    const kept = part === "hist" ? Math.min(machine.hist.length, redis.hist.length) : Infinity
    const [a, b] = kept > 0 ? [machine[part].slice(-kept), redis[part].slice(-kept)] : [[], []]
    const length = Math.max(a.length, b.length)
    for (let i = 0; i < length; i++) {
      if (a[i] !== b[i]) return `${part}: machine has ${a[i] ?? "nothing"}, Redis has ${b[i] ?? "nothing"}`
    }
  }
  return undefined
}
