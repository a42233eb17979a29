/**
 * A stream on its way to its reader: what has come is handed on as the reader takes it, and when its child is gone it
 * goes on elsewhere, if the protocol says how.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import { ChildMoved } from "../../../PogoError.js"
import { nameOf } from "../../registry/sessionNames.js"
import { attempt } from "../../runtime/userCode.js"
import { tellAfter } from "../wire/flowWindow.js"
import { type Broken, type Call, type Caller, isBroken, type StreamLink } from "./call.js"
import { notFound, unavailable } from "./route.js"
import type { Router } from "./router.js"

interface StreamBatch {
  readonly items: ReadonlyArray<unknown>
  readonly encoded: boolean
}

/** Begins a call to the stream's source. */
export type Begin = (payload: unknown, caller: Caller) => Call

/** The reader of a stream. */
export interface Reading {
  /** Hands items on. Suspends while the reader has no room for them. */
  readonly chunk: (items: ReadonlyArray<unknown>) => Effect.Effect<void>
  readonly end: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
}

/** Counts the items that a reader takes, and tells of each chunk that is taken whole. */
export class Demand {
  private readonly sizes: Array<number> = []
  private taken = 0
  onChunk: () => void = () => {}

  /** A chunk was handed to the reader. */
  handed(size: number): void {
    this.sizes.push(size)
  }

  take(count: number): void {
    this.taken += count
    while (this.sizes.length > 0 && this.taken >= this.sizes[0]!) {
      this.taken -= this.sizes.shift()!
      this.onChunk()
    }
  }
}

/** One stream, from its source to its reader. */
export class StreamReader implements Caller {
  private readonly batches: Array<StreamBatch> = []
  private outcome: Exit.Exit<unknown, unknown> | undefined
  private link: StreamLink | undefined
  /** Batches that were taken, and of which the source has not been told. */
  private untold = 0
  private draining: Fiber.RuntimeFiber<void> | undefined
  private busy = false
  private over = false
  private last: unknown
  private any = false
  private call: Call | undefined

  constructor(
    private readonly router: Router,
    private payload: unknown,
    private readonly begin: Begin,
    private readonly reading: Reading
  ) {}

  /** Asks the source. */
  open(): void {
    this.call = this.begin(this.payload, this)
  }

  settle(outcome: Exit.Exit<unknown, unknown>): void {
    this.outcome = outcome
    this.pump()
  }

  began(link: StreamLink): void {
    this.link = link
  }

  items(items: ReadonlyArray<unknown>, encoded: boolean): void {
    this.batches.push({ items, encoded })
    this.pump()
  }

  /** Notes that the reader took a batch. The source is told of several at once. */
  acknowledge(): void {
    this.untold++
    if (this.untold < tellAfter && this.batches.length > 0) return
    this.link?.taken(this.untold)
    this.untold = 0
  }

  /** Ends the stream: nobody reads it any more. */
  cancel(): void {
    this.leave()
    this.draining?.unsafeInterruptAsFork(FiberId.none)
  }

  private leave(): void {
    this.over = true
    this.batches.length = 0
    if (this.call !== undefined) this.router.cancel(this.call)
  }

  private pump(): void {
    if (this.busy || this.over) return
    this.busy = true
    this.draining = this.router.node.fork(this.drain)
  }

  /** Hands on what has come, batch by batch, then the end. */
  private readonly drain: Effect.Effect<void> = Effect.suspend(() => {
    const batch = this.batches.shift()
    if (batch !== undefined) return Effect.zipRight(this.hand(batch), this.drain)
    if (this.outcome !== undefined) return this.finish(this.outcome)
    this.busy = false
    return Effect.void
  })

  private hand({ encoded, items }: StreamBatch): Effect.Effect<void> {
    if (items.length === 0) return Effect.sync(() => this.acknowledge())
    if (!encoded) return this.chunk(items)
    const call = this.call!
    return Effect.matchCauseEffect(call.procedure.decodeItems(items), {
      onFailure: (cause) => {
        this.leave()
        return this.reading.end(Exit.fail(this.router.unreadable(call.id, Cause.squash(cause))))
      },
      onSuccess: (decoded) => this.chunk(decoded as ReadonlyArray<unknown>)
    })
  }

  private chunk(items: ReadonlyArray<unknown>): Effect.Effect<void> {
    this.any = true
    this.last = items.at(-1)
    return this.reading.chunk(items)
  }

  private finish(outcome: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    const broken = Exit.isFailure(outcome)
      ? Option.filter(Cause.failureOption(outcome.cause), isBroken)
      : Option.none()
    return Option.isSome(broken) ? this.broke(broken.value) : this.reading.end(Exit.asVoid(outcome))
  }

  /** Goes on where the source left off, if the protocol says how; fails otherwise. */
  private broke(broken: Broken): Effect.Effect<void> {
    const { procedure } = this.call!
    if (procedure.resume === undefined) {
      return Effect.flatMap(this.whereabouts(broken), (error) => this.reading.end(Exit.fail(error)))
    }
    return Effect.suspend(() => {
      if (this.any) {
        const next = attempt(() => procedure.construct(procedure.resume!(this.payload, this.last)))
        if (Either.isLeft(next)) return this.reading.end(Exit.fail(this.unresumable(next.left)))
        this.payload = next.right
      }
      this.outcome = undefined
      this.link = undefined
      this.untold = 0
      this.any = false
      this.open()
      return this.drain
    })
  }

  private unresumable(trouble: string): unknown {
    const { id, procedure } = this.call!
    const detail =
      `its child is gone, and \`Child.resumable\` of ${procedure.tag} does not say how to go on: ${trouble}`
    return unavailable(this.router.node, id, detail, true)
  }

  /** Waits until it is known where the child went, if it went in order. */
  private whereabouts({ error, leaving, token }: Broken): Effect.Effect<unknown> {
    const { router } = this
    const { id, timeout } = this.call!
    const find = (): unknown => {
      const entry = router.node.view.entries.get(id)
      if (entry?.spec === undefined) return notFound(id)
      const { claim } = entry
      if (claim === undefined || claim.token <= token) return undefined
      return new ChildMoved({ id, node: nameOf(claim.sid), token: BigInt(claim.token) })
    }
    const now = find()
    if (now instanceof ChildMoved || !leaving) return Effect.succeed(now instanceof ChildMoved ? now : error)
    const later = Effect.async<unknown>((resume) => {
      const look = () => {
        const found = find()
        if (found === undefined) return
        router.unwatch(id, look)
        resume(Effect.succeed(found))
      }
      router.watch(id, look)
      look()
      return Effect.sync(() => router.unwatch(id, look))
    })
    return Effect.map(Effect.timeoutOption(later, timeout), Option.getOrElse(() => error))
  }
}
