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
import * as ChildSpec from "../ChildSpec.js"
import { GroupRegistry } from "../GroupRegistry.js"
import { Placement } from "../Placement.js"
import type { Service } from "../Pogo.js"
import type { Resolved } from "../PogoConfig.js"
import type { InvalidChildSpec, PogoError } from "../PogoError.js"
import type { PogoEvent } from "../PogoEvent.js"
import { makeRouter } from "./calls/makeCalls.js"
import { Calls } from "./commands/commands.js"
import { makeService } from "./commands/service.js"
import { encodeBody } from "./kind/specCodec.js"
import { clientLife } from "./loops/clientLifecycle.js"
import { alarm } from "./loops/heartbeat.js"
import type { Initial } from "./loops/initialChildren.js"
import type { Fatal } from "./loops/join.js"
import { keepAlive, lifecycle } from "./loops/lifecycle.js"
import { closeNode, crash, register } from "./loops/shutdown.js"
import { Node, type Parts } from "./node/node.js"
import { unavailable } from "./node/registryRequest.js"
import { Observer } from "./observer.js"
import { makeAmbient } from "./runtime/environment.js"
import { Processes } from "./runtime/processTable.js"
import { until } from "./runtime/waitUntil.js"

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

const encodeInitial = (
  children: ReadonlyArray<ChildSpec.Any>
): Effect.Effect<ReadonlyArray<Initial>, InvalidChildSpec> =>
  Effect.forEach(children, (child) =>
    Effect.gen(function*() {
      const spec = yield* ChildSpec.encode(child)
      return { id: spec.id, body: yield* encodeBody(spec) }
    }))

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

const hear = (node: Node, log: number | undefined, concerns: ReadonlyArray<string> | undefined): void =>
  node.session?.hear(log, concerns === undefined || concerns.includes(node.session.sid))

/** Keeps being told when something changed. Without it news come with the next renewal. */
const listen = (node: Node): Effect.Effect<never, never, Scope.Scope> =>
  node.registry.onWake(node.config.scope, (log, concerns) => hear(node, log, concerns)).pipe(
    Effect.zipRight(Effect.never),
    Effect.catchAll((error) => Effect.zipRight(Effect.logDebug(error.message), Effect.sleep(node.timing.heartbeat))),
    Effect.forever
  )

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

/** `client`: it runs no children, and is no member of the scope. */
export const makePogo = (
  config: Resolved,
  client = false
): Effect.Effect<Service, PogoError, GroupRegistry | Scope.Scope> =>
  Effect.gen(function*() {
    const initial = yield* encodeInitial(config.children)
    const events = yield* makeEvents
    const node = yield* makeNode(config, events, client)
    const calls = new Calls(node, (yield* node.ambient.randomId).slice(0, 16))
    // Before the node's own finalizer: its children may be called until they have ended.
    const router = yield* makeRouter(node)
    const failed = yield* Deferred.make<never, Fatal>()
    yield* Effect.forkScoped(listen(node))
    yield* Effect.forkScoped(keepAlive(node, "alarm", alarm(node)))
    const run = client ? clientLife : lifecycle
    const life = yield* Effect.forkScoped(run(node, calls, initial, (error) => Deferred.fail(failed, error)))
    yield* Effect.addFinalizer(() => closeNode(node, life))
    yield* awaitJoined(node, failed)
    return makeService(node, calls, events.stream, {
      register: register(node),
      crash: crash(node, life),
      router,
      node
    })
  }).pipe(Effect.annotateLogs({ scope: config.scope, node: config.name }))
