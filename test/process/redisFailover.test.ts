/**
 * One failover of Redis of each kind: Sentinels choose another primary, a slot of a cluster moves, a cluster's primary
 * dies. Numbers in brackets are rows of `docs/faults.md`.
 */
import { describe, expect, test, type TestContext } from "vitest"
import { measured, spread } from "../support/measured.js"
import type { RedisServer } from "../support/redisServer.js"
import { startClusterNode } from "../support/registryLive.js"
import { copiesOf, gaps, runningOverlaps } from "./support/evidence.js"
import { eventually, sleep, surely } from "./support/fleet.js"
import { isPrimary, portsOf, replicated, sentinelsOf, times } from "./support/replication.js"
import { idsOf, judge, moves, sceneOn, ttl } from "./support/scene.js"

describe.concurrent("behind Sentinel", () => {
  test("[F29] a failover that loses writes: what was started and ended stands, tokens rise", async (context) => {
    const { link, primary, replica } = await replicated(context)
    const sentinels = await sentinelsOf(context, primary)
    const env = { ...times(4 * ttl), TEST_SENTINELS: portsOf(sentinels) }
    const { fleet, runs } = await sceneOn(context, ["a", "b"], 12, env)
    // From now on the replica hears nothing, and the connection stands.
    link.flow("down", "hold")
    await sleep(300)
    await surely(fleet.nodes.get("a")!, "start", { keys: ["lost"] })
    await surely(fleet.nodes.get("b")!, "terminate", { keys: ["k0"] })
    const expected = [...idsOf(12).slice(1), "Probe/lost"]
    await runs(expected)
    await primary.stop("SIGKILL")
    await eventually("the replica serves", () => isPrimary(replica))
    await sleep(ttl)
    await runs(expected)
    const lines = fleet.lines()
    expect(runningOverlaps(lines)).toEqual([])
    expect(copiesOf(lines).get("Probe/k0")!.length).toBe(1)
    measured("F29", `start and end that the new primary never heard of stand; ${gaps(lines).length} moves, overlaps 0`)
    await judge(fleet, expected)
  })
})

const makeRedisCluster = async ({ onTestFinished }: TestContext): Promise<ReadonlyArray<RedisServer>> => {
  const servers = await Promise.all([1, 2, 3, 4, 5, 6].map(startClusterNode))
  for (const server of servers) onTestFinished(() => server.stop("SIGKILL"))
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
  await servers[0]!.cli("--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes")
  for (const server of servers) {
    await eventually("the cluster is whole", async () => {
      const [info, replication] = [await server.cli("CLUSTER", "INFO"), await server.cli("INFO", "replication")]
      return info.includes("cluster_slots_ok:16384") && /connected_slaves:1|master_link_status:up/.test(replication)
    })
  }
  return servers
}

const primaryOf = async (servers: ReadonlyArray<RedisServer>, slot: number): Promise<RedisServer | undefined> => {
  for (const server of servers.filter(({ running }) => running)) {
    const myself = (await server.cli("CLUSTER", "NODES")).split("\n").find((line) => line.includes("myself"))!
    const ranges = myself.includes("master") ? myself.trim().split(" ").slice(8) : []
    const has = ranges.some((range) => {
      const [from, to = from] = range.split("-").map(Number)
      return slot >= from! && slot <= to!
    })
    if (has) return server
  }
  return undefined
}

const idOf = (server: RedisServer): Promise<string> => server.cli("CLUSTER", "MYID")

describe.concurrent("on a cluster", () => {
  test("[F31] [F32] a slot that moves under load, and a primary that is killed", async (context) => {
    const servers = await makeRedisCluster(context)
    const env = { ...times(3 * ttl), TEST_CLUSTER: portsOf(servers.slice(0, 3)), POGO_SCOPE: "moving" }
    const { fleet, runs } = await sceneOn(context, ["a", "b"], 16, env)
    const slot = Number(await servers[0]!.cli("CLUSTER", "KEYSLOT", "{moving}"))
    const from = (await primaryOf(servers, slot))!
    const others = (await Promise.all(servers.map(async (server) => ({ server, primary: await isPrimary(server) }))))
      .filter(({ primary, server }) => primary && server !== from)
    const to = others[0]!.server
    const load: Array<Promise<unknown>> = []
    const during = (i: number) => fleet.nodes.get(i % 2 === 0 ? "a" : "b")!.call("startEach", { keys: [`during${i}`] })
    // As `redis-cli --cluster reshard` does it, with calls in every state between.
    await to.cli("CLUSTER", "SETSLOT", String(slot), "IMPORTING", await idOf(from))
    await from.cli("CLUSTER", "SETSLOT", String(slot), "MIGRATING", await idOf(to))
    let calls = 0
    const keysOf = async () =>
      (await from.cli("CLUSTER", "GETKEYSINSLOT", String(slot), "1")).split("\n").filter(Boolean)
    for (let found = await keysOf(); found.length > 0; found = await keysOf()) {
      load.push(during(calls++))
      await from.cli("MIGRATE", "127.0.0.1", String(to.port), "", "0", "5000", "KEYS", ...found)
      await sleep(50)
    }
    for (const server of [to, from, others[1]!.server]) {
      await server.cli("CLUSTER", "SETSLOT", String(slot), "NODE", await idOf(to))
    }
    const answers = (await Promise.all(load)).flat()
    // Whatever had no answer is asked again: in the end all are there, once.
    const names = Array.from({ length: calls }, (_, i) => `during${i}`)
    await eventually("calls are served", async () => {
      const tags = (await fleet.nodes.get("a")!.call("startEach", { keys: names })) as ReadonlyArray<string>
      return tags.every((tag) => tag === "Created" || tag === "AlreadyStarted")
    })
    const all = [...idsOf(16), ...names.map((key) => `Probe/${key}`)]
    await runs(all)
    expect(runningOverlaps(fleet.lines())).toEqual([])
    const created = answers.filter((tag) => tag === "Created").length
    measured(
      "F31",
      `${created} of ${calls} calls served while the slot moved, none lost; ${moves(fleet.lines())} moves, overlaps 0`
    )

    await to.stop("SIGKILL")
    const died = Date.now()
    await eventually("another serves the slot", async () => (await primaryOf(servers, slot)) !== undefined)
    await eventually("calls are served", async () => {
      const [tag] = (await fleet.nodes.get("b")!.call("startEach", { keys: ["after"] })) as ReadonlyArray<string>
      return tag === "Created" || tag === "AlreadyStarted"
    })
    const took = Date.now() - died
    await runs([...all, "Probe/after"])
    expect(runningOverlaps(fleet.lines())).toEqual([])
    measured(
      "F32",
      `a start is served ${took} ms after the kill; gaps ${spread(gaps(fleet.lines()))}, overlaps 0, none lost`
    )
    await judge(fleet, [...all, "Probe/after"])
  })
})
