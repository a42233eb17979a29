/**
 * A scope as commands see it, wherever it is: in a Redis, or behind the HTTP interface of one of its processes.
 *
 * @internal
 */
import type * as ConfigError from "effect/ConfigError"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Any } from "../../ChildSpec.js"
import type {
  ChildNotFound,
  InvalidChildId,
  InvalidChildSpec,
  InvalidConfig,
  OutcomeUnknown,
  PogoError,
  RegistryUnavailable
} from "../../PogoError.js"
import type { HistoryEntry, HistoryOptions } from "../../PogoHistory.js"
import type { StartResult } from "../commands/childCommands.js"
import type { ReconcileError, ReconcileOptions } from "../commands/setCommands.js"
import type { ConsoleMethods } from "../console/console.js"
import type { ReconcilePlan } from "../reconcileErrors.js"
import type { NotFound, Refused, Unreachable, Usage } from "./failures.js"

/** What commands ask of a scope. */
export interface ScopeSource {
  /** Name of the scope. */
  readonly scope: string
  /** Who asks: stands in the history beside what is done. */
  readonly by: string
  readonly console: ConsoleMethods
  readonly history: (
    id: string | undefined,
    options: HistoryOptions
  ) => Effect.Effect<ReadonlyArray<HistoryEntry>, InvalidChildId | InvalidConfig | RegistryUnavailable>
  /** What happens from now on. */
  readonly happenings: Stream.Stream<HistoryEntry>
  readonly start: (spec: Any) => Effect.Effect<StartResult, StartFailure>
  readonly replace: (spec: Any) => Effect.Effect<{ readonly _tag: "Replaced" }, StartFailure | ChildNotFound>
  readonly reconcile: (
    kind: string,
    specs: ReadonlyArray<Any>,
    options: ReconcileOptions
  ) => Effect.Effect<ReconcilePlan, ReconcileError>
}

/** What starting a child can fail with, conflicts included. */
export type StartFailure = InvalidChildSpec | RegistryUnavailable | OutcomeUnknown | {
  readonly _tag: "ChildSpecConflict"
}

/** What reaching a scope can fail with. */
export type SourceFailure =
  | ConfigError.ConfigError
  | InvalidConfig
  | NotFound
  | PogoError
  | Refused
  | Unreachable
  | Usage
