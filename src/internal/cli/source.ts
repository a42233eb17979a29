/**
 * A scope as commands see it, wherever it is: in a Redis, or behind the HTTP interface of one of its processes.
 *
 * @internal
 */
import type * as ConfigError from "effect/ConfigError"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { ChildSpec } from "../../ChildSpec.js"
import type {
  ChildNotFound,
  ChildSpecConflict,
  InvalidChildId,
  InvalidChildSpec,
  InvalidConfig,
  OutcomeUnknown,
  PogoError,
  RegistryUnavailable
} from "../../PogoError.js"
import type { HistoryEntry, HistoryOptions } from "../../PogoHistory.js"
import type { PlannedNode } from "../../PogoNode.js"
import type { ReconcileError, ReconcileOptions } from "../commands/setCommands.js"
import type {
  ActionRefused,
  ActionResult,
  ActionTarget,
  ChildList,
  ChildPage,
  EventList,
  NodePage,
  Overview,
  PlanSummary,
  Preview
} from "../console/answers.js"
import type { ConsoleMethods } from "../console/console.js"
import type { ReconcilePlan } from "../reconcileErrors.js"
import type { Failed, LostAnswer, NotFound, Refused, Unreachable, Usage } from "./failures.js"

/** What a request of the HTTP interface can fail with. */
export type HttpFailure = Failed | LostAnswer | NotFound | Unreachable | Usage

/** What reaching a scope can fail with. */
export type SourceFailure = ConfigError.ConfigError | HttpFailure | InvalidConfig | PogoError | Refused

/** What starting a child can fail with, conflicts included. */
type StartFailure = ChildSpecConflict | HttpFailure | InvalidChildSpec | OutcomeUnknown | RegistryUnavailable

type HistoryFailure = HttpFailure | InvalidChildId | InvalidConfig | RegistryUnavailable

type QuestionOf<K extends "children" | "events"> = Parameters<ConsoleMethods[K]>[0]

/** A change of the nodes that is planned for. */
interface PlanQuestion {
  readonly drain: ReadonlyArray<string>
  readonly remove: ReadonlyArray<string>
  readonly add: ReadonlyArray<PlannedNode>
}

/** The console of a scope: `ConsoleMethods`, which may be far away. */
export interface ScopeConsole {
  readonly overview: Effect.Effect<typeof Overview.Type, HttpFailure>
  readonly children: (question: QuestionOf<"children">) => Effect.Effect<typeof ChildList.Type, HttpFailure>
  readonly child: (id: string) => Effect.Effect<Option.Option<typeof ChildPage.Type>, HttpFailure>
  readonly node: (name: string) => Effect.Effect<Option.Option<typeof NodePage.Type>, HttpFailure>
  readonly events: (question: QuestionOf<"events">) => Effect.Effect<typeof EventList.Type, HttpFailure>
  readonly plan: (change: PlanQuestion) => Effect.Effect<typeof PlanSummary.Type, HttpFailure>
  readonly preview: (
    target: typeof ActionTarget.Type
  ) => Effect.Effect<typeof Preview.Type, ActionRefused | HttpFailure>
  readonly act: (
    target: typeof ActionTarget.Type,
    who: { readonly by: string; readonly reason?: string | undefined }
  ) => Effect.Effect<typeof ActionResult.Type, ActionRefused | HttpFailure>
}

/** What commands ask of a scope. */
export interface ScopeSource {
  /** Name of the scope. */
  readonly scope: string
  /** Who asks: stands in the history beside what is done. Empty where the other side knows it. */
  readonly by: string
  readonly console: ScopeConsole
  readonly history: (
    id: string | undefined,
    options: HistoryOptions
  ) => Effect.Effect<ReadonlyArray<HistoryEntry>, HistoryFailure>
  /** What happens from now on. */
  readonly happenings: Stream.Stream<HistoryEntry, HttpFailure>
  /** `reason`: why, for the history. */
  readonly start: (spec: ChildSpec, reason?: string) => Effect.Effect<{ readonly _tag: Begun }, StartFailure>
  readonly replace: (
    spec: ChildSpec,
    reason?: string
  ) => Effect.Effect<{ readonly _tag: Begun }, ChildNotFound | StartFailure>
  /** Why it shows what a reconcile would do and does not do it, with the remedy; `undefined` where it does. */
  readonly onlyPlans: string | undefined
  readonly reconcile: (
    kind: string,
    specs: ReadonlyArray<ChildSpec>,
    options: ReconcileOptions
  ) => Effect.Effect<ReconcilePlan, HttpFailure | ReconcileError>
}

/** What became of a spec. */
export type Begun = "Created" | "AlreadyStarted" | "Replaced"
