/**
 * Calls from node to node: answering them, and making them.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ChildRow, Explanation } from "../../ChildInfo.js"
import type { RemoteNode } from "../../NodeRpc.js"
import type { Service } from "../../Pogo.js"
import { CallTimeout, NodeUnreachable } from "../../PogoError.js"
import type { Outgoing, Peers } from "../calls/client/peerPool.js"
import type { AnyEffect } from "../calls/server/invocation.js"
import { type Message, op, readRefusal } from "../calls/wire/message.js"
import type { Procedure } from "../calls/wire/procedure.js"
import type { Node } from "../node/node.js"
import { type NodeProcedure, nodeProcedures } from "./nodeProcedures.js"
import { makeRegistryServer } from "./registryServer.js"

/** How long a node may take to answer. A drain may take long. Milliseconds. */
const timeouts = { usual: 5_000, drain: 600_000 }

/** What answers a procedure. */
export interface NodeHandler {
  readonly procedure: Procedure
  readonly handle: (payload: unknown) => AnyEffect
}

type Asked = Pick<Service, "whichChildren" | "explain" | "drain" | "cordon" | "uncordon" | "ready">

/** @internal */
export class NodeCalls {
  /** What others may ask for. */
  private handlers: { readonly [name in NodeProcedure]: (payload: never) => Effect.Effect<unknown> } | undefined

  private readonly registry: ReadonlyMap<string, NodeHandler>

  constructor(private readonly node: Node) {
    this.registry = makeRegistryServer(node)
  }

  /** Answers by this service. */
  answerBy(service: Asked): void {
    this.handlers = {
      whichChildren: (of: "local" | "global") => service.whichChildren(of),
      explain: (id: string) => service.explain(id),
      drain: () => service.drain,
      cordon: () => service.cordon,
      uncordon: () => service.uncordon,
      ready: () => service.ready
    }
  }

  find(tag: string): NodeHandler | undefined {
    const registry = this.registry.get(tag)
    if (registry !== undefined) return registry
    if (this.handlers === undefined || !Object.hasOwn(nodeProcedures, tag)) return undefined
    const name = tag as NodeProcedure
    return { procedure: nodeProcedures[name], handle: this.handlers[name] as unknown as NodeHandler["handle"] }
  }

  /** A node by its name. */
  remote(peers: Peers | undefined, name: string): RemoteNode {
    const ask = <A>(what: NodeProcedure, payload?: unknown): Effect.Effect<A, NodeUnreachable | CallTimeout> =>
      name === this.node.config.name
        ? Effect.suspend(() => this.handlers![what](payload as never)) as Effect.Effect<A>
        : askNode(this.node, peers, name, what, payload) as Effect.Effect<A, NodeUnreachable | CallTimeout>
    return {
      name,
      whichChildren: (of) => ask<ReadonlyArray<ChildRow>>("whichChildren", of),
      explain: (id) => ask<Explanation>("explain", id),
      drain: ask<number>("drain"),
      cordon: ask<void>("cordon"),
      uncordon: ask<void>("uncordon"),
      ready: ask<boolean>("ready")
    }
  }
}

const askNode = (
  node: Node,
  peers: Peers | undefined,
  name: string,
  what: NodeProcedure,
  payload: unknown
): Effect.Effect<unknown, NodeUnreachable | CallTimeout> =>
  Effect.gen(function*() {
    const fail = (reason: string, mayHaveRun = false) =>
      Effect.fail(new NodeUnreachable({ node: name, reason, mayHaveRun }))
    // Of several sessions of one name, the youngest.
    const member = node.view.membership.list.filter((member) => member.name === name)
      .reduce<{ readonly opened: number; readonly address: string } | undefined>(
        (young, member) => (young === undefined || member.opened > young.opened ? member : young),
        undefined
      )
    if (member === undefined) return yield* fail("no live node of the scope has this name")
    if (peers === undefined) {
      return yield* fail("this process has no NodeTransport; provide one to the supervisor's layer")
    }
    if (member.address === "") return yield* fail("it advertises no address: it has no NodeTransport")
    const timeout = what === "drain" ? timeouts.drain : timeouts.usual
    const procedure = nodeProcedures[what]
    const encoded = yield* Effect.orDie(procedure.encodePayload(payload))
    return yield* exchange(peers, member.address, name, procedure, encoded, timeout).pipe(
      Effect.timeoutFail({
        duration: timeout,
        onTimeout: () => new CallTimeout({ id: name, rpc: what, timeout, mayHaveRun: true })
      })
    )
  })

const exchange = (
  peers: Peers,
  address: string,
  name: string,
  procedure: Procedure,
  payload: unknown,
  timeout: number
): Effect.Effect<unknown, NodeUnreachable> =>
  Effect.async((resume) => {
    const fail = (reason: string, mayHaveRun: boolean) =>
      resume(Effect.fail(new NodeUnreachable({ node: name, reason, mayHaveRun })))
    const message = (message: Message) => {
      if (message[0] === op.ok) return resume(Effect.orDie(procedure.decodeSuccess(message[2])))
      const why = message[0] === op.refuse ? readRefusal(message).detail : "it failed there"
      fail(why, message[0] !== op.refuse)
    }
    const outgoing: Outgoing = {
      n: 0,
      frame: (n) => [op.call, n, "", 0, procedure.tag, payload, timeout],
      message,
      lost: fail,
      unsendable: (error) => resume(Effect.die(error)),
      tooLarge: (size, limit) => fail(`a message of ${size} bytes is above the limit of ${limit}`, false)
    }
    peers.send(address, outgoing)
    return Effect.sync(() => peers.cancel(address, outgoing))
  })
