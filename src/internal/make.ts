/**
 * Puts a supervisor together: a node, its loops, and the service that users see.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { GroupRegistry } from "../GroupRegistry.js"
import { Placement } from "../Placement.js"
import type { Resolved } from "../PogoConfig.js"
import type { PogoError } from "../PogoError.js"
import type { PogoEvent } from "../PogoEvent.js"
import { makeRouter } from "./calls/makeCalls.js"
import { ChildCommands } from "./commands/childCommands.js"
import { encodeInitial, ensureInitialOnce } from "./commands/initialChildren.js"
import { NodeCommands } from "./commands/nodeCommands.js"
import { makeService } from "./commands/service.js"
import { Internals } from "./internals.js"
import { listen } from "./loops/changeFeed.js"
import { clientLife } from "./loops/clientLifecycle.js"
import { alarm } from "./loops/heartbeat.js"
import type { Fatal } from "./loops/join.js"
import { keepAlive, lifecycle } from "./loops/lifecycle.js"
import { closeNode, crash, register } from "./loops/shutdown.js"
import { Node, type Parts } from "./node/node.js"
import { unavailable } from "./node/registryRequest.js"
import { makeAmbient, until } from "./runtime/environment.js"
import { Processes } from "./runtime/processTable.js"
import { Observer } from "./supervisor/supervisor.js"

/** How many events a slow subscriber may lag behind. */
const eventBuffer = 4_096

interface Events {
  readonly emit: Parts["emit"]
  readonly stream: Stream.Stream<PogoEvent>
}

/** Events are made only while somebody listens. */
const makeEvents: Effect.Effect<Events, never, Scope.Scope> = Effect.gen(function*() {
  const hub = yield* Effect.acquireRelease(PubSub.sliding<PogoEvent>(eventBuffer), PubSub.shutdown)
  let listeners = 0
  const subscribe = Effect.acquireRelease(
    Effect.sync(() => listeners++),
    () => Effect.sync(() => listeners--)
  ).pipe(Effect.zipRight(PubSub.subscribe(hub)))
  return {
    emit: (event) => {
      if (listeners > 0) hub.unsafeOffer(event())
    },
    stream: Stream.unwrapScoped(Effect.map(subscribe, (queue) => Stream.fromQueue(queue)))
  }
})

const exitProcess: Parts["exitProcess"] = (child) => {
  process.stderr.write(
    `effect-pogo: child ${child.id} does not end, and its kind asks for the process to end instead (onOverdue: "exit")\n`
  )
  process.exit(70)
}

const makeNode = (
  config: Resolved,
  events: Events,
  client: boolean
): Effect.Effect<Node, never, GroupRegistry | Scope.Scope> =>
  Effect.gen(function*() {
    const ambient = yield* makeAmbient
    const fibers = yield* FiberSet.make()
    const runFork = yield* FiberSet.runtime(fibers)()
    const { score } = yield* Placement
    return new Node({
      config,
      ambient,
      registry: yield* GroupRegistry,
      score,
      random: (yield* ambient.randomId).slice(0, 16),
      fork: (effect) => runFork(effect),
      emit: events.emit,
      exitProcess,
      observer: yield* Observer,
      processes: yield* Processes,
      client
    })
  })

/** Waits until the node has joined, for as long as the settings say. */
const awaitJoined = (node: Node, failed: Deferred.Deferred<never, Fatal>): Effect.Effect<void, PogoError> => {
  const { joinTimeout } = node.config
  if (joinTimeout === 0) return Effect.void
  const problem = () =>
    unavailable(
      "join",
      "Joining",
      `no session within ${joinTimeout} ms (joinTimeout) on ${node.registry.description}: ` +
        (node.joinProblem === "" ? "is it reachable from here?" : node.joinProblem),
      false
    )
  return until(node.onPhase, () => (node.phase === "active" ? true : undefined)).pipe(
    Effect.timeoutFail({ duration: joinTimeout, onTimeout: problem }),
    Effect.raceFirst(Deferred.await(failed)),
    Effect.asVoid
  )
}

/** Makes a supervisor. `client`: it runs no children, and is no member of the scope. */
export const makePogo = (config: Resolved, client = false) =>
  Effect.gen(function*() {
    const initial = yield* encodeInitial(config.children)
    const events = yield* makeEvents
    const node = yield* makeNode(config, events, client)
    const id = (yield* node.ambient.randomId).slice(0, 16)
    const commands = new ChildCommands(node, id)
    const directives = new NodeCommands(node, id)
    // Before the node's own finalizer: its children may be called until they have ended.
    const router = yield* makeRouter(node)
    const failed = yield* Deferred.make<never, Fatal>()
    yield* Effect.forkScoped(listen(node))
    yield* Effect.forkScoped(keepAlive(node, "alarm", alarm(node)))
    const run = client ? clientLife : lifecycle
    const whenActive = ensureInitialOnce(node, commands, initial)
    const life = yield* Effect.forkScoped(run(node, whenActive, (error) => Deferred.fail(failed, error)))
    yield* Effect.addFinalizer(() => closeNode(node, life))
    yield* awaitJoined(node, failed)
    const internals: Internals = { register: register(node), crash: crash(node, life), router, node }
    return { ...makeService(node, commands, directives, events.stream), [Internals]: internals }
  }).pipe(Effect.annotateLogs({ scope: config.scope, node: config.name }))
