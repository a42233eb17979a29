/**
 * What an operator sees and does, as data and words: made from a supervisor, served by HTTP, drawn by the page, printed by
 * the command.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { InvalidConfig } from "../../PogoError.js"
import type { PlanChange } from "../../PogoNode.js"
import { nodeChange } from "../commands/placementPlans.js"
import { answer, isReady, oldestDoubt, whyStale } from "../commands/queries.js"
import { Internals } from "../internals.js"
import type { Node } from "../node/node.js"
import type { Service } from "../supervisorTag.js"
import { previewOf } from "./actionPreview.js"
import { actOn, checkPrincipal, type Principal } from "./actions.js"
import { refuse, type Targets, targetsOf } from "./actionTargets.js"
import {
  type About,
  type ActionName,
  type ActionRefused,
  type ActionResult,
  type ActionTarget,
  type Change,
  type ChildList,
  type ChildPage,
  type EventList,
  type NodePage,
  type Overview,
  type PlanSummary,
  type Preview,
  type Suggestions
} from "./answers.js"
import { ChildIndex } from "./childIndex.js"
import { listChildren, type ListQuestion } from "./childList.js"
import { childPageOf } from "./childPage.js"
import { eventKeys, type EventQuestion, eventValues, listEvents } from "./eventList.js"
import { HistoryFeed } from "./historyFeed.js"
import { nodeMark, plain } from "./marks.js"
import { nodePageOf } from "./nodePage.js"
import { NotRunning } from "./notRunning.js"
import { overviewOf } from "./overview.js"
import { packageVersion } from "./packageVersion.js"
import { planSummaryOf } from "./planSummary.js"
import { SharedAnswers } from "./sharedAnswers.js"
import { suggestChildren, suggestEvents } from "./suggestions.js"

/** What an operator sees and does. */
export interface ConsoleMethods {
  readonly about: Effect.Effect<typeof About.Type>
  readonly overview: Effect.Effect<typeof Overview.Type>
  readonly children: (question: ListQuestion) => Effect.Effect<typeof ChildList.Type>
  readonly child: (id: string) => Effect.Effect<Option.Option<typeof ChildPage.Type>>
  readonly node: (name: string) => Effect.Effect<Option.Option<typeof NodePage.Type>>
  readonly events: (question: EventQuestion) => Effect.Effect<typeof EventList.Type>
  readonly suggest: (question: {
    readonly q: string
    readonly where: "children" | "events"
  }) => Effect.Effect<typeof Suggestions.Type>
  /** What would move if nodes were drained, gone, or new. */
  readonly plan: (change: PlanChange) => Effect.Effect<typeof PlanSummary.Type, InvalidConfig>
  readonly preview: (target: typeof ActionTarget.Type) => Effect.Effect<typeof Preview.Type, ActionRefused>
  readonly act: (
    target: typeof ActionTarget.Type,
    who: Principal
  ) => Effect.Effect<typeof ActionResult.Type, ActionRefused>
  /**
   * One now, and one whenever something has changed: at once after a second of quiet, and once a second at most. A slow
   * listener misses what has passed, never the latest.
   */
  readonly changes: Stream.Stream<typeof Change.Type>
}

/** The service. */
export class Console extends Context.Tag("effect-pogo/Console")<Console, ConsoleMethods>() {}

/** What is served. */
export interface ConsoleOptions {
  /** What may be done. */
  readonly actions: ReadonlyArray<ActionName>
  /** Whether payloads are shown, and states. */
  readonly payload: boolean
  readonly state: boolean
}

/** For how long what was prepared for askers is kept when nobody asks. */
const idle = "30 seconds"

/** Since when what is told may be untrue, and the words for it. */
const staleOf = (node: Node, since: Date): string =>
  `As ${
    node.client ? plain(node.config.name) : nodeMark(node.config.name)
  } last knew it {ago ${since.toISOString()}} ago: ${plain(whyStale(node))}. Actions wait until that is over.`

const aboutOf = (node: Node, { actions, payload, state }: ConsoleOptions): Effect.Effect<typeof About.Type> =>
  Effect.map(isReady(node), (ready) => {
    const staleSince = oldestDoubt(node)
    return {
      scope: node.config.scope,
      node: node.config.name,
      client: node.client,
      version: packageVersion,
      actions,
      payload,
      state,
      ready,
      ...(staleSince === undefined ? {} : { stale: staleOf(node, staleSince), staleSince })
    }
  })

/** What changes tell of, apart from the time. */
const changeOf = (node: Node, index: ChildIndex, feed: HistoryFeed): Effect.Effect<typeof Change.Type> =>
  Effect.gen(function*() {
    yield* index.lines
    const ready = yield* isReady(node)
    const staleSince = oldestDoubt(node)
    return {
      at: new Date(node.ambient.wall()),
      failed: index.counts.get("Failed") ?? 0,
      ready,
      ...(staleSince === undefined ? {} : { staleSince }),
      ...(feed.position === undefined ? {} : { position: feed.position })
    }
  })

