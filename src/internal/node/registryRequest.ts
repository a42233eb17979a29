/**
 * How a node's requests reach the registry, and what every reply means to it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { RegistryUnavailable } from "../../PogoError.js"
import type { Args, CommandName, Ok, Refusal, Reply, Value } from "../registry/commands.js"
import type { Node } from "./node.js"
import { concerned } from "./recipients.js"
import type { Session } from "./session.js"

/** A reply, and when its request was sent. */
export interface Answer<K extends CommandName> {
  readonly reply: Reply<Value<K>>
  readonly sent: number
}

/** A supervisor that is closed interrupts what it still asks. */
const answerOf = <A>(
  node: Node,
  name: string,
  exit: Exit.Exit<A, RegistryUnavailable>
): Effect.Effect<A, RegistryUnavailable> =>
  node.phase === "closed" && Exit.isInterrupted(exit)
    ? Effect.fail(shutDown(name, true))
    : exit

/**
 * Waits for an answer for so long as a command may take. The request has a fiber of the node's own, which costs less than
 * a race; a registry that answers at once, as the one in memory does, costs no timer, and others still have their turn.
 */
const bounded = <A>(
  node: Node,
  name: string,
  asked: Effect.Effect<A, RegistryUnavailable>
): Effect.Effect<A, RegistryUnavailable> =>
  Effect.async((resume) => {
    const { commandTimeout } = node.timing
    // A failure is an answer: a fiber that failed would be logged.
    const fiber = node.fork(Effect.exit(asked))
    const atOnce = fiber.unsafePoll()
    if (atOnce !== null) return resume(Effect.zipRight(Effect.yieldNow(), answerOf(node, name, Exit.flatten(atOnce))))
    const giveUp = () => fiber.unsafeInterruptAsFork(FiberId.none)
    const timer = {
      at: node.ambient.now() + commandTimeout,
      run: () => {
        resume(Effect.fail(unavailable(name, "Timeout", `no answer within ${commandTimeout} ms`, true)))
        giveUp()
      }
    }
    node.timers.add(timer)
    fiber.addObserver((exit) => {
      node.timers.delete(timer)
      resume(answerOf(node, name, Exit.flatten(exit)))
    })
    return Effect.sync(giveUp)
  })

/** Sends a command that belongs to no session yet. */
export const call = <K extends CommandName>(
  node: Node,
  era: string,
  name: K,
  args: Args<K>
): Effect.Effect<Answer<K>, RegistryUnavailable> =>
  Effect.suspend(() => {
    const sent = node.ambient.now()
    const asked = node.registry.execute(name, node.horizon.envelope(era, sent, concerned(node, name, args)), args)
    return bounded(node, name, Effect.interruptible(asked)).pipe(
      Effect.tapError(() => Effect.sync(() => node.meter.count("registryFailures"))),
      Effect.map((reply) => {
        node.horizon.observe(reply, sent, era)
        return { reply, sent }
      })
    )
  })

/** @internal */
export const unavailable = (
  operation: string,
  reason: RegistryUnavailable["reason"],
  detail: string,
  sent: boolean
): RegistryUnavailable => new RegistryUnavailable({ operation, reason, detail, sent })

/** @internal */
export const shutDown = (operation: string, sent: boolean): RegistryUnavailable =>
  unavailable(operation, "Closed", "this supervisor is shut down", sent)

/** The replies that a loop or call of a session has to deal with itself. */
export type Outcome<K extends CommandName> =
  | Ok<Value<K>>
  | Extract<Refusal, { readonly _tag: "QUARANTINE" | "RESYNC" }>

/** Why a refused command had no effect; `undefined` for a reply that the caller deals with. */
const refusalOf = (node: Node, session: Session, name: string, reply: Refusal): RegistryUnavailable | undefined => {
  switch (reply._tag) {
    case "ERA":
      node.meetEra(session, reply.era)
      return unavailable(name, "Joining", "the registry's data set has changed; this node is joining it", false)
    case "NOSESSION":
    case "DEAD":
      if (!session.over) {
        node.fence("the registry ended this node's session, after it had heard nothing from it for a ttl")
      }
      return unavailable(name, "Joining", "this node's session has ended; it is opening another", false)
    case "EXPIRED":
      return unavailable(name, "Timeout", "the command arrived too late, and had no effect", false)
    case "WRONGTYPE":
      return unavailable(
        name,
        "ForeignData",
        `the key ${reply.key} holds another type of data than ours; it is left alone: move it away, or use another key ` +
          `prefix or scope`,
        false
      )
    case "VERSION":
      return unavailable(name, "ForeignData", `the scope's data has layout "${reply.layout}"`, false)
    case "TIMING":
      return unavailable(name, "ForeignData", "the scope's timings have changed", false)
    case "QUARANTINE":
    case "RESYNC":
      return undefined
  }
}

/** Notes since when nothing gets through: renewals have a connection of their own, and may go on. */
const watched = <A>(node: Node, effect: Effect.Effect<A, RegistryUnavailable>): Effect.Effect<A, RegistryUnavailable> =>
  Effect.tapBoth(effect, {
    onSuccess: () => Effect.sync(() => (node.workFailingSince = undefined)),
    onFailure: ({ reason }) =>
      Effect.sync(() => {
        if (reason === "Timeout" || reason === "Disconnected") node.workFailingSince ??= node.ambient.now()
      })
  })

/**
 * Sends a command of a session. A reply that comes after the session's end is no reply: a grant that is used under the
 * next session would start a second copy.
 */
export const request = <K extends CommandName>(
  node: Node,
  session: Session,
  name: K,
  args: Args<K>
): Effect.Effect<Outcome<K>, RegistryUnavailable> => {
  const ended = (when: string, sent: boolean) =>
    Effect.fail(unavailable(name, "Joining", `the session ended before ${when}`, sent))
  const sending = Effect.suspend(() =>
    session.over ? ended("it was sent", false) : watched(node, call(node, session.era, name, args))
  )
  return Effect.flatMap(sending, ({ reply }) => {
    if (session.over) return ended("the answer came", true)
    if (reply._tag === "OK") {
      session.hear(reply.log, false)
      return Effect.succeed(reply)
    }
    const error = refusalOf(node, session, name, reply)
    return error === undefined ? Effect.succeed(reply as Outcome<K>) : Effect.fail(error)
  })
}
