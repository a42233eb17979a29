/**
 * What the Compose file, the image and the manifests start, as processes: the command of the image as PID 1 of a
 * namespace of its own where that is permitted, with the variables that the files give, on a Redis with the settings
 * that the Compose file gives.
 */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { answered } from "../process/support/answered.js"
import { freePort, type RedisServer, startRedis } from "../support/redisServer.js"
import {
  argumentList,
  compose,
  imageEnv,
  instruction,
  manifests,
  millisOf,
  podOf,
  type Probe,
  root,
  text
} from "./support.js"

/** A process may be the first of a namespace here, as in a container. Without the right to it, it is an ordinary one. */
const unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"] as const
const [first, ...others] = unshare
const mayUnshare = spawnSync(first, [...others, "true"]).status === 0

let image: string

/** The image's folder `/app`: the program bundled into `dist/main.js`, and packages beside it. */
beforeAll(() => {
  image = mkdtempSync(join(tmpdir(), "pogo-image-"))
  mkdirSync(join(image, "dist"))
  symlinkSync(join(root, "node_modules"), join(image, "node_modules"))
  // By a process of its own: the bundler does not start within a worker of the test runner.
  execFileSync(join(root, "node_modules", ".bin", "esbuild"), [
    join(root, "deploy", "app", "main.ts"),
    `--outfile=${join(image, "dist", "main.js")}`,
    `--tsconfig=${join(root, "tsconfig.json")}`,
    "--bundle",
    "--platform=node",
    "--format=esm",
    "--sourcemap",
    "--packages=external",
    "--log-level=error"
  ], { stdio: ["ignore", "inherit", "inherit"] })
})

afterAll(() => rmSync(image, { recursive: true, force: true }))

interface Container {
  /** The process that gets signals: the first of its namespace. */
  readonly pid: () => number
  readonly env: Record<string, string>
  readonly exited: Promise<number | null>
  readonly ended: () => boolean
  readonly log: () => string
  readonly url: string
}

/** The one child of a process; 0 while there is none. */
const childOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0] ?? 0)

const running = new Set<ChildProcess>()

afterAll(() => running.forEach((child) => child.kill("SIGKILL")))

