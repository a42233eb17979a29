/**
 * The manifests are what Kubernetes takes: by its own schemas (kubernetes-models), which let unknown fields pass, and by
 * the types that are made from the same schemas, which do not. And they say what the supervisor needs.
 */
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Either } from "effect"
import { PogoConfig } from "effect-pogo"
import { Deployment } from "kubernetes-models/apps/v1/Deployment"
import { StatefulSet } from "kubernetes-models/apps/v1/StatefulSet"
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy"
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget"
import { ConfigMap } from "kubernetes-models/v1/ConfigMap"
import { Service } from "kubernetes-models/v1/Service"
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bin } from "../../.ci/lib.mjs"
import type { ProbeName } from "../../src/internal/http/probes.js"
import {
  argumentList,
  compose,
  type EnvEntry,
  files,
  imageEnv,
  instruction,
  type Manifest,
  manifests,
  millisOf,
  podOf,
  root,
  text
} from "./support.js"

interface Model {
  new(data: never): { readonly validate: () => void }
}

const models: Readonly<Record<string, Model>> = {
  ConfigMap,
  Deployment,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  StatefulSet
}

const all = ["deployment.yaml", "network-policy.yaml", "statefulset.yaml"]

/** Why Kubernetes would refuse an object, if it would. */
const refusal = (manifest: Manifest): string | undefined => {
  try {
    const Kind = models[manifest.kind]!
    new Kind(manifest as never).validate()
    return undefined
  } catch (error) {
    return String(error)
  }
}

