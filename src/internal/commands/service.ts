/**
 * The service that users see, put together from a node's commands, queries and loops.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { PogoEvent } from "../../PogoEvent.js"
import { drain, setCordon } from "../loops/shutdown.js"
import type { Node } from "../node/node.js"
import { shutDown } from "../node/registryRequest.js"
import { until } from "../runtime/environment.js"
import type { ChildCommands } from "./childCommands.js"
import { awaitRunning, countChildren, explain, listNodes, rowById, rows, watchRow } from "./queries.js"

/** Makes the service, save for what only this package sees of it. `Pogo.Service` says what each member promises. */
export const makeService = (node: Node, commands: ChildCommands, events: Stream.Stream<PogoEvent>) => ({
  name: node.config.name,
  scope: node.config.scope,
  startChild: commands.start,
  startChildren: commands.startAll,
  replaceChild: commands.replace,
  terminateChild: commands.terminate,
  restartChild: commands.restart,
  awaitChild: (id: string) => awaitRunning(node, id),
  watchChild: (id: string) => watchRow(node, id),
  getChild: (id: string) => Effect.sync(() => Option.fromNullable(rowById(node, id))),
  whichChildren: (of: "local" | "global") => rows(node, of),
  countChildren: countChildren(node),
  nodes: Effect.sync(() => listNodes(node)),
  events,
  drain: drain(node),
  cordon: setCordon(node, true),
  uncordon: setCordon(node, false),
  explain: (id: string) => Effect.sync(() => explain(node, id)),
  ready: Effect.sync(() => node.active),
  awaitReady: Effect.flatMap(
    until(node.onPhase, () => (node.active || node.phase === "closed" ? node.phase : undefined)),
    (phase) => (phase === "closed" ? Effect.fail(shutDown("awaitReady", false)) : Effect.void)
  )
})