/** Least time between two changes that are told; and how often what nobody tells of is looked at, such as a lease. */
const beat = Duration.seconds(1)

/** How long a change waits for those that belong to it, such as the children of a node that was lost. */
const gathering = Duration.millis(50)

/** What there is while somebody looks: the index, the last hour, and a ticker that tells of changes. */
const prepare = (pogo: Service, node: Node) =>
  Effect.gen(function*() {
    const index = new ChildIndex(node)
    yield* index.follow
    const feed = new HistoryFeed(node, pogo)
    const changes = yield* SubscriptionRef.make(yield* changeOf(node, index, feed))
    let told = index.version
    const tick = Effect.gen(function*() {
      const last = yield* SubscriptionRef.get(changes)
      // First: what changes from here on is told next time.
      yield* index.news.close
      const version = index.version
      const next = yield* changeOf(node, index, feed)
      const isSame = version === told && last.ready === next.ready && (last.staleSince === undefined) ===
          (next.staleSince === undefined)
      told = version
      if (isSame) return
      yield* SubscriptionRef.set(changes, next)
      yield* Effect.sleep(Duration.subtract(beat, gathering))
    })
    const news = Effect.raceFirst(index.news.await, Effect.sleep(beat))
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(news, Effect.zipRight(Effect.sleep(gathering), tick))))
    return { index, feed, changes }
  })

/** For a slow listener: it misses what has passed, never the latest. */
const latest = Stream.buffer({ capacity: 1, strategy: "sliding" })

/** Makes the service for as long as the scope lives. While nobody asks it does nothing. */
export const makeConsole = (
  pogo: Service,
  options: ConsoleOptions
): Effect.Effect<ConsoleMethods, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { node } = pogo[Internals]
    const prepared = yield* RcRef.make({ acquire: prepare(pogo, node), idleTimeToLive: idle })
    const shared = new SharedAnswers(node)
    const samples = new NotRunning(node)
    yield* samples.follow
    /** An answer from the index, after the registry was heard of, which several askers may share. */
    const ask = <A>(
      question: ReadonlyArray<unknown>,
      of: (index: ChildIndex, feed: HistoryFeed) => Effect.Effect<A>
    ): Effect.Effect<A> =>
      Effect.scoped(Effect.flatMap(RcRef.get(prepared), ({ feed, index }) =>
        shared.share(
          JSON.stringify(question),
          Effect.zipRight(answer(node, () => undefined), Effect.suspend(() => of(index, feed)))
        )))
    const targeted = <A>(
      target: typeof ActionTarget.Type,
      then: (targets: Targets, feed: HistoryFeed) => Effect.Effect<A, ActionRefused>
    ): Effect.Effect<A, ActionRefused> =>
      Effect.scoped(Effect.gen(function*() {
        const { feed, index } = yield* RcRef.get(prepared)
        const targets = yield* targetsOf(node, index, target, options.actions)
        return yield* then(targets, feed)
      }))
    return {
      about: aboutOf(node, options),
      overview: ask(["overview"], (index, feed) => overviewOf(node, index, feed, samples, oldestDoubt(node))),
      child: (id) =>
        ask(
          ["child", id],
          () => Effect.map(childPageOf(pogo, node, id, options), Option.fromNullable)
        ),
      node: (name) =>
        ask(["node", name], (index, feed) => Effect.map(nodePageOf(node, index, feed, name), Option.fromNullable)),
      events: (question) =>
        ask(
          ["events", question.q, question.minute?.getTime(), question.limit],
          (_, feed) => listEvents(node, feed, question)
        ),
      suggest: ({ q, where }) =>
        where === "events"
          ? ask(
            ["suggest events", q],
            (_, feed) => Effect.map(feed.refresh, () => suggestEvents(q, eventKeys, (key) => eventValues(feed, key)))
          )
          : ask(["suggest", q], (index) => suggestChildren(node, index, q)),
      plan: (given) => Effect.flatMap(nodeChange(node, given), (change) => planSummaryOf(node, change)),
      preview: (target) => targeted(target, (targets) => previewOf(node, target.action, targets)),
      act: (target, who) =>
        targeted(target, (targets, feed) =>
          Effect.gen(function*() {
            yield* checkPrincipal(target.action, who)
            if (!(yield* isReady(node))) {
              const detail = `${
                whyStale(node)
              }: what is shown may be old, so nothing is done; ask another node, or again`
              return yield* refuse(target.action, "Stale", detail)
            }
            const result = yield* actOn(pogo, target.action, targets, who)
            shared.clear()
            feed.expire()
            return result
          })),
      children: (question) =>
        ask(
          ["children", question.q, question.sort, question.offset, question.limit],
          (index) => listChildren(node, index, question, oldestDoubt(node))
        ),
      changes: Stream.unwrapScoped(Effect.map(RcRef.get(prepared), ({ changes }) => latest(changes.changes)))
    }
  })
