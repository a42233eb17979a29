/** The doctor's judgement: each trouble by its facts alone, and none for a healthy scope. */
import { describe, expect, test } from "vitest"
import { judge } from "../../../src/internal/cli/doctor.js"
import type { DoctorFacts, ScopeFacts, ServerFacts } from "../../../src/internal/cli/doctorFacts.js"
import { reportLines } from "../../../src/internal/cli/doctorText.js"
import { lineText } from "../../../src/internal/cli/textTable.js"
import { type NodeRecord, readMembers } from "../../../src/internal/replica/nodeRecord.js"
import { readSpec } from "../../../src/internal/replica/replica.js"
import { nodeItem } from "../../support/arbitrary.js"

const members = (...records: ReadonlyArray<Partial<NodeRecord>>) =>
  readMembers(records.map((record, i) =>
    nodeItem(
      `${record.name ?? "a"}#${i}`,
      { labels: { zone: "a" }, kinds: { Poller: { version: 2, digest: "d" } }, ...record },
      { opened: i + 1 }
    )
  ))

const spec = (id: string, fields: object = {}) => {
  const kind = id.split("/")[0]
  const body = { kind, version: 1, payload: {}, type: "worker", requires: {}, prefers: {}, ...fields }
  return { id, spec: readSpec(id, `1|1|op|||${JSON.stringify(body)}`) }
}

const healthy: DoctorFacts = {
  server: {
    description: "redis://127.0.0.1:6379/0",
    info: new Map([["redis_version", "7.2.4"], ["role", "master"], ["aof_enabled", "1"], ["connected_slaves", "0"]]),
    config: new Map([["maxmemory-policy", "noeviction"], ["appendfsync", "everysec"], ["timeout", "0"]]),
    roundTrips: [0.2, 0.3, 0.2],
    ahead: 3,
    refused: [],
    canFailOver: false
  },
  scope: {
    scope: "shop",
    exists: true,
    layouts: ["1"],
    layout: "1",
    ttl: 15_000,
    maxStep: 2_500,
    idle: 400,
    members: members({}, { name: "b" }),
    specs: [spec("Poller/x"), spec("Poller/y", { requires: { zone: "a" }, version: 2 })],
    truncated: false,
    directives: [],
    parts: [{ part: "spec", key: "pogo1:{shop}:spec", type: "hash", count: 2, bytes: 300 }],
    strangers: []
  },
  own: { ttl: undefined, maxStep: undefined, commandTimeout: 2_000, margin: 7_000, heartbeat: 2_000 },
  unseen: []
}

const withServer = (change: Partial<ServerFacts>): DoctorFacts => ({
  ...healthy,
  server: { ...healthy.server, ...change }
})

const withInfo = (...fields: ReadonlyArray<readonly [string, string]>): DoctorFacts =>
  withServer({ info: new Map([...healthy.server.info, ...fields]) })

const withConfig = (...fields: ReadonlyArray<readonly [string, string]>): DoctorFacts =>
  withServer({ config: new Map([...healthy.server.config, ...fields]) })

const withScope = (change: Partial<ScopeFacts>): DoctorFacts => ({ ...healthy, scope: { ...healthy.scope, ...change } })

const codesOf = (facts: DoctorFacts) => judge(facts).troubles.map(({ code }) => code)

