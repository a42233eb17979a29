/**
 * A stream where it is read.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ChildMoved } from "../../../PogoError.js"
import { nameOf } from "../../replica/membership.js"
import { windowSize } from "../wire/flowWindow.js"
import { Broken, type Call, type Caller, type StreamLink } from "./call.js"
import { notFound } from "./route.js"
import type { Router } from "./router.js"

interface Batch {
  readonly items: ReadonlyArray<unknown>
  readonly encoded: boolean
}

/** Begins a call to the stream's source. */
export type Begin = (payload: unknown, caller: Caller) => Call

type Pull = Effect.Effect<Chunk.Chunk<unknown>, Option.Option<unknown>>

class Reader implements Caller {
  private readonly batches: Array<Batch> = []
  private outcome: Effect.Effect<unknown, unknown> | undefined
  private link: StreamLink | undefined
  private untold = 0
  private wake: (() => void) | undefined
  private last: unknown
  private any = false
  call: Call

  constructor(private readonly router: Router, private readonly begin: Begin, private payload: unknown) {
    this.call = begin(payload, this)
  }

  resume(outcome: Effect.Effect<unknown, unknown>): void {
    this.outcome = outcome
    this.wake?.()
  }

  began(link: StreamLink): void {
    this.link = link
  }

  items(items: ReadonlyArray<unknown>, encoded: boolean): void {
    this.batches.push({ items, encoded })
    this.wake?.()
  }

  private readonly news: Effect.Effect<void> = Effect.async((resume) => {
    this.wake = () => {
      this.wake = undefined
      resume(Effect.void)
    }
    return Effect.sync(() => (this.wake = undefined))
  })

  readonly pull: Pull = Effect.suspend(() => {
    const batch = this.batches.shift()
    if (batch !== undefined) return this.take(batch)
    if (this.outcome === undefined) return Effect.zipRight(this.news, this.pull)
    return Effect.matchCauseEffect(this.outcome, {
      onSuccess: () => Effect.fail(Option.none()),
      onFailure: (cause) => {
        const broken = Option.filter(Cause.failureOption(cause), (error) => error instanceof Broken)
        return Option.isSome(broken)
          ? this.broke(broken.value)
          : Effect.failCause(Cause.map(cause, Option.some))
      }
    })
  })

  /** Tells the source now and then how far the reader is. */
  private take({ encoded, items }: Batch): Pull {
    this.untold++
    if (this.untold >= windowSize / 2 || this.batches.length === 0) {
      this.link?.taken(this.untold)
      this.untold = 0
    }
    if (!encoded) return Effect.succeed(this.noted(items))
    const { call } = this
    return Effect.mapBoth(call.procedure.decodeItems(items), {
      onFailure: (error) => Option.some(this.router.unreadable(call.id, error)),
      onSuccess: (decoded) => this.noted(decoded as ReadonlyArray<unknown>)
    })
  }

  private noted(items: ReadonlyArray<unknown>): Chunk.Chunk<unknown> {
    if (items.length > 0) {
      this.any = true
      this.last = items.at(-1)
    }
    return Chunk.unsafeFromArray(items)
  }

  /** The source is gone: goes on where it left off, if the protocol says how. */
  private broke(broken: Broken): Pull {
    const { procedure } = this.call
    if (procedure.resume === undefined) {
      return Effect.flatMap(this.whereabouts(broken), (error) => Effect.fail(Option.some(error)))
    }
    return Effect.suspend(() => {
      if (this.any) this.payload = procedure.construct(procedure.resume!(this.payload, this.last))
      this.outcome = undefined
      this.link = undefined
      this.untold = 0
      this.any = false
      this.call = this.begin(this.payload, this)
      return this.pull
    })
  }

  /** Waits until it is known where the child went, if it went in order. */
  private whereabouts({ error, leaving, token }: Broken): Effect.Effect<unknown> {
    const { call, router } = this
    const { id } = call
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
    return Effect.map(Effect.timeoutOption(later, call.timeout), Option.getOrElse(() => error))
  }
}

/** The stream, begun anew each time it is run. */
export const readStream = (
  router: Router,
  begin: Begin,
  payload: () => unknown
): Stream.Stream<unknown, unknown> =>
  Stream.fromPull(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => new Reader(router, begin, payload())),
        (reader) => Effect.sync(() => router.cancel(reader.call))
      ),
      ({ pull }) => pull
    )
  )
