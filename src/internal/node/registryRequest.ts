/**
 * How a node's requests reach the registry: until when each may take effect, whom it concerns, how long it is waited
 * for, and what every reply means.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Metric from "effect/Metric"
import type * as Schedule from "effect/Schedule"
import type { GroupRegistry } from "../../GroupRegistry.js"
import { OutcomeUnknown, RegistryUnavailable } from "../../PogoError.js"
import * as PogoMetrics from "../../PogoMetrics.js"
import { counterOf } from "../registry/bounds.js"
import type { Args, CommandName, Envelope, Ok, Refusal, Reply, Value } from "../registry/commands.js"
import { formatSpec } from "../registry/state.js"
import type { Timing } from "../registry/timing.js"
import { type Entry, makeEntry, readSpec, type View } from "../replica/replica.js"
import type { Ambient, Timers } from "../runtime/environment.js"
import type { Pauses } from "../runtime/pauses.js"
import { observe } from "../runtime/userCode.js"
import type { Freshness } from "./freshness.js"
import type { Lease, Phase, Session } from "./session.js"

/** What a request needs of the node that makes it. */
export interface Requester {
  readonly registry: GroupRegistry["Type"]
  readonly timing: Timing
  readonly ambient: Ambient
  readonly clock: RegistryClock
  readonly freshness: Freshness
  readonly view: View
  readonly lease: Lease
  readonly timers: Timers
  readonly pauses: Pauses
  readonly timedOut: (name: string, detail: string) => void
  readonly session: Session | undefined
  readonly phase: Phase
  readonly active: boolean
  readonly retries: Schedule.Schedule<number>
  readonly awaitPhase: (meets: (phase: Phase) => boolean) => Effect.Effect<Phase>
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  readonly count: (counter: Metric.Metric.Counter<number>) => void
  readonly meetEra: (session: Session, era: string) => void
  readonly fence: (reason: string) => void
}

/**
 * What a node knows of the registry's counter and clock: enough to say when a command must no longer have an effect.
 */
export class RegistryClock {
  private highest = 0
  /** The registry's clock, in its milliseconds, at the answer to the youngest request; and when that one was sent. */
  private base: { readonly now: number; readonly sent: number; readonly era: string } | undefined
  private calls = 0
  /** What every command says of its sender. */
  private readonly told: Pick<Envelope, "keepEnded" | "keepHistory" | "by">

  constructor(
    private readonly scope: string,
    private readonly timing: Timing,
    private readonly ambient: Ambient,
    private readonly random: string,
    told: Pick<Envelope, "keepEnded" | "keepHistory"> & { readonly name?: string } = {}
  ) {
    const { keepEnded, keepHistory, name = "" } = told
    this.told = { keepEnded, keepHistory, by: encodeURIComponent(name) }
  }

  /** The highest counter value seen. */
  get high(): number {
    return this.highest
  }

  /**
   * Makes a command's envelope. Its `notAfter` is one command timeout after the registry's time, as this node estimates
   * it: the time that an answer told, and what has passed here since its request was sent. The estimate is never behind,
   * so a command that arrives in time is not refused. It is ahead by at most the time that the request took to arrive.
   * Where no answer of the era has come yet, the command expires at once, and the refusal tells the time.
   */
  envelope(era: string, sent: number, concerns?: Recipients): Envelope {
    const { commandTimeout, maxStep, ttl } = this.timing
    return {
      scope: this.scope,
      era,
      notAfter: this.base?.era === era ? Math.floor(this.base.now + (sent - this.base.sent) + commandTimeout) : 0,
      high: this.highest,
      seconds: Math.floor(this.ambient.wall() / 1000),
      bits: `${this.random}.${++this.calls}`,
      ttl,
      maxStep,
      ...this.told,
      concerns
    }
  }

  /** The registry's clock as far as this node knows, logical milliseconds; at most ahead of it. */
  get now(): number {
    return this.base === undefined ? 0 : this.base.now + this.ambient.now() - this.base.sent
  }

  /** Learns from a reply to a request that was sent at `sent` under `era`. */
  observe(reply: Reply<unknown>, sent: number, era: string): void {
    if (!("now" in reply)) return
    this.highest = Math.max(this.highest, counterOf(reply.high) ?? 0)
    if (this.base === undefined || sent >= this.base.sent) {
      this.base = { now: reply.now, sent, era: reply._tag === "ERA" ? reply.era : era }
    }
  }
}

/** The sessions that have to act on a change, and read of it at once; the others a little later. `undefined`: all. */
type Recipients = ReadonlyArray<string> | undefined

