/**
 * The registry as it is seen through the nodes of a scope, for processes that run nothing (`Pogo.layerClient`) and can
 * reach some nodes, but not the registry itself. Whatever is asked for, one of the given nodes asks its own registry;
 * when it is lost, another is asked.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { GroupRegistry, makeEncoded, type Service } from "./GroupRegistry.js"
import { Contact } from "./internal/remote/failoverConnection.js"
import { RegistryClient } from "./internal/remote/registryClient.js"
import { describe } from "./internal/runtime/describe.js"
import { NodeTransport } from "./NodeTransport.js"
import { InvalidConfig } from "./PogoError.js"

/**
 * Options.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Addresses of nodes, as those of the transport look: `tcp://10.0.0.7:7600`, `wss://node-a.example.org/pogo`. One is
   * enough; with several, the loss of a node does no harm. `POGO_NODES`, separated by commas.
   */
  readonly nodes: string | ReadonlyArray<string>
  /** How this process is called in what nodes log. Default `client`. */
  readonly name?: string | undefined
}

const refuse = (value: string, rule: string): Effect.Effect<never, InvalidConfig> =>
  Effect.fail(
    new InvalidConfig({
      setting: "nodes",
      value,
      rule,
      remedy: "write them as nodes tell them, like tcp://10.0.0.7:7600; separated by commas in POGO_NODES"
    })
  )

const check = (
  { nodes }: Options,
  { problemOf }: NodeTransport["Type"]
): Effect.Effect<ReadonlyArray<string>, InvalidConfig> => {
  const given: unknown = typeof nodes === "string" ? nodes.split(",") : nodes
  if (!Array.isArray(given) || given.length === 0) return refuse(describe(nodes), "one or more addresses of nodes")
  const addresses: Array<string> = []
  for (const one of given as ReadonlyArray<unknown>) {
    if (typeof one !== "string") return refuse(describe(one), "texts")
    const address = one.trim()
    const problem = address === "" ? "an address is empty" : problemOf?.(address)
    if (problem !== undefined) return refuse(address, `addresses of nodes, and ${problem}`)
    addresses.push(address)
  }
  return Effect.succeed(addresses)
}

/** Not every client begins with the same node. */
const shuffled = (addresses: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(Random.shuffle(addresses), (chunk) => Array.from(chunk))

/**
 * Makes a registry of the nodes at some addresses. One connection to one of them, from the first use on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, InvalidConfig, NodeTransport | Scope.Scope> =>
  Effect.gen(function*() {
    const transport = yield* NodeTransport
    const addresses = yield* Effect.flatMap(check(options, transport), shuffled)
    const fork = yield* FiberSet.makeRuntime()
    const clients = new Map<string, RegistryClient>()
    const clientOf = (scope: string): RegistryClient => {
      let client = clients.get(scope)
      if (client === undefined) {
        const self = { scope, node: options.name ?? "client" }
        client = new RegistryClient(new Contact({ transport, self, addresses, fork }), addresses.length)
        clients.set(scope, client)
      }
      return client
    }
    return makeEncoded({
      description: `nodes ${addresses.join(", ")}`,
      execute: (name, envelope, args) => clientOf(envelope.scope).execute(name, envelope, args),
      onWake: (scope, listener) => clientOf(scope).onWake(listener)
    })
  })

/**
 * The registry through nodes, with its options in code.
 *
 * @example
 * ```ts
 * import { GroupRegistryNode, Pogo } from "effect-pogo"
 * import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
 * import { Effect, Layer } from "effect"
 *
 * const ClientLive = Pogo.layerClient({ scope: "shop" }).pipe(
 *   Layer.provide(GroupRegistryNode.layer({ nodes: ["tcp://10.0.0.7:7600", "tcp://10.0.0.8:7600"] })),
 *   Layer.provide(NodeTransportSocket.layer({ secret: "what the nodes know too" }))
 * )
 * const list = Pogo.whichChildren("global").pipe(Effect.provide(ClientLive))
 * list satisfies Effect.Effect<unknown, unknown>
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<GroupRegistry, InvalidConfig, NodeTransport> =>
  Layer.scoped(GroupRegistry, make(options))

/**
 * The registry through the nodes that `POGO_NODES` names.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<GroupRegistry, InvalidConfig | ConfigError.ConfigError, NodeTransport> = Layer
  .unwrapEffect(Effect.map(Config.array(Config.string(), "POGO_NODES"), (nodes) => layer({ nodes })))
