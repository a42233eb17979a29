/**
 * The files of `deploy/`, read as those read them for whom they are.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parse, parseAllDocuments } from "yaml"

export const root = fileURLToPath(new URL("../..", import.meta.url))

export const folder = join(root, "deploy")

/** Text of a file of the folder. */
export const text = (path: string): string => readFileSync(join(folder, path), "utf8")

/** All files of the folder, by their paths in it. */
export const files: ReadonlyArray<string> = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((
  one
) => one.isFile()).map((one) => join(one.parentPath, one.name).slice(folder.length + 1)).sort()

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
  readonly periodSeconds: number
  readonly failureThreshold: number
}

export interface EnvEntry {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string }
    readonly secretKeyRef?: { readonly name: string; readonly key: string }
  }
}

interface Container {
  readonly ports: ReadonlyArray<{ readonly name: string; readonly containerPort: number }>
  readonly env: ReadonlyArray<EnvEntry>
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly resources: { readonly limits: object; readonly requests: object }
  readonly securityContext: object
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: object
  readonly topologySpreadConstraints: ReadonlyArray<object>
  readonly containers: readonly [Container]
}

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: { readonly template?: { readonly spec: PodSpec } }
}

/** The objects of one file of `kubernetes/`. */
export const manifests = (file: string): ReadonlyArray<Manifest> =>
  parseAllDocuments(text(`kubernetes/${file}`)).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!
    return document.toJS() as Manifest
  })

/** What a file's Deployment or StatefulSet starts. */
export const podOf = (file: string): PodSpec =>
  manifests(file).flatMap(({ spec }) => spec?.template === undefined ? [] : [spec.template.spec])[0]!

export interface Service {
  readonly build?: string
  readonly image?: string
  readonly command?: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  readonly stop_grace_period?: string
  readonly ports?: ReadonlyArray<string>
  readonly volumes?: ReadonlyArray<string>
  readonly healthcheck?: { readonly test: ReadonlyArray<string> }
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

/** The file of Compose, with `${NAME:-default}` replaced by its default, as with an empty environment. */
export const compose = (): Compose =>
  parse(text("compose/docker-compose.yml").replace(/\$\{\w+:-([^}]*)\}/g, "$1"), { merge: true }) as Compose

/** The last stage of the Dockerfile: its instructions in order, with lines that go on joined. */
export const dockerfile = (): ReadonlyArray<readonly [name: string, argument: string]> => {
  const lines = text("app/Dockerfile").replaceAll(/^\s*#.*\n/gm, "").replaceAll("\\\n", " ").split("\n")
  const all = lines.filter((line) => line.trim() !== "").map((line) => {
    const [, name = "", argument = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    return [name, argument] as const
  })
  return all.slice(all.findLastIndex(([name]) => name === "FROM"))
}

/** The argument of an instruction that the last stage has once. */
export const instruction = (name: string): string => {
  const found = dockerfile().filter(([one]) => one === name)
  if (found.length !== 1) throw new Error(`the Dockerfile has ${found.length} times ${name}`)
  return found[0]![1]
}

/** Variables that the image sets. */
export const imageEnv = (): Record<string, string> =>
  Object.fromEntries(
    dockerfile().filter(([name]) => name === "ENV").flatMap(([, argument]) =>
      argument.split(/\s+/).map((pair) => pair.split("=", 2) as [string, string])
    )
  )

/** What a list of arguments in the Dockerfile says. */
export const argumentList = (argument: string): ReadonlyArray<string> => JSON.parse(argument) as ReadonlyArray<string>

/** `40s` in milliseconds. */
export const millisOf = (duration: string): number => {
  const [, count, unit] = /^(\d+)(s|m)$/.exec(duration) ?? []
  if (count === undefined) throw new Error(`no duration: ${duration}`)
  return Number(count) * (unit === "s" ? 1_000 : 60_000)
}