const planted: ReadonlyArray<readonly [code: string, how: string, facts: DoctorFacts]> = [
  ["version", "a release that is too old", withInfo(["redis_version", "6.0.16"])],
  ["replica", "a replica", withInfo(["role", "slave"], ["master_host", "10.0.0.1"])],
  ["eviction", "a policy that evicts any key", withConfig(["maxmemory-policy", "allkeys-lru"])],
  ["eviction", "the same, where CONFIG is not allowed", {
    ...withServer({ config: new Map(), info: new Map([...healthy.server.info, ["maxmemory_policy", "allkeys-lfu"]]) })
  }],
  ["memory-full", "memory that is nearly used up", withInfo(["maxmemory", "10000"], ["used_memory", "9000"])],
  ["no-aof", "no log of writes", withInfo(["aof_enabled", "0"])],
  ["no-fsync", "a log that nobody brings to disk", withConfig(["appendfsync", "no"])],
  ["disk", "a log that cannot be written", withInfo(["aof_last_write_status", "err"])],
  ["min-replicas", "replicas that nobody waits for", {
    ...healthy,
    server: {
      ...healthy.server,
      info: new Map([...healthy.server.info, ["connected_slaves", "1"]]),
      config: new Map([...healthy.server.config, ["min-replicas-to-write", "0"]])
    }
  }],
  ["replica-lag", "replicas that count though they are silent", {
    ...healthy,
    server: {
      ...healthy.server,
      info: new Map([...healthy.server.info, ["connected_slaves", "1"]]),
      config: new Map([...healthy.server.config, ["min-replicas-to-write", "1"], ["min-replicas-max-lag", "60"]])
    }
  }],
  ["timeout", "idle connections that are closed", withConfig(["timeout", "5"])],
  ["clients", "hardly a connection left", withInfo(["connected_clients", "95"], ["maxclients", "100"])],
  ["acl", "a user that may not publish", withServer({ refused: [{ command: "PUBLISH", said: "NOPERM no" }] })],
  ["round-trip", "a slow way", withServer({ roundTrips: [700, 800, 900] })],
  ["clock", "a clock that is ahead", withServer({ ahead: 60_000 })],
  ["layout", "another layout", withScope({ layouts: ["2"] })],
  [
    "foreign-keys",
    "a key that is not ours",
    withScope({
      strangers: [{ key: "pogo1:{shop}:junk", type: "string", expected: "none" }]
    })
  ],
  ["no-nodes", "children and nobody to run them", withScope({ members: [], idle: 60_000 })],
  ["ttl", "another ttl in the environment", { ...healthy, own: { ...healthy.own, ttl: 30_000 } }],
  ["duplicate-names", "two nodes of a name", withScope({ members: members({ duplicateName: true }, {}) })],
  [
    "no-room",
    "nodes that are all closed",
    withScope({ members: members({ cordoned: true }, { name: "b", full: true }) })
  ],
  ["unknown-kinds", "a kind that nobody has", withScope({ specs: [spec("Ghost/x")] })],
  ["unplaced", "labels that nobody has", withScope({ specs: [spec("Poller/x", { requires: { gpu: "a100" } })] })],
  ["unplaced", "a version that nobody has", withScope({ specs: [spec("Poller/x", { version: 3 })] })],
  ["unreadable", "a record of somebody else's", withScope({ specs: [{ id: "Poller/x", spec: undefined }] })],
  ["older-nodes", "a node of an older version", withScope({ members: members({ knows: [] }, { name: "b" }) })],
  [
    "lists-differ",
    "lists that differ",
    withScope({
      members: members({ lists: { x: "1" } }, { name: "b", lists: { x: "2" } })
    })
  ],
  ["stray-directives", "a directive for nobody", withScope({ directives: [{ name: "nobody", what: "drain" }] })],
  [
    "memory",
    "a history that is too large",
    withScope({
      parts: [{ part: "hist", key: "pogo1:{shop}:hist", type: "stream", count: 9, bytes: 300_000_000 }]
    })
  ]
]

describe("the doctor", () => {
  test("finds nothing in a healthy scope", () => {
    expect(judge(healthy).troubles).toEqual([])
    expect(reportLines(judge(healthy), 80).map((line) => lineText(line, false)).at(-1)).toBe("Nothing is wrong.")
  })

  test.each(planted)("names %s: %s", (code, _, facts) => {
    expect(codesOf(facts)).toEqual([code])
  })

  test("tells of each trouble what it is, what it means, and what to do, on lines that fit", () => {
    for (const [, , facts] of planted) {
      const report = judge(facts)
      const lines = reportLines(report, 60).map((line) => lineText(line, false))
      expect(lines.filter((line) => line.length > 60 && line.includes(" ", 4))).toEqual([])
      for (const { means, remedy, what } of report.troubles) {
        const words = lines.join(" ").replace(/\s+/g, " ")
        for (const part of [what, means, remedy]) expect(words).toContain(part)
        expect(`${what}${means}${remedy}`).not.toMatch(/undefined|NaN|\.\.|\.$/)
      }
    }
  })

  test("counts a failed child as none that waits for a node, and none where no node is alive", () => {
    const parked = { ...spec("Ghost/x"), spec: { ...spec("Ghost/x").spec!, failed: true } }
    expect(codesOf(withScope({ specs: [parked] }))).toEqual([])
    expect(codesOf(withScope({ specs: [], members: [] }))).toEqual([])
  })

  test("puts errors first", () => {
    const both = withInfo(["aof_enabled", "0"], ["redis_version", "6.0.0"])
    expect(judge(both).troubles.map(({ severity }) => severity)).toEqual(["error", "warning"])
  })
})
