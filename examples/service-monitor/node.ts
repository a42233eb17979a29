/**
 * One node of the service monitor, as a process of its own: what each replica of such an application runs. Start as many
 * as you like; they share the monitors.
 *
 *     REDIS_URL=redis://127.0.0.1:6379 JOURNAL=journal.txt npx tsx examples/service-monitor/node.ts
 *
 * The supervisor's own settings are variables too, such as POGO_NODE_NAME and POGO_TTL. On SIGTERM and SIGINT the node
 * hands its monitors over, and ends.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer } from "effect"
import { PogoLive } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import * as Journal from "./Journal.js"
import { ServiceMonitorLive } from "./ServiceMonitor.js"

const JournalLive = Layer.unwrapEffect(Effect.map(Config.string("JOURNAL"), Journal.layerFile))

const AppLive = ServiceMonitorLive.pipe(
  Layer.provide(PogoLive),
  Layer.provide(NodeTransportSocket.layerConfig()),
  Layer.provide(GroupRegistryRedis.layerConfig({ url: Config.redacted("REDIS_URL") })),
  Layer.provide(JournalLive)
)

NodeRuntime.runMain(Layer.launch(AppLive))