/** With more sessions than this, or more specs that nobody knows yet, all read of a change at once. */
const few = 4

/** Names the sessions that a command concerns, with repetitions and gaps; `undefined` for all. */
type Question<K extends CommandName> = (node: Requester, args: Args<K>) => Iterable<string | undefined> | undefined

type Questions = { readonly [K in CommandName]?: Question<K> }

const homeOf = (node: Requester, entry: Entry | undefined): string | undefined =>
  entry === undefined ? undefined : node.view.homeOf(entry)

/** The session where a spec belongs that the registry does not have yet. */
const homeOfNew = (node: Requester, id: string, body: string): string | undefined => {
  const entry = makeEntry(id)
  entry.spec = readSpec(
    id,
    formatSpec({
      generation: 0,
      stamp: 0,
      op: "",
      initial: false,
      failed: false,
      birth: 0,
      stateful: false,
      refused: [],
      body
    })
  )
  return homeOf(node, entry)
}

const questions: Questions = {
  put: (node, { items, mode }) => {
    // What a child's set is changes nothing for its owner.
    if (mode === "retag") return []
    if (items.length > few) return undefined
    return items.flatMap(({ body, id }) => {
      const entry = node.view.entries.get(id)
      return [entry?.claim?.sid, mode === "bump" ? homeOf(node, entry) : homeOfNew(node, id, body)]
    })
  },
  del: (node, { items }) =>
    items.map(({ id }) => {
      const entry = node.view.entries.get(id)
      return entry?.claim?.sid ?? homeOf(node, entry)
    }),
  // The next to run the child.
  release: (node, { items }) =>
    items.some(({ refused }) => refused !== "")
      ? undefined
      : items.map(({ id }) => homeOf(node, node.view.entries.get(id))),
  finish: (node, { items }) => items.map(({ id }) => homeOf(node, node.view.entries.get(id))),
  // The last holder counts its children that are on their way.
  claim: (node, { items }) => items.map(({ id }) => node.view.entries.get(id)?.holder),
  report: () => [],
  // Nobody but the owner needs to know.
  save: () => [],
  // The nodes that are to obey.
  direct: (node, { name }) => node.view.membership.list.filter((member) => member.name === name).map(({ sid }) => sid)
}

/** The sessions that a command concerns. A user's score may throw here: then all are told, and the plan reports it. */
const namedBy = <K extends CommandName>(...[node, name, args]: [Requester, K, Args<K>]): ReturnType<Question<K>> => {
  const question = questions[name] as Question<K> | undefined
  try {
    return question?.(node, args)
  } catch {
    return undefined
  }
}

/**
 * The recipients of a command, judged by what the sender knows. To be wrong costs latency only: whoever is left out
 * reads of the change a little later.
 */
const recipientsOf = <K extends CommandName>(node: Requester, name: K, args: Args<K>): Recipients => {
  const found = namedBy(node, name, args)
  if (found === undefined) return undefined
  const sids = new Set<string>()
  for (const sid of found) {
    if (sid !== undefined && sid !== node.session?.sid) sids.add(sid)
    if (sids.size > few) return undefined
  }
  return Array.from(sids)
}

/** A reply, and when its request was sent. */
export interface Answer<K extends CommandName> {
  readonly reply: Reply<Value<K>>
  readonly sent: number
}

/** The answer; where the supervisor was closed, which interrupts what it still asks, a typed failure. */
const answerOf = <A>(
  node: Requester,
  name: string,
  exit: Exit.Exit<A, RegistryUnavailable>
): Effect.Effect<A, RegistryUnavailable> =>
  node.phase === "closed" && Exit.isInterrupted(exit)
    ? Effect.fail(shutDown(name, true))
    : exit

/**
 * Waits for an answer for `wait` milliseconds. The request has a fiber of the node's own, which costs less than a race;
 * a registry that answers at once, as the one in memory does, costs no timer, and other fibers still have their turn.
 */
