/**
 * A Redis, some processes on it, and what every test of a fault wants to know in the end.
 */
import { expect, type TestContext } from "vitest"
import { leaseFactor } from "../../support/pace.js"
import { type RedisServer, startRedis } from "../../support/redisServer.js"
import { copiesOf, gaps, type Line, type Overlap, unfencedOverlaps } from "./evidence.js"
import { eventually, type Fleet, makeFleet, surely } from "./fleet.js"
import type { NodeProcess } from "./process.js"
import { makeProxy, type Proxy } from "./proxy.js"

/** The lease of most tests, in milliseconds; all other times scale with it. Longer on a busy machine. */
export const ttl = Math.round(3_000 * leaseFactor())

export const keys = (count: number, prefix = "k"): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`)

export const idsOf = (count: number, kind = "Probe"): ReadonlyArray<string> =>
  keys(count).map((key) => `${kind}/${key}`)

/** The key of an id. */
export const keyOf = (id: string): string => id.slice(id.indexOf("/") + 1)

export interface Scene {
  readonly fleet: Fleet
  /** Until exactly these children run, as every node sees it. */
  readonly runs: (expected: ReadonlyArray<string>) => Promise<void>
}

export interface RedisScene extends Scene {
  readonly redis: RedisServer
  /** The way of each node to Redis, where the setting wants one. */
  readonly proxies: ReadonlyMap<string, Proxy>
  readonly start: (name: string, env?: Record<string, string>) => Promise<NodeProcess>
}

export interface Setting {
  readonly redis?: ReadonlyArray<string>
  /** What an empty Redis means. Tests that empty it need `settle`, which costs them a lease at the beginning. */
  readonly onEmpty?: "settle" | "trust"
  /** Longer where an outage must stay below it, however busy the machine is. */
  readonly ttl?: number
  /** Each node reaches Redis through a proxy of its own. */
  readonly proxied?: boolean
  readonly env?: Record<string, string>
}

/** Until every node knows that every node can run the children: otherwise some would move as soon as it does. */
export const acquainted = (fleet: Fleet, kinds: ReadonlyArray<string> = ["Probe", "Kept"]): Promise<void> =>
  eventually("all nodes know each other", async () => {
    for (const node of fleet.nodes.values()) {
      const members = (await node.call("nodes")) as ReadonlyArray<{ readonly kinds: Record<string, unknown> }>
      const able = members.filter(({ kinds: of }) => kinds.every((kind) => kind in of))
      if (able.length < fleet.nodes.size) return false
    }
    return true
  })

/** What a node sees. Of one that is gone it must have been told: until then its children seem to run. */
const sees = async (node: NodeProcess, nodes: number, expected: string, count: number): Promise<boolean> => {
  const [rows, members] = await Promise.all([node.which(), node.call("nodes") as Promise<ReadonlyArray<unknown>>])
  if (members.length !== nodes) return false
  const running = rows.filter(({ status }) => status._tag === "Running").map(({ id }) => id).sort()
  return running.join() === expected && rows.length === count
}

/** By its own word every child runs: a node's view may be old. */
const alive = (lines: ReadonlyArray<Line>, ids: ReadonlyArray<string>): boolean => {
  const last = new Map<string, Line>()
  for (const line of lines) if (line.at >= (last.get(line.id)?.at ?? 0)) last.set(line.id, line)
  return ids.every((id) => ["start", "beat"].includes(last.get(id)?.what ?? ""))
}

const runsOn = (fleet: Fleet): Scene["runs"] => (expected) =>
  eventually(`running: ${expected.join(" ")}`, async () => {
    const sorted = [...expected].sort().join()
    const all = await Promise.all(
      Array.from(fleet.nodes.values(), (node) => sees(node, fleet.nodes.size, sorted, expected.length))
    )
    return all.every(Boolean) && alive(fleet.lines(), expected)
  })

/** Processes on a registry that is there already. */
export const sceneOn = async (
  { onTestFinished }: TestContext,
  names: ReadonlyArray<string>,
  count: number,
  env: Record<string, string>,
  own: (name: string) => Promise<Record<string, string>> = async () => ({})
): Promise<Scene> => {
  // As if each process had a machine of its own: only leases tell.
  const fleet = await makeFleet({ POGO_WATCH_PROCESSES: "false", ...env })
  onTestFinished(fleet.close)
  await Promise.all(names.map(async (name) => fleet.start(name, await own(name))))
  const runs = runsOn(fleet)
  if (names.length === 0) return { fleet, runs }
  await acquainted(fleet, env["TEST_KINDS"]?.split(","))
  if (count > 0) {
    await surely(fleet.nodes.get(names[0]!)!, "start", { keys: keys(count) })
    await runs(idsOf(count))
  }
  return { fleet, runs }
}

/** Processes on a Redis of their own. */
export const scene = async (
  context: TestContext,
  names: ReadonlyArray<string>,
  count: number,
  setting: Setting = {}
): Promise<RedisScene> => {
  const redis = await startRedis({ args: setting.redis ?? [] })
  context.onTestFinished(() => redis.stop("SIGKILL"))
  const proxies = new Map<string, Proxy>()
  const own = async (name: string): Promise<Record<string, string>> => {
    if (setting.proxied !== true) return {}
    const proxy = await makeProxy(redis.port)
    context.onTestFinished(proxy.close)
    proxies.set(name, proxy)
    return { TEST_REDIS_URL: proxy.url, TEST_FLUSH_URL: redis.url }
  }
  const env = {
    POGO_TTL: `${setting.ttl ?? ttl} millis`,
    TEST_ON_EMPTY: setting.onEmpty ?? "trust",
    TEST_REDIS_URL: redis.url,
    // As short as the supervisor's own patience, so that dead connections are left in time.
    TEST_COMMAND_TIMEOUT: `${Math.ceil((setting.ttl ?? ttl) / 7)} millis`,
    ...setting.env
  }
  const on = await sceneOn(context, names, count, env, own)
  const start = async (name: string, more: Record<string, string> = {}) =>
    on.fleet.start(name, { ...await own(name), ...more })
  return { ...on, redis, proxies, start }
}

/** What runs on a node, by its own word. */
export const owned = async (fleet: Fleet, name: string): Promise<ReadonlyArray<string>> =>
  ((await fleet.nodes.get(name)!.call("local")) as ReadonlyArray<{ id: string }>).map(({ id }) => id)

export const describeOverlaps = (found: ReadonlyArray<Overlap>): ReadonlyArray<string> =>
  found.map(({ id, millis, older, younger }) => `${id}: ${older.node} ${millis.toFixed(1)} ms beside ${younger.node}`)

/** No two unfenced copies, tokens that rise, and a resource that accepts the newest owner of every child. */
export const judge = async (fleet: Fleet, ids: ReadonlyArray<string>): Promise<void> => {
  const lines = fleet.lines()
  expect(describeOverlaps(unfencedOverlaps(lines))).toEqual([])
  expect(fleet.wrongly()).toBe(0)
  // Read anew each time: a child may move while it is waited for.
  const isAccepted = (copies: ReturnType<typeof copiesOf>, id: string): boolean =>
    fleet.accepted.get(id) === copies.get(id)!.at(-1)!.token
  await eventually("the resource accepts the last owner of every child", () => {
    const copies = copiesOf(fleet.lines())
    return ids.every((id) => isAccepted(copies, id))
  })
}

/** Nothing was ever stopped or started anew. */
export const nothingMoved = (fleet: Fleet): void => expect(gaps(fleet.lines())).toEqual([])

/** How many copies each child has had beyond its first. */
export const moves = (lines: ReadonlyArray<Line>): number =>
  Array.from(copiesOf(lines).values()).reduce((sum, copies) => sum + copies.length - 1, 0)
