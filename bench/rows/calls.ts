/**
 * Calls to children, against the bare `@effect/rpc` on the same transport, in the same run.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { freePort, startRedis } from "../../.ci/redis.mjs"
import { atLeast, atMost, type Bench, type Group } from "../support/bench.js"
import { built } from "../support/fleet.js"
import { median } from "../support/numbers.js"

const names = {
  remote: "call to another node, p50 over bare rpc",
  throughput: "call throughput at 64 in flight, over bare rpc",
  stream: "stream items per second, over bare rpc",
  local: "call on the same node, p50 over RpcTest",
  heap: "extra heap per idle child with a protocol",
  moving: "call to a child that is moved, added latency p50"
}

type Pairs = ReadonlyArray<readonly [ours: number, raw: number]>

const script = new URL("../support/calls.ts", import.meta.url).pathname

/** Starts a program; gives its first line of JSON, and a way to end it. */
const start = (name: string, env: Record<string, string>) => {
  const child = spawn(process.execPath, ["--expose-gc", "--import", "tsx", script, name], {
    env: { ...process.env, ...built, ...env },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const first = new Promise<unknown>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)))
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)))
  })
  return { first, end: () => void child.kill("SIGKILL") }
}

const ratio = (pairs: Pairs) => ({
  value: pairs.map(([ours, raw]) => ours / raw),
  raw: median(pairs.map(([, raw]) => raw)),
  ours: median(pairs.map(([ours]) => ours))
})

const tell = (bench: Bench, name: string, pairs: Pairs, what: string, unit: string, most?: number, least?: number) => {
  const { ours, raw, value } = ratio(pairs)
  bench.tell(name, {
    value,
    unit: "x",
    target: least === undefined ? atMost(most!) : atLeast(least),
    raw: { what, value: raw, unit },
    note: `${Math.round(ours)} ${unit}`
  })
}

const alone = async <A>(name: string, env: Record<string, string>): Promise<A> => {
  const { end, first } = start(name, env)
  try {
    return (await first) as A
  } finally {
    end()
  }
}

const acrossNodes = async (bench: Bench, size: string): Promise<void> => {
  const redis = await startRedis({})
  const env = { BENCH_REDIS_URL: redis.url, BENCH_RAW_PORT: String(await freePort()), BENCH_SIZE: size }
  try {
    if (bench.wants(names.remote, names.throughput, names.stream)) {
      const server = start("serve", env)
      await server.first
      const found = await alone<{ latency: Pairs; throughput: Pairs; flow: Pairs }>("remote", env).finally(server.end)
      tell(bench, names.remote, found.latency, "bare rpc", "us", 1.25)
      tell(bench, names.throughput, found.throughput, "bare rpc", "calls/s", undefined, 0.8)
      tell(bench, names.stream, found.flow, "bare rpc", "items/s", undefined, 0.9)
    }
    if (bench.wants(names.moving)) {
      await redis.cli("flushall")
      const found = await alone<{ added: number; slowest: number; children: number }>("moving", env)
      const note = `${found.children} children of a node that is drained; p95 ${Math.round(found.slowest)} ms`
      bench.tell(names.moving, { value: found.added, unit: "ms", target: atMost(50), note })
    }
  } finally {
    await redis.stop("SIGKILL")
  }
}

export const calls: Group = {
  title: "calls to children",
  rows: Object.values(names),
  run: async (bench) => {
    const size = bench.quick ? "0.1" : "1"
    if (bench.wants(names.remote, names.throughput, names.stream, names.moving)) await acrossNodes(bench, size)
    if (bench.wants(names.local)) {
      const { latency } = await alone<{ latency: Pairs }>("local", { BENCH_SIZE: size })
      tell(bench, names.local, latency, "RpcTest", "us", 1.5)
    }
    if (bench.wants(names.heap)) {
      const { callable, plain } = await alone<{ callable: number; plain: number }>("heap", { BENCH_SIZE: size })
      bench.tell(names.heap, {
        value: callable - plain,
        unit: "B",
        target: atMost(3_072),
        raw: { what: "a child without one", value: plain }
      })
    }
  }
}