/** What the compiler says of objects as values of their types: of a field that no type has, too. */
const typeProblems = (objects: ReadonlyArray<Manifest>): string => {
  const cache = join(root, "node_modules", ".cache")
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, "manifests-"))
  try {
    const lines = objects.map((object, i) => {
      const path = `kubernetes-models/${object.apiVersion}/${object.kind}`
      return `import type { I${object.kind} as T${i} } from "${path}"\nexport const o${i}: T${i} = ${
        JSON.stringify(object)
      }\n`
    })
    writeFileSync(join(folder, "objects.ts"), lines.join(""))
    const options = [
      "--ignoreConfig",
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--pretty",
      "false",
      "--types",
      "",
      "--module",
      "esnext"
    ]
    const args = [bin("typescript", "tsc"), ...options, "--moduleResolution", "bundler", "objects.ts"]
    execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" })
    return ""
  } catch (error) {
    return (error as { readonly stdout?: string }).stdout ?? String(error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const plain = (env: ReadonlyArray<EnvEntry>): ReadonlyMap<string, string> =>
  new Map(env.flatMap(({ name, value }) => value === undefined ? [] : [[name, value]]))

/** Milliseconds that a supervisor with these variables takes at most to leave: its drain, and three commands. */
const leaveWithin = (env: ReadonlyMap<string, string>): number => {
  const options = Effect.runSync(Effect.withConfigProvider(PogoConfig.config, ConfigProvider.fromMap(new Map(env))))
  const { drainTimeout, timing } = Either.getOrThrow(PogoConfig.resolve(options))
  return drainTimeout + 3 * timing.commandTimeout
}

describe("manifests of Kubernetes", () => {
  it("are all looked at", () => {
    expect(files.filter((file) => file.startsWith("kubernetes/"))).toEqual(all.map((file) => `kubernetes/${file}`))
  })

  it.each(all)("%s fits the schemas", (file) => {
    for (const manifest of manifests(file)) expect(refusal(manifest)).toBeUndefined()
  })

  it("have no field that Kubernetes does not know, nor one of another type", () => {
    expect(typeProblems(all.flatMap(manifests))).toBe("")
  })

  it("would be refused with a slip in a name, a type, or a value", () => {
    const [, deployment] = manifests("deployment.yaml")
    const slip = (from: string, to: string): Manifest => {
      const json = JSON.stringify(deployment)
      expect(json).toContain(from)
      return JSON.parse(json.replace(from, to)) as Manifest
    }
    expect(refusal(slip("\"containerPort\":9090", "\"containerPort\":\"http\""))).toContain(
      "containerPort must be integer"
    )
    expect(typeProblems([slip("terminationGracePeriodSeconds", "terminationGracePeriodSecond")])).toContain(
      "terminationGracePeriodSecond"
    )
  })

  it("of both kinds start the same pod", () => {
    const [deployed, stateful] = ["deployment.yaml", "statefulset.yaml"].map((file) =>
      // The hash of a pod's template has another name in each.
      JSON.stringify(podOf(file)).replaceAll(/"matchLabelKeys":\["[^"]*"\]|\w+(?:-\w+)?-hash/g, "")
    )
    expect(stateful).toBe(deployed)
    const [one, other] = ["deployment.yaml", "statefulset.yaml"].map((file) => manifests(file)[0])
    expect(other).toEqual(one)
  })
})

describe("what the supervisor needs", () => {
  const pod = podOf("deployment.yaml")
  const [container] = pod.containers

  it("each grace period is longer than a node takes to leave, with some seconds for the rest", () => {
    const least = leaveWithin(plain(container.env)) + 5_000
    expect(leaveWithin(new Map([["POGO_DRAIN_TIMEOUT", "60s"]]))).toBe(66_000)
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThanOrEqual(least)
    for (const service of Object.values(compose().services)) {
      if (service.build !== undefined) expect(millisOf(service.stop_grace_period!)).toBeGreaterThanOrEqual(least)
    }
    const unit = /^TimeoutStopSec=(\d+)$/m.exec(text("systemd/checks@.service"))![1]
    expect(Number(unit) * 1_000).toBeGreaterThanOrEqual(least)
  })

  it("each probe asks what there is, at the port that the image listens on", () => {
    const known: Record<ProbeName, number> = { livez: 0, readyz: 0, startupz: 0, metrics: 0 }
    const asked = {
      livez: container.livenessProbe,
      readyz: container.readinessProbe,
      startupz: container.startupProbe
    }
    const ports = new Map(container.ports.map(({ containerPort, name }) => [name, containerPort]))
    for (const [name, { httpGet }] of Object.entries(asked)) {
      expect(name in known).toBe(true)
      expect(httpGet).toEqual({ path: `/${name}`, port: "http" })
    }
    const { POGO_RPC_PORT, PORT } = imageEnv()
    expect([ports.get("http"), ports.get("rpc")]).toEqual([Number(PORT), Number(POGO_RPC_PORT)])
    expect(instruction("EXPOSE")).toBe(`${PORT} ${POGO_RPC_PORT}`)
  })

  it("a registry that is away kills no pod: not by liveness, and not by the start for an hour", () => {
    expect(container.livenessProbe.httpGet.path).toBe("/livez")
    const { failureThreshold, periodSeconds } = container.startupProbe
    expect(failureThreshold * periodSeconds).toBeGreaterThanOrEqual(3_600)
  })

  it("no limit of CPU, nothing writable, no rights", () => {
    expect(Object.keys(container.resources.limits)).toEqual(["memory"])
    expect(Object.keys(container.resources.requests)).toEqual(["cpu", "memory"])
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1_000 })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] }
    })
    expect(text("systemd/checks@.service")).not.toMatch(/^CPUQuota=/m)
    expect(JSON.stringify(compose())).not.toMatch(/"cpus"|cpu_quota/)
  })

  it("the image runs node as its first process, as a user that is not root, and asks itself whether it lives", () => {
    const [program, ...args] = argumentList(instruction("CMD"))
    expect([program, args.at(-1)]).toEqual(["node", "dist/main.js"])
    expect(instruction("USER")).toBe("1000:1000")
    const [, health] = /CMD (.*)$/.exec(instruction("HEALTHCHECK"))!
    expect(argumentList(health!).slice(0, 2)).toEqual(["node", "-e"])
    expect(/^ExecStart=\/usr\/bin\/(.*)$/m.exec(text("systemd/checks@.service"))![1]).toBe([program, ...args].join(" "))
  })

  it("Redis of the Compose file keeps its data, and evicts nothing", () => {
    const { command } = compose().services["redis"]!
    expect(command!.join(" ")).toBe(
      "redis-server --appendonly yes --appendfsync everysec --save  --maxmemory 256mb --maxmemory-policy noeviction"
    )
  })

  it("the Compose file names files and services that there are", () => {
    const { services, volumes } = compose()
    for (const { volumes: mounted = [], build } of Object.values(services)) {
      for (const mount of mounted) {
        const [source] = mount.split(":") as [string]
        if (source.startsWith("../")) {
          const path = source.slice(3)
          expect(files.some((file) => file === path || file.startsWith(`${path}/`)), source).toBe(true)
        } else expect(Object.keys(volumes)).toContain(source)
      }
      if (build !== undefined) expect(files).toContain(`${build.slice(3)}/Dockerfile`)
    }
    const targets = [...text("prometheus/prometheus.yml").matchAll(/(node-\w):9090/g)].map(([, name]) => name)
    expect(targets).toEqual(Object.keys(services).filter((name) => name.startsWith("node-")))
  })
})
