/**
 * What an operator sees and does, as data and words: made from a supervisor, served by HTTP, drawn by the page, printed by
 * the command.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
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
  type Preview,
  type Suggestions
} from "./answers.js"
import { ChildIndex } from "./childIndex.js"
import { listChildren, type ListQuestion } from "./childList.js"
import { childPageOf } from "./childPage.js"
import { nodeMark, plain } from "./marks.js"
import { liveLines } from "./nodeLines.js"
import { livePageOf, rowOfName } from "./nodePage.js"
import { overviewOf } from "./overview.js"
import { packageVersion } from "./packageVersion.js"
import { SharedAnswers } from "./sharedAnswers.js"
import { suggestChildren } from "./suggestions.js"

/** Which events are asked for. */
export interface EventQuestion {
  readonly q?: string | undefined
  /** The beginning of one minute; missing for the last hour. */
  readonly minute?: Date | undefined
  readonly limit?: number | undefined
}

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
  readonly preview: (target: typeof ActionTarget.Type) => Effect.Effect<typeof Preview.Type, ActionRefused>
  readonly act: (
    target: typeof ActionTarget.Type,
    who: Principal
  ) => Effect.Effect<typeof ActionResult.Type, ActionRefused>
  /**
   * One now, and one whenever something has changed, once a second at most. A slow listener misses what has passed,
   * never the latest.
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
const changeOf = (node: Node, index: ChildIndex): Effect.Effect<typeof Change.Type> =>
  Effect.gen(function*() {
    yield* index.lines
    const ready = yield* isReady(node)
    const staleSince = oldestDoubt(node)
    return {
      at: new Date(node.ambient.wall()),
      failed: index.counts.get("Failed") ?? 0,
      ready,
      ...(staleSince === undefined ? {} : { staleSince })
    }
  })

/** What there is while somebody looks: the index, and a ticker that tells of changes. */
const prepare = (node: Node) =>
  Effect.gen(function*() {
    const index = new ChildIndex(node)
    yield* index.follow
    const changes = yield* SubscriptionRef.make(yield* changeOf(node, index))
    let told = index.version
    const tick = Effect.gen(function*() {
      const last = yield* SubscriptionRef.get(changes)
      const version = index.version
      const next = yield* changeOf(node, index)
      const isSame = version === told && last.ready === next.ready && (last.staleSince === undefined) ===
          (next.staleSince === undefined)
      told = version
      if (!isSame) yield* SubscriptionRef.set(changes, next)
    })
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep("1 second"), tick)))
    return { index, changes }
  })

/** Makes the service for as long as the scope lives. While nobody asks it does nothing. */
export const makeConsole = (
  pogo: Service,
  options: ConsoleOptions
): Effect.Effect<ConsoleMethods, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { node } = pogo[Internals]
    const prepared = yield* RcRef.make({ acquire: prepare(node), idleTimeToLive: idle })
    const shared = new SharedAnswers(node)
    /** An answer from the index, after the registry was heard of, which several askers may share. */
    const ask = <A>(question: ReadonlyArray<unknown>, of: (index: ChildIndex) => Effect.Effect<A>): Effect.Effect<A> =>
      Effect.scoped(Effect.flatMap(RcRef.get(prepared), ({ index }) =>
        shared.share(
          JSON.stringify(question),
          Effect.zipRight(answer(node, () => undefined), Effect.suspend(() => of(index)))
        )))
    const rows = (index: ChildIndex) => liveLines(node, index.nodes, node.view.entries.size)
    const targeted = <A>(
      target: typeof ActionTarget.Type,
      then: (targets: Targets) => Effect.Effect<A, ActionRefused>
    ): Effect.Effect<A, ActionRefused> =>
      Effect.scoped(Effect.gen(function*() {
        const { index } = yield* RcRef.get(prepared)
        const targets = yield* targetsOf(node, index, target, options.actions)
        return yield* then(targets)
      }))
    return {
      about: aboutOf(node, options),
      overview: ask(["overview"], (index) => overviewOf(node, index, oldestDoubt(node))),
      child: (id) =>
        ask(
          ["child", id],
          () => Effect.map(childPageOf(pogo, node, id, options), Option.fromNullable)
        ),
      node: (name) =>
        ask(["node", name], (index) =>
          Effect.gen(function*() {
            yield* index.lines
            const row = rowOfName(node, rows(index), name)
            return row === undefined ? Option.none() : Option.some(yield* livePageOf(node, index, row, []))
          })),
      events: () =>
        Effect.succeed({
          total: 0,
          groups: [],
          minutes: { from: new Date(node.ambient.wall()), nodes: [], moves: [], failures: [], restarts: [] },
          truncated: false
        }),
      suggest: ({ q, where }) =>
        where === "events"
          ? Effect.succeed([])
          : ask(["suggest", q], (index) => suggestChildren(node, index, q)),
      preview: (target) => targeted(target, (targets) => previewOf(node, target.action, targets)),
      act: (target, who) =>
        targeted(target, (targets) =>
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
            return result
          })),
      children: (question) =>
        ask(
          ["children", question.q, question.sort, question.offset, question.limit],
          (index) => listChildren(node, index, question, oldestDoubt(node))
        ),
      changes: Stream.unwrapScoped(
        Effect.map(
          RcRef.get(prepared),
          ({ changes }) => Stream.buffer(changes.changes, { capacity: 1, strategy: "sliding" })
        )
      )
    }
  })
