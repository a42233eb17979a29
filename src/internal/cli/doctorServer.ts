/**
 * The doctor's checks of a server: settings that weaken the guarantees, and ways that are too slow.
 *
 * @internal
 */
import { unfitOf } from "../redis/errors.js"
import type { DoctorFacts, ServerFacts } from "./doctorFacts.js"
import type { Trouble } from "./doctorTrouble.js"
import { bytesText, millisText } from "./quantities.js"

type ServerCheck = (facts: DoctorFacts) => ReadonlyArray<Trouble>

const number = (fields: ReadonlyMap<string, string>, name: string): number | undefined => {
  const value = Number(fields.get(name) ?? NaN)
  return Number.isFinite(value) ? value : undefined
}

/** A setting as CONFIG GET tells it, or a field of INFO that says the same. */
const setting = ({ config, info }: ServerFacts, name: string, field = name.replaceAll("-", "_")): string | undefined =>
  config.get(name) ?? info.get(field)

const version: ServerCheck = ({ server }) => {
  const found = server.info.get("redis_version")
  const unfit = found === undefined ? undefined : unfitOf(`redis_version:${found}`)
  return unfit === undefined ? [] : [{
    code: "version",
    severity: "error",
    what: `The server is Redis ${found}`,
    means: "No node joins: its scripts need commands that this release does not have",
    remedy: "Use Redis 6.2 or newer, or Valkey"
  }]
}

const replica: ServerCheck = ({ server }) =>
  server.info.get("role") === "slave" || server.info.get("role") === "replica"
    ? [{
      code: "replica",
      severity: "error",
      what: `The server is a replica of ${server.info.get("master_host") ?? "another one"}`,
      means: "It takes no writes: no node can join through it, and no call changes anything",
      remedy: "Give the address of the primary, or the Sentinels or the cluster that know it"
    }]
    : []

const eviction: ServerCheck = ({ server }) => {
  const policy = setting(server, "maxmemory-policy")
  return policy?.startsWith("allkeys-") === true
    ? [{
      code: "eviction",
      severity: "error",
      what: `The server evicts any key when its memory is full (maxmemory-policy ${policy})`,
      means: "A key of the scope that is evicted is a loss of data: nothing new starts for one ttl, each time",
      remedy: "CONFIG SET maxmemory-policy noeviction, and a server of its own for caches"
    }]
    : []
}

const memoryFull: ServerCheck = ({ server: { info } }) => {
  const [used, limit] = [number(info, "used_memory"), number(info, "maxmemory")]
  if (used === undefined || limit === undefined || limit === 0 || used < 0.85 * limit) return []
  return [{
    code: "memory-full",
    severity: used >= limit ? "error" : "warning",
    what: `${bytesText(used)} of ${bytesText(limit)} memory are used (maxmemory)`,
    means: "When it is full the server refuses every write (OOM), or evicts: then no lease is renewed",
    remedy: "Raise maxmemory, or move other data away; `effect-pogo doctor -o json` tells what of it is this scope's"
  }]
}

const persistence: ServerCheck = ({ server }) => {
  const aof = server.info.get("aof_enabled")
  const troubles: Array<Trouble> = []
  if (aof === "0") {
    troubles.push({
      code: "no-aof",
      severity: "warning",
      what: "The server does not log its writes to disk (appendonly no)",
      means: "After a restart it has an old data set or none: what no node remembers is lost, and nothing new starts " +
        "for one ttl",
      remedy: "CONFIG SET appendonly yes, with appendfsync everysec, and CONFIG REWRITE"
    })
  }
  const fsync = server.config.get("appendfsync")
  if (aof === "1" && fsync === "no") {
    troubles.push({
      code: "no-fsync",
      severity: "warning",
      what: "The server leaves it to the system when its log reaches the disk (appendfsync no)",
      means: "A crash of the machine may lose half a minute of starts, ends and claims",
      remedy: "CONFIG SET appendfsync everysec"
    })
  }
  for (const [field, what] of [["aof_last_write_status", "log"], ["rdb_last_bgsave_status", "snapshot"]] as const) {
    const status = server.info.get(field)
    if (status !== undefined && status !== "ok") {
      troubles.push({
        code: "disk",
        severity: "error",
        what: `The server could not write its ${what} to disk (${field}: ${status})`,
        means: "It may refuse all writes until it can (MISCONF): then no lease is renewed, and children stop",
        remedy: "Look at the server's log, and at its disk: space, and the right to write there"
      })
    }
  }
  return troubles
}

