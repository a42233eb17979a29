/**
 * The registry of the tests' processes: as the environment says, and with a trap that a test may set between a command
 * and its answer.
 */
import { Config, Effect, Layer } from "effect"
import { GroupRegistry } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import { Redis } from "ioredis"

/** What happens before or after the next command of a name: the process dies, or all data of the server is lost. */
export interface Trap {
  readonly on: GroupRegistry.CommandName
  readonly when: "before" | "after"
  readonly action: "die" | "flush"
}

let trap: Trap | undefined

export const setTrap = (next: Trap): void => {
  trap = next
}

const flushUrl = process.env["TEST_FLUSH_URL"] ?? process.env["TEST_REDIS_URL"]!

const spring = (action: Trap["action"]): Effect.Effect<void> =>
  Effect.promise(async () => {
    trap = undefined
    if (action === "die") {
      process.kill(process.pid, "SIGKILL")
      await new Promise(() => {})
    }
    const redis = new Redis(flushUrl)
    await redis.flushall()
    redis.disconnect()
  })

const trapped = (registry: GroupRegistry.Service): GroupRegistry.Service =>
  GroupRegistry.makeEncoded({
    description: registry.description,
    onWake: registry.onWake,
    execute: (name, envelope, args) =>
      Effect.gen(function*() {
        const set = trap?.on === name ? trap : undefined
        if (set?.when === "before") yield* spring(set.action)
        const reply = yield* registry.execute(name, envelope, args)
        if (set?.when === "after") yield* spring(set.action)
        return reply
      })
  })

const ports = (list: string | undefined) =>
  (list ?? "").split(",").filter(Boolean).map((port) => ({ host: "127.0.0.1", port: Number(port) }))

const sentinels = ports(process.env["TEST_SENTINELS"])
const cluster = ports(process.env["TEST_CLUSTER"])

const place = sentinels.length > 0
  ? { sentinels: Config.succeed({ name: "main", hosts: sentinels }) }
  : cluster.length > 0
  ? { cluster: Config.succeed({ nodes: cluster }) }
  : { url: Config.redacted("TEST_REDIS_URL") }

const base = GroupRegistryRedis.layerConfig({
  ...place,
  onEmpty: Config.literal("trust", "settle")("TEST_ON_EMPTY"),
  commandTimeout: Config.withDefault(Config.duration("TEST_COMMAND_TIMEOUT"), "2 seconds"),
  connectTimeout: Config.withDefault(Config.duration("TEST_COMMAND_TIMEOUT"), "3 seconds")
})

export const registryLive = Layer.effect(
  GroupRegistry.GroupRegistry,
  Effect.map(GroupRegistry.GroupRegistry, trapped)
).pipe(Layer.provide(base))
