/**
 * Puts a supervisor together: a node, its loops, its calls, and the service that users see. The only file that knows
 * all rooms.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import { GroupRegistry } from "../GroupRegistry.js"
import { Placement } from "../Placement.js"
import type { Resolved } from "../PogoConfig.js"
import { InvalidConfig, type PogoError } from "../PogoError.js"
import type { PogoEvent } from "../PogoEvent.js"
import { makeRouter } from "./calls/makeCalls.js"
import { ChildCommands } from "./commands/childCommands.js"
import { encodeInitial, ensureInitialOnce } from "./commands/initialChildren.js"
import { ListKeeper } from "./commands/listKeeper.js"
import { NodeCommands } from "./commands/nodeCommands.js"
import { makeService } from "./commands/service.js"
import { SetCommands } from "./commands/setCommands.js"
import { readStoredState } from "./commands/stateQueries.js"
import { Internals } from "./internals.js"
import { encodeExactly, isExactly } from "./kind/exactList.js"
import { listen } from "./loops/changeFeed.js"
import { alarm } from "./loops/heartbeat.js"
import type { Fatal } from "./loops/join.js"
import { clientLife, keepAlive, lifecycle } from "./loops/lifecycle.js"
import { closeNode, crash, register } from "./loops/shutdown.js"
import { Node, type Parts } from "./node/node.js"
import { OwnList } from "./node/ownList.js"
import { unavailable } from "./node/registryRequest.js"
import { makeAmbient } from "./runtime/environment.js"
import { Processes } from "./runtime/processTable.js"
import { contain, withHarmlessLoggers } from "./runtime/userCode.js"
import { Observer } from "./supervisor/owner.js"

/** How many events a slow subscriber may lag behind before it misses the oldest. */
const eventBuffer = 4_096

/** Ends the process: a kind asked for it (`onOverdue: "exit"`), and its child does not end. */
const exitProcess: Parts["exitProcess"] = (child) => {
  const line =
    `effect-pogo: child ${child.id} does not end, and its kind asks for the process to end instead (onOverdue: "exit")\n`
  // The process ends also where nothing can be written any more.
  contain("the last line of the process", () => void process.stderr.write(line), () => {})
  process.exit(70)
}

/** Makes the node from its surroundings. */
const makeNode = (
  config: Resolved,
  client: boolean
): Effect.Effect<Node, never, GroupRegistry | Scope.Scope> =>
  Effect.gen(function*() {
    const events = yield* Effect.acquireRelease(PubSub.sliding<PogoEvent>(eventBuffer), PubSub.shutdown)
    const ambient = yield* makeAmbient
    const fibers = yield* FiberSet.make()
    const { score } = yield* Placement
    return new Node({
      config,
      ambient,
      registry: yield* GroupRegistry,
      score,
      random: (yield* ambient.randomId).slice(0, 16),
      fork: yield* FiberSet.runtime(fibers)(),
      events,
      exitProcess,
      observer: yield* Observer,
      processes: yield* Processes,
      client
    })
  })

/** Waits until the node has joined, `joinTimeout` at most; `failed` says that it may not. */
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
  return node.awaitPhase((phase) => phase === "active").pipe(
    Effect.timeoutFail({ duration: joinTimeout, onTimeout: problem }),
    Effect.raceFirst(Deferred.await(failed)),
    Effect.asVoid
  )
}

/**
 * What keeps the children that the settings list registered, to be run at the beginning of each session. A list that is a
 * whole set is part of the node's record: it is checked, and known, before the node joins.
 */
const keepChildren = ({ children, name }: Resolved, client: boolean) =>
  Effect.gen(function*() {
    if (!isExactly(children)) {
      const initial = yield* encodeInitial(children)
      return (node: Node, commands: ChildCommands) => ensureInitialOnce(node, commands, initial)
    }
    if (client) {
      const rule = "a plain list: a client is no node, and agrees with none upon what ends"
      const remedy = "give Pogo.exactly to the nodes"
      return yield* Effect.fail(new InvalidConfig({ setting: "children", value: `exactly, of ${name}`, rule, remedy }))
    }
    const list = new OwnList(yield* encodeExactly(children))
    return (node: Node, commands: ChildCommands, sets: SetCommands) => {
      node.own.keepsList(list)
      return new ListKeeper(node, commands, sets, list).keep
    }
  })

/** Makes a supervisor. `client`: it runs no children, and is no member of the scope. */
export const makePogo = (config: Resolved, client = false) =>
  Effect.gen(function*() {
    const keeping = yield* keepChildren(config, client)
    const node = yield* makeNode(config, client)
    const id = (yield* node.ambient.randomId).slice(0, 16)
    const commands = new ChildCommands(node, id)
    const directives = new NodeCommands(node, id)
    const sets = new SetCommands(node, id)
    // Before the node's own finalizer: its children may be called until they have ended.
    const router = yield* makeRouter(node)
    const failed = yield* Deferred.make<never, Fatal>()
    if (!client && config.watchProcesses) node.own.leftProof(node.processes.proofs.leave())
    yield* Effect.forkScoped(listen(node))
    yield* Effect.forkScoped(keepAlive(node, "alarm", alarm(node)))
    const run = client ? clientLife : lifecycle
    const whenActive = keeping(node, commands, sets)
    const life = yield* Effect.forkScoped(run(node, whenActive, (error) => Deferred.fail(failed, error)))
    yield* Effect.addFinalizer(() => closeNode(node, life))
    yield* awaitJoined(node, failed)
    const internals: Internals = {
      register: register(node),
      crash: crash(node, life),
      router,
      node,
      sets,
      readState: (id) => readStoredState(node, id),
      keepListed: (spec) =>
        Effect.flatMap(encodeInitial([spec]), (children) => ensureInitialOnce(node, commands, children))
    }
    return { ...makeService(node, commands, directives, sets), [Internals]: internals }
  }).pipe(Effect.annotateLogs({ scope: config.scope, node: config.name }), withHarmlessLoggers)