const minReplicas: ServerCheck = ({ own, server }) => {
  const replicas = number(server.info, "connected_slaves") ?? 0
  if (replicas === 0 && !server.canFailOver) return []
  const least = server.config.get("min-replicas-to-write") ?? server.config.get("min-slaves-to-write")
  const guarded = least === undefined
    ? server.info.has("min_slaves_good_slaves") || server.info.has("min_replicas_good_replicas")
    : Number(least) > 0
  if (!guarded) {
    return [{
      code: "min-replicas",
      severity: "error",
      what: "The server has replicas, and takes writes without any of them (min-replicas-to-write 0)",
      means: "In a network split two primaries may grant the same claim, and a child may run twice",
      remedy: "CONFIG SET min-replicas-to-write 1, and min-replicas-max-lag to a few seconds"
    }]
  }
  const lag = Number(server.config.get("min-replicas-max-lag") ?? server.config.get("min-slaves-max-lag") ?? 0) * 1_000
  return lag <= own.margin + 10_000 ? [] : [{
    code: "replica-lag",
    severity: "warning",
    what: `A replica counts though it was not heard of for ${millisText(lag)} (min-replicas-max-lag)`,
    means: `That is longer than a failover and the margin of a lease (${millisText(own.margin)}) take together`,
    remedy: "CONFIG SET min-replicas-max-lag 10, or less"
  }]
}

const clientTimeout: ServerCheck = ({ own, server: { config } }) => {
  const seconds = Number(config.get("timeout") ?? 0)
  return seconds === 0 || seconds * 1_000 >= 10 * own.heartbeat ? [] : [{
    code: "timeout",
    severity: "warning",
    what: `The server closes connections that are idle for ${seconds} s (timeout)`,
    means: "Connections of nodes and clients are closed between two commands, and calls fail until they stand again",
    remedy: "CONFIG SET timeout 0"
  }]
}

const maxClients: ServerCheck = ({ server: { info, config } }) => {
  const clients = number(info, "connected_clients")
  const limit = number(info, "maxclients") ?? number(config, "maxclients")
  if (clients === undefined || limit === undefined || limit === 0 || clients < 0.9 * limit) return []
  return [{
    code: "clients",
    severity: "warning",
    what: `${clients} of ${limit} connections are taken (maxclients)`,
    means: "A node that reconnects is turned away, and loses its lease; each node has three connections",
    remedy: "Raise maxclients, and the limit of open files of the server's process"
  }]
}

const acl: ServerCheck = ({ server: { refused } }) =>
  refused.length === 0 ? [] : [{
    code: "acl",
    severity: "error",
    what: `This user may not use ${refused.map(({ command }) => command).join(", ")} on the scope's keys`,
    means: `Nodes with these credentials fail; the server said: ${refused[0]!.said}`,
    remedy: "Give the user the line in docs/security.md (\"The least that a user of Redis needs\")"
  }]

/** The middle of some numbers, and the largest. */
const spread = (values: ReadonlyArray<number>): readonly [middle: number, most: number] => {
  const sorted = [...values].sort((a, b) => a - b)
  return [sorted[Math.floor(sorted.length / 2)] ?? 0, sorted.at(-1) ?? 0]
}

const roundTrip: ServerCheck = ({ own, server: { roundTrips } }) => {
  const [middle, most] = spread(roundTrips)
  const limit = own.commandTimeout / 4
  if (middle <= limit) return []
  return [{
    code: "round-trip",
    severity: middle >= own.commandTimeout ? "error" : "warning",
    what: `A round trip to the server takes ${millisText(middle)}, ${millisText(most)} at most`,
    means: `A call may take ${millisText(own.commandTimeout)} (commandTimeout), and a lease has a margin of ` +
      `${millisText(own.margin)}: renewals come late, and leases are lost in the first disturbance`,
    remedy: "Bring nodes and server together, or raise ttl (POGO_TTL) on all nodes"
  }]
}

/** Milliseconds by which clocks may differ before anybody minds. */
const usualSkew = 2_000

const clock: ServerCheck = ({ server: { ahead } }) =>
  ahead === undefined || Math.abs(ahead) <= usualSkew ? [] : [{
    code: "clock",
    severity: "warning",
    what: `The server's clock is ${millisText(Math.abs(ahead))} ${ahead > 0 ? "ahead of" : "behind"} this machine's`,
    means: "Ownership does not depend on it, but the times of the history and of restarts are told by different clocks",
    remedy: "Run NTP (chrony, systemd-timesyncd) on the server and on all nodes"
  }]

/** Every check of the server, the worst first. */
export const serverChecks: ReadonlyArray<ServerCheck> = [
  version,
  replica,
  acl,
  minReplicas,
  eviction,
  memoryFull,
  persistence,
  clientTimeout,
  maxClients,
  roundTrip,
  clock
]