/** Runs the image's command with its variables, and those of whoever starts it. */
const start = async (given: Record<string, string>): Promise<Container> => {
  const port = await freePort()
  // Everything is on one machine here: each has ports of its own.
  const env = { ...imageEnv(), ...given, PORT: String(port), POGO_RPC_HOST: "127.0.0.1", POGO_RPC_PORT: "0" }
  const [program = "", ...args] = argumentList(instruction("CMD"))
  expect(program).toBe("node")
  const command = mayUnshare ? [...unshare, process.execPath, ...args] : [process.execPath, ...args]
  const child = spawn(command[0]!, command.slice(1), {
    cwd: image,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  running.add(child)
  let log = ""
  child.stdout.on("data", (data: Buffer) => (log += data.toString()))
  child.stderr.on("data", (data: Buffer) => (log += data.toString()))
  const exited = new Promise<number | null>((resolve) => child.on("exit", (code) => resolve(code)))
  void exited.then(() => running.delete(child))
  return {
    pid: () => mayUnshare ? childOf(child.pid!) : child.pid!,
    env,
    exited,
    ended: () => !running.has(child),
    log: () => log,
    url: `http://127.0.0.1:${port}`
  }
}

/** As probes do: what comes while the server begins to listen may never be answered. */
const get = (url: string, millis = 5_000): Promise<Response> => fetch(url, { signal: AbortSignal.timeout(millis) })

/** The status of a page; 0 while nobody listens, or answers. */
const status = async (url: string): Promise<number> => {
  try {
    const response = await get(url)
    await response.text()
    return response.status
  } catch {
    return 0
  }
}

/** What a probe of the manifests says of a container. */
const probe = async (container: Container, { httpGet }: Probe): Promise<boolean> => {
  if (container.ended()) throw new Error(`the process has ended: ${container.log().slice(-2_000)}`)
  const answer = await status(container.url + httpGet.path)
  return answer >= 200 && answer < 400
}

/** The HEALTHCHECK of the image, by its exit code. */
const health = ({ env }: Container): number | null => {
  const [, ...args] = argumentList(/CMD (.*)$/.exec(instruction("HEALTHCHECK"))![1]!)
  return spawnSync(process.execPath, args, { env: { PATH: process.env["PATH"], ...env } }).status
}

interface Row {
  readonly id: string
  readonly node: string | null
  readonly state: string
  readonly last: string | null
}

/** What runs where, and what each answers; nothing where a call still waits, as while a child moves. */
const rows = async ({ url }: Container): Promise<ReadonlyArray<Row>> => {
  try {
    const response = await get(`${url}/checks`, 60_000)
    return response.ok ? (await response.json()) as ReadonlyArray<Row> : []
  } catch {
    return []
  }
}

const isTrue = (value: boolean) => value

const [{ livenessProbe, readinessProbe, startupProbe }] = podOf("deployment.yaml").containers

/** Sends SIGTERM, and says how it ended, and after how many milliseconds. */
const terminate = async (container: Container): Promise<readonly [code: number | null, millis: number]> => {
  const since = performance.now()
  process.kill(container.pid(), "SIGTERM")
  return [await container.exited, performance.now() - since]
}

/** The settings that the Compose file gives its Redis. */
const redisArgs = compose().services["redis"]!.command!.slice(1)

describe("the Compose file", () => {
  it("three nodes on its Redis: probes, calls, a restart of Redis, SIGTERM in order", async () => {
    const redisPort = await freePort()
    const services = Object.entries(compose().services).filter(([name]) => name.startsWith("node-"))
    expect(services.map(([name]) => name)).toEqual(["node-a", "node-b", "node-c"])
    const started = await Promise.all(services.map(([name, { environment }]) =>
      start({
        ...environment,
        POGO_RPC_ADVERTISE: "127.0.0.1",
        REDIS_URL: environment!["REDIS_URL"]!.replace("redis:6379", `127.0.0.1:${redisPort}`),
        CHECKS: environment!["CHECKS"]!.replaceAll(/node-\w:9090|prometheus:9090/g, "127.0.0.1:9")
      }).then((container) => [name, container] as const)
    ))
    const nodes = started.map(([, container]) => container)
    const [a, b, c] = nodes as [Container, Container, Container]

    // Without Redis: alive, not started, not ready.
    for (const node of nodes) {
      expect(await answered(() => probe(node, livenessProbe), isTrue)).toBe(true)
      expect(health(node)).toBe(0)
      expect([await probe(node, startupProbe), await probe(node, readinessProbe)]).toEqual([false, false])
    }

    const redis: RedisServer = await startRedis({ port: redisPort, args: redisArgs })
    try {
      for (
        const [name, value] of [["appendonly", "yes"], ["appendfsync", "everysec"], ["maxmemory-policy", "noeviction"]]
      ) {
        expect((await redis.cli("config", "get", name!)).split("\n")[1]).toBe(value)
      }
      for (const node of nodes) {
        expect(await answered(() => probe(node, readinessProbe), isTrue)).toBe(true)
        expect(await probe(node, startupProbe)).toBe(true)
      }

      // Each check runs once, and answers calls from a node that does not run it.
      const ids = compose().services["node-a"]!.environment!["CHECKS"]!.split(",").map((one) =>
        `Check/${one.split("=")[0]}`
      ).sort()
      const allRun = (found: ReadonlyArray<Row>) =>
        found.length === ids.length && found.every(({ last, state }) => state === "Running" && last === "unreachable")
      const before = await answered(() => rows(a), allRun)
      expect(before.map(({ id }) => id).sort()).toEqual(ids)
      expect(before.every(({ last }) => last === "unreachable")).toBe(true)

      // Redis restarts with its data: nothing that runs is touched, no probe says otherwise.
      await redis.restart()
      for (const node of nodes) expect(await probe(node, livenessProbe)).toBe(true)
      const after = await answered(() => rows(a), allRun)
      expect(after.map(({ id, node }) => `${id} ${node}`).sort()).toEqual(
        before.map(({ id, node }) => `${id} ${node}`).sort()
      )

      // Each has heard of it again: one that leaves without a registry says so in other words.
      for (const node of nodes) expect(await answered(() => probe(node, readinessProbe), isTrue)).toBe(true)
      // One leaves in order, within its grace period, and the others have its children.
      const grace = millisOf(compose().services["node-b"]!.stop_grace_period!)
      const [code, millis] = await terminate(b)
      expect(code).toBe(0)
      expect(millis).toBeLessThan(grace)
      expect(b.log()).toContain("left the scope")
      const moved = await answered(
        () => rows(c),
        (found) => allRun(found) && found.every(({ node }) => node !== "node-b")
      )
      expect(moved.map(({ node }) => node === "node-a" || node === "node-c")).toEqual(ids.map(() => true))

      for (const node of [a, c]) expect((await terminate(node))[0]).toBe(0)
      for (const node of nodes) expect(node.log()).not.toContain("there is no such setting")
    } finally {
      await redis.stop()
    }
  })
})

describe("the manifests", () => {
  it("a pod with the variables of the Deployment becomes ready, tells its names, and ends in order", async () => {
    const redis = await startRedis({ args: redisArgs })
    try {
      const [container] = podOf("deployment.yaml").containers
      const fields: Record<string, string> = {
        "metadata.name": "checks-7d9f-abcde",
        "spec.nodeName": "machine-1",
        // A cluster before 1.35: the label is not there.
        "metadata.labels['topology.kubernetes.io/zone']": "",
        "metadata.labels['pod-template-hash']": "7d9f",
        "status.podIP": "127.0.0.1"
      }
      const secrets: Record<string, string> = { "checks-redis/url": redis.url, "checks-rpc/secret": "0123456789abcdef" }
      const env: Record<string, string> = { ...manifests("deployment.yaml")[0]!.data }
      for (const { name, value, valueFrom } of container.env) {
        const { fieldRef, secretKeyRef } = valueFrom ?? {}
        const found = value ?? (fieldRef === undefined
          ? secrets[`${secretKeyRef!.name}/${secretKeyRef!.key}`]
          : fields[fieldRef.fieldPath])
        if (found === undefined) throw new Error(`the test does not know the value of ${name}`)
        env[name] = found.replaceAll(/\$\((\w+)\)/g, (_, other: string) => env[other]!)
      }
      // Nothing outside of this machine is asked.
      env["CHECKS"] = env["CHECKS"]!.replaceAll(/https:\/\/[^,]*/g, "http://127.0.0.1:9/")
      expect(env["POGO_LABELS"]).toBe("host=machine-1,zone=")
      const pod = await start(env)
      expect(await answered(() => probe(pod, startupProbe), isTrue)).toBe(true)
      expect(await probe(pod, readinessProbe)).toBe(true)
      const metrics = await (await get(`${pod.url}/metrics`)).text()
      expect(metrics).toMatch(/^pogo_nodes\{[^}]*node="checks-7d9f-abcde"/m)
      expect(metrics).toContain("scope=\"checks\"")
      const [code, millis] = await terminate(pod)
      expect(code).toBe(0)
      expect(millis).toBeLessThan(podOf("deployment.yaml").terminationGracePeriodSeconds * 1_000)
      expect(pod.log()).toContain("left the scope")
      expect(pod.log()).not.toContain("there is no such setting")
    } finally {
      await redis.stop()
    }
  })
})

describe("the systemd unit", () => {
  const verify = (path: string) => spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" }).stderr
  const present = spawnSync("systemd-analyze", ["--version"]).status === 0 && existsSync("/usr/bin/node")

  it.skipIf(!present)("is one that systemd understands", () => {
    expect(text("systemd/checks@.service")).toContain("ExecStart=")
    expect(verify(join(root, "deploy", "systemd", "checks@1.service"))).toBe("")
  })
})
