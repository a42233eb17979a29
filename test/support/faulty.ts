/**
 * A registry in memory whose data and connections a test can break.
 */
import { Deferred, Effect } from "effect"
import { PogoError } from "effect-pogo"
import { type CommandName, type Encoded, makeEncoded } from "../../src/GroupRegistry.js"
import { type EmptyPolicy, makeBackend } from "../../src/internal/registry/memory.js"
import { emptyState, type RegistryState } from "../../src/internal/registry/state.js"
import type { Registry } from "./cluster.js"

/** One node's way to the registry. */
export interface Line {
  readonly registry: Registry
  /** Requests do not arrive. */
  dropRequests: boolean
  /** Requests are executed, and their replies do not come back. */
  dropReplies: boolean
  /** There is no connection: requests fail at once, and are not sent. */
  refuse: boolean
  /** Wake-ups do not come. */
  deaf: boolean
  /** Commands that are executed as soon as the test says so, however late; their callers wait. */
  readonly hold: (name: CommandName) => Effect.Effect<Held>
  /** Commands that were sent, in order. */
  readonly sent: Array<CommandName>
}

export interface Held {
  /** Waits until such a command has come. */
  readonly arrived: Effect.Effect<void>
  /** Executes it; its caller gets the reply only if it still waits. */
  readonly execute: Effect.Effect<void>
  /** Lets the reply through. */
  readonly reply: Effect.Effect<void>
}

export interface Faulty {
  readonly line: () => Line
  readonly state: (scope?: string) => RegistryState
  /** All data is gone. */
  readonly lose: (scope?: string) => void
  /** Replaces the data by another copy. */
  readonly restore: (state: RegistryState, scope?: string) => void
}

interface Trap {
  readonly name: CommandName
  readonly arrived: Deferred.Deferred<void>
  readonly go: Deferred.Deferred<void>
  readonly executed: Deferred.Deferred<void>
  readonly back: Deferred.Deferred<void>
}

const makeTrap = (name: CommandName): Effect.Effect<Trap> =>
  Effect.all({
    name: Effect.succeed(name),
    arrived: Deferred.make<void>(),
    go: Deferred.make<void>(),
    executed: Deferred.make<void>(),
    back: Deferred.make<void>()
  })

const makeLine = (base: Encoded): Line => {
  const traps: Array<Trap> = []
  const execute: Encoded["execute"] = (name, envelope, args) =>
    Effect.gen(function*() {
      line.sent.push(name)
      if (line.refuse) {
        const problem = { operation: name, reason: "Disconnected", detail: "no connection", sent: false } as const
        return yield* Effect.fail(new PogoError.RegistryUnavailable(problem))
      }
      if (line.dropRequests) return yield* Effect.never
      const index = traps.findIndex((trap) => trap.name === name)
      const [trap] = index < 0 ? [] : traps.splice(index, 1)
      if (trap === undefined) {
        const reply = yield* base.execute(name, envelope, args)
        return line.dropReplies ? yield* Effect.never : reply
      }
      yield* Deferred.succeed(trap.arrived, undefined)
      // The request is on its way: it is executed even if its caller gives up.
      const ghost = yield* Effect.forkDaemon(
        Effect.zipRight(Deferred.await(trap.go), base.execute(name, envelope, args)).pipe(
          Effect.tap(() => Deferred.succeed(trap.executed, undefined))
        )
      )
      const reply = yield* ghost
      yield* Deferred.await(trap.back)
      return reply
    })
  const line: Line = {
    registry: makeEncoded({
      description: "memory (faulty)",
      execute,
      onWake: (scope, listener) => base.onWake(scope, (log) => line.deaf ? undefined : listener(log))
    }),
    dropRequests: false,
    dropReplies: false,
    refuse: false,
    deaf: false,
    sent: [],
    hold: (name) =>
      Effect.map(makeTrap(name), (trap) => {
        traps.push(trap)
        return {
          arrived: Deferred.await(trap.arrived),
          execute: Effect.zipRight(Deferred.succeed(trap.go, undefined), Deferred.await(trap.executed)),
          reply: Effect.asVoid(Deferred.succeed(trap.back, undefined))
        }
      })
  }
  return line
}

/** Makes one. With `"settle"` an empty data set counts as lost, as on Redis. */
export const makeFaulty = (onEmpty: EmptyPolicy = "trust"): Effect.Effect<Faulty> =>
  Effect.map(makeBackend(onEmpty), ({ encoded, states }) => ({
    line: () => makeLine(encoded),
    state: (scope = "default") => {
      const state = states.get(scope)
      if (state === undefined) throw new Error(`no scope ${scope}`)
      return state
    },
    lose: (scope = "default") => states.set(scope, emptyState()),
    restore: (state, scope = "default") => states.set(scope, state)
  }))
