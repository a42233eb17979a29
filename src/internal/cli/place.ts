/**
 * Where a command finds its scope: in a Redis, or through the HTTP interface of a process that is part of it.
 *
 * @internal
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { RedisOptions } from "../redis/redisOptions.js"
import { optionalText } from "../runtime/userInput.js"
import { Usage } from "./failures.js"

/** What the command line says of the place. */
export interface GivenPlace {
  readonly redis: Option.Option<string>
  readonly http: Option.Option<string>
  readonly scope: Option.Option<string>
  readonly prefix: Option.Option<string>
}

/** A Redis, and the scope in it. */
export interface RedisPlace {
  readonly _tag: "Redis"
  readonly options: RedisOptions
  readonly prefix: string
  readonly scope: string
}

/** A process that serves the HTTP interface. */
export interface HttpPlace {
  readonly _tag: "Http"
  readonly url: string
  readonly token: Redacted.Redacted | undefined
}

/** The place as the environment tells it. */
const environment = Config.all({
  redis: optionalText("POGO_REDIS_URL"),
  prefix: optionalText("POGO_REDIS_PREFIX"),
  scope: optionalText("POGO_SCOPE"),
  http: optionalText("POGO_HTTP_URL"),
  token: optionalText("POGO_HTTP_TOKEN")
})

const several = /^(rediss?)\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^/?#]+)(?:\/([^/]+))?(?:\/(\d+))?$/

const addresses = (hosts: string): ReadonlyArray<{ readonly host: string; readonly port?: number }> =>
  hosts.split(",").map((one) => {
    const [, host = one, port] = /^(.*):(\d+)$/.exec(one) ?? []
    return port === undefined ? { host } : { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) }
  })

const decoded = (text: string | undefined): string | undefined =>
  text === undefined || text === "" ? undefined : decodeURIComponent(text)

/** Options from an address: a URL as `GroupRegistryRedis` takes it, or one of Sentinels or of a cluster. */
export const optionsOf = (url: string): RedisOptions => {
  const parts = several.exec(url)
  if (parts === null) return { url: Redacted.make(url) }
  const [, scheme, kind, credentials = "", hosts = "", name = "", db] = parts
  const [username, password] = credentials.split(":")
  const common = {
    tls: scheme === "rediss",
    username: decoded(username),
    password: password === undefined ? undefined : Redacted.make(decoded(password) ?? "")
  }
  return kind === "cluster"
    ? { ...common, cluster: { nodes: addresses(hosts) } }
    : { ...common, db: Number(db ?? 0), sentinels: { name, hosts: addresses(hosts) } }
}

const nowhere = new Usage({
  sentence: "where is the scope? Give --redis redis://host:6379, or --http http://host:port of a process that serves " +
    "PogoHttp, or set POGO_REDIS_URL or POGO_HTTP_URL"
})

const twice = new Usage({ sentence: "--redis and --http are given together: keep the one that you mean" })

/** The place that is meant. The command line stands before the environment. */
export const placeOf = (given: GivenPlace) =>
  Effect.gen(function*() {
    const { http, prefix, redis, scope, token } = yield* environment
    if (Option.isSome(given.redis) && Option.isSome(given.http)) return yield* twice
    const byHttp = Option.isSome(given.http) || (Option.isNone(given.redis) && redis === undefined)
    const url = Option.getOrUndefined(given.http) ?? http
    if (byHttp && url !== undefined) {
      return {
        _tag: "Http",
        url: url.replace(/\/+$/, ""),
        token: token === undefined ? undefined : Redacted.make(token)
      } as const satisfies HttpPlace
    }
    const address = Option.getOrUndefined(given.redis) ?? redis
    if (address === undefined) return yield* nowhere
    const keyPrefix = Option.getOrUndefined(given.prefix) ?? prefix ?? ""
    return {
      _tag: "Redis",
      options: { ...optionsOf(address), keyPrefix, connectionName: "effect-pogo-cli", commandTimeout: "5 seconds" },
      prefix: keyPrefix,
      scope: Option.getOrUndefined(given.scope) ?? scope ?? "default"
    } as const satisfies RedisPlace
  })
