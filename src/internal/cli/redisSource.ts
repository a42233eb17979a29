/**
 * A scope in a Redis: this process becomes a client of it for as long as the command takes.
 *
 * @internal
 */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as os from "node:os"
import * as GroupRegistryRedis from "../../GroupRegistryRedis.js"
import * as Pogo from "../../Pogo.js"
import type * as PogoConfig from "../../PogoConfig.js"
import type { InvalidConfig } from "../../PogoError.js"
import { isOfNoNode } from "../commands/placementPlans.js"
import { actions } from "../console/answers.js"
import { makeConsole } from "../console/console.js"
import { resolve } from "../redis/redisOptions.js"
import { keysOf } from "../redis/scripts.js"
import { isName } from "../runtime/userInput.js"
import { scopesOf } from "./doctorGather.js"
import { NotFound, Usage } from "./failures.js"
import type { RedisPlace } from "./place.js"
import { some } from "./quantities.js"
import { openRaw } from "./rawRedis.js"
import type { ScopeSource, SourceFailure } from "./source.js"

/** The timings of a scope: a client needs the same, and a process that only looks has no settings. Milliseconds. */
const timingsOf = ({ options, prefix, scope }: RedisPlace) =>
  Effect.scoped(Effect.gen(function*() {
    const redis = yield* openRaw(yield* resolve(options))
    const reply = yield* redis.ask("HMGET", keysOf(prefix, scope)[0]!, "ttl", "maxStep")
    const [ttl = 0, maxStep = 0] = Array.isArray(reply) ? reply.map(Number) : []
    if (ttl > 0 && maxStep > 0) return { ttl, maxStep }
    const others = yield* Effect.orElseSucceed(scopesOf(redis, prefix), () => [])
    const there = others.length === 0
      ? "there is none yet: start a node, or correct --redis and --prefix"
      : `there are ${some(others, 8)}: give one of them with --scope`
    return yield* new NotFound({ sentence: `there is no scope "${scope}" on ${redis.description}; ${there}` })
  }))

/** Settings of a client that fit the timings of a scope: all that depends on them is scaled, or kept below. */
const settingsOf = ({ maxStep, ttl }: { readonly ttl: number; readonly maxStep: number }): PogoConfig.Options => {
  const beat = Math.min(ttl * 2 / 15, maxStep * 0.8)
  return { ttl, maxStep, heartbeat: beat, commandTimeout: beat, joinTimeout: "10 seconds" }
}

/** Who sits here: `user@host`. */
const operator = (): string => {
  const user = Option.liftThrowable(() => os.userInfo().username)()
  const name = `${Option.getOrElse(user, () => "operator")}@${os.hostname()}`
  return isName(name) ? name : "operator"
}

/** Becomes a client of the scope, which must be there. */
export const connect = (place: RedisPlace): Effect.Effect<Pogo.Service, SourceFailure, Scope.Scope> =>
  Effect.gen(function*() {
    const timings = yield* timingsOf(place)
    const client = Pogo.layerClient({ ...settingsOf(timings), scope: place.scope, name: operator() }).pipe(
      Layer.provide(GroupRegistryRedis.layer(place.options)),
      // The settings of a node that this environment may hold are not meant for a client.
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map())))
    )
    const pogo = Context.get(yield* Layer.build(client), Pogo.Pogo)
    yield* pogo.awaitReady
    return pogo
  })

/** Why there is no plan: mostly for a node that is not there. */
const unplanned = (failure: InvalidConfig): NotFound | Usage =>
  isOfNoNode(failure)
    ? new NotFound({ sentence: `no live node is called ${failure.value}; \`effect-pogo nodes\` lists them` })
    : new Usage({ sentence: failure.message })

/** The scope as a client of it sees it. */
export const openRedis = (place: RedisPlace): Effect.Effect<ScopeSource, SourceFailure, Scope.Scope> =>
  Effect.gen(function*() {
    const pogo = yield* connect(place)
    const own = yield* makeConsole(pogo, { actions, payload: true, state: true })
    return {
      scope: place.scope,
      by: pogo.name,
      console: { ...own, plan: (change) => Effect.mapError(own.plan(change), unplanned) },
      history: pogo.history,
      happenings: pogo.scopeEvents,
      start: (spec, reason) => pogo.startChild(spec, { by: pogo.name, reason }),
      replace: (spec, reason) => pogo.replaceChild(spec, { by: pogo.name, reason }),
      onlyPlans: undefined,
      reconcile: (kind, specs, options) => pogo.reconcile({ kind }, specs, options)
    }
  })