const bounded = <A>(
  node: Requester,
  name: string,
  asked: Effect.Effect<A, RegistryUnavailable>,
  wait: number
): Effect.Effect<A, RegistryUnavailable> =>
  Effect.async((resume) => {
    // A failure is an answer: a fiber that failed would be logged.
    const fiber = node.fork(Effect.exit(asked))
    const atOnce = fiber.unsafePoll()
    if (atOnce !== null) return resume(Effect.zipRight(Effect.yieldNow(), answerOf(node, name, Exit.flatten(atOnce))))
    const giveUp = () => fiber.unsafeInterruptAsFork(FiberId.none)
    const timer = {
      at: node.ambient.now() + wait,
      run: () => {
        const pause = node.pauses.within(wait)
        const meanwhile = pause === undefined ? "" : `; ${pause} meanwhile`
        const detail = `no answer within ${Math.round(wait)} ms${meanwhile}`
        resume(Effect.fail(unavailable(name, "Timeout", detail, true)))
        giveUp()
      }
    }
    node.timers.add(timer)
    observe(fiber, "the answer to a request", (exit) => {
      node.timers.delete(timer)
      resume(answerOf(node, name, Exit.flatten(exit)))
    })
    return Effect.sync(giveUp)
  })

/** Counts a failure; a timeout leaves a line, except that of a renewal, which has its own. */
const noteFailure = (node: Requester, name: CommandName, { detail, reason }: RegistryUnavailable): void => {
  node.count(PogoMetrics.registryFailures)
  if (reason === "Timeout" && name !== "tick") node.timedOut(name, detail)
}

/** Counts what the registry could not write into the history. */
const noteLost = (node: Requester, reply: Reply<unknown>): void => {
  const lost = reply._tag === "OK" ? reply.lost ?? 0 : 0
  for (let i = 0; i < lost; i++) node.count(PogoMetrics.historyDropped)
}

/** Sends a command that belongs to no session yet, or is a renewal. `wait`: for its answer, milliseconds. */
export const send = <K extends CommandName>(
  node: Requester,
  era: string,
  name: K,
  args: Args<K>,
  wait: number = node.timing.commandTimeout
): Effect.Effect<Answer<K>, RegistryUnavailable> =>
  Effect.suspend(() => {
    const sent = node.ambient.now()
    const asked = node.registry.execute(name, node.clock.envelope(era, sent, recipientsOf(node, name, args)), args)
    return bounded(node, name, Effect.interruptible(asked), wait).pipe(
      Effect.tapError((error) => Effect.sync(() => noteFailure(node, name, error))),
      Effect.map((reply) => {
        node.clock.observe(reply, sent, era)
        noteLost(node, reply)
        node.freshness.observe(reply, sent)
        return { reply, sent }
      })
    )
  })

/** An error of a command; `sent`: whether the command may have had its effect. */
export const unavailable = (
  operation: string,
  reason: RegistryUnavailable["reason"],
  detail: string,
  sent: boolean
): RegistryUnavailable => new RegistryUnavailable({ operation, reason, detail, sent })

/** The error of a command whose supervisor is closed. */
export const shutDown = (operation: string, sent: boolean): RegistryUnavailable =>
  unavailable(operation, "Closed", "this supervisor is shut down", sent)

/** The replies that whoever makes a request has to deal with. */
export type Outcome<K extends CommandName> =
  | Ok<Value<K>>
  | Extract<Refusal, { readonly _tag: "QUARANTINE" | "RESYNC" | "SUPERSEDED" }>

/** Why a refused command had no effect; `undefined` for a reply that the caller deals with. */
const refusalOf = (
  node: Requester,
  session: Session,
  name: string,
  reply: Refusal
): RegistryUnavailable | undefined => {
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
    case "SUPERSEDED":
      return undefined
  }
}

/** Tells the lease whether commands get through: renewals have a connection of their own, and may go on. */
const watched = <A>(
  node: Requester,
  effect: Effect.Effect<A, RegistryUnavailable>
): Effect.Effect<A, RegistryUnavailable> =>
  Effect.tapBoth(effect, {
    onSuccess: () => Effect.sync(() => node.lease.workSucceeded()),
    onFailure: ({ reason }) =>
      Effect.sync(() => {
        if (reason === "Timeout" || reason === "Disconnected") node.lease.workFailed()
      })
  })

/**
 * Sends a command of a session. A reply that comes after the session's end counts as none: a grant that is used under
 * the next session would start a second copy.
 */
export const request = <K extends CommandName>(
  node: Requester,
  session: Session,
  name: K,
  args: Args<K>,
  wait?: number
): Effect.Effect<Outcome<K>, RegistryUnavailable> => {
  const ended = (when: string, sent: boolean) =>
    Effect.fail(unavailable(name, "Joining", `the session ended before ${when}`, sent))
  const sending = Effect.suspend(() =>
    session.over ? ended("it was sent", false) : watched(node, send(node, session.era, name, args, wait))
  )
  return Effect.flatMap(sending, ({ reply }) => {
    // A refused command had no effect, whatever has become of the session.
    if (session.over) return ended("the answer came", reply._tag === "OK")
    if (reply._tag === "OK") {
      session.heardOf(reply.log, false)
      return Effect.succeed(reply)
    }
    const error = refusalOf(node, session, name, reply)
    return error === undefined ? Effect.succeed(reply as Outcome<K>) : Effect.fail(error)
  })
}

/** Fails with `Refused` where the answer is anything but `OK`. */
const onlyOk = (name: string) => <A>(reply: Reply<A>): Effect.Effect<Ok<A>, RegistryUnavailable> =>
  reply._tag === "OK"
    ? Effect.succeed(reply)
    : Effect.fail(unavailable(name, "Refused", `the registry answered ${reply._tag}`, false))

/** Sends a command of a session; fails with `Refused` where the answer is anything but `OK`. */
export const accepted = <K extends CommandName>(
  node: Requester,
  session: Session,
  name: K,
  args: Args<K>,
  wait?: number
): Effect.Effect<Ok<Value<K>>, RegistryUnavailable> =>
  Effect.flatMap(request(node, session, name, args, wait), onlyOk(name))

/** The session of the node, as soon as it is active; fails at the elapsed millisecond `before`. */
export const activeSession = (
  node: Requester,
  operation: string,
  before: number
): Effect.Effect<Session, RegistryUnavailable> =>
  Effect.suspend(() => {
    if (node.phase === "closed") return Effect.fail(shutDown(operation, false))
    if (node.active && node.session !== undefined) return Effect.succeed(node.session)
    const left = Math.max(0, before - node.ambient.now())
    return node.awaitPhase((phase) => phase === "closed" || (node.active && node.session !== undefined)).pipe(
      Effect.zipRight(activeSession(node, operation, before)),
      Effect.timeoutFail({
        duration: left,
        onTimeout: () =>
          unavailable(
            operation,
            "Joining",
            `this node has no session on ${node.registry.description} (${node.phase}); is the registry reachable?`,
            false
          )
      })
    )
  })

/** Fails with `OutcomeUnknown` where a command was sent and not answered: its change may have been made. */
export const outcome = <A>(
  operation: string,
  { id, op }: { readonly id: string; readonly op: string },
  effect: Effect.Effect<A, RegistryUnavailable>
): Effect.Effect<A, RegistryUnavailable | OutcomeUnknown> =>
  Effect.mapError(effect, (error) =>
    error.sent
      ? new OutcomeUnknown({ operation, id, op, detail: error.detail })
      : unavailable(operation, error.reason, error.detail, false))

/** What is done in a session before a command is sent. `left`: milliseconds that it may take. */
type Preparation = (session: Session, left: () => number) => Effect.Effect<void, RegistryUnavailable>

/**
 * Sends a command as soon as the node is active, and again where it certainly had no effect; fails when all of that takes
 * longer than one command timeout. `first` is done in the same session, before.
 */
export const answeredWhenActive = <K extends CommandName>(
  node: Requester,
  name: K,
  args: Args<K>,
  first: Preparation = () => Effect.void
): Effect.Effect<Outcome<K>, RegistryUnavailable> =>
  Effect.suspend(() => {
    const before = node.ambient.now() + node.timing.commandTimeout
    const left = () => before - node.ambient.now()
    const sending = (session: Session) =>
      left() > 0
        ? request(node, session, name, args, left())
        : Effect.fail(unavailable(name, "Timeout", "no time was left to send it", false))
    const attempt = Effect.flatMap(activeSession(node, name, before), (session) =>
      first(session, left).pipe(
        Effect.mapError(({ detail, reason }) => unavailable(name, reason, detail, false)),
        Effect.zipRight(Effect.suspend(() => sending(session)))
      ))
    const isWorthwhile = (error: RegistryUnavailable) =>
      !error.sent && (error.reason === "Joining" || error.reason === "Timeout") && left() > 0 && node.phase !== "closed"
    return attempt.pipe(
      Effect.tapError((error) => isWorthwhile(error) ? Effect.yieldNow() : Effect.void),
      Effect.retry({ while: isWorthwhile })
    )
  })

/** As `answeredWhenActive`; fails with `Refused` where the answer is anything but `OK`. */
export const requestWhenActive = <K extends CommandName>(
  node: Requester,
  name: K,
  args: Args<K>,
  first?: Preparation
): Effect.Effect<Ok<Value<K>>, RegistryUnavailable> =>
  Effect.flatMap(answeredWhenActive(node, name, args, first), onlyOk(name))
