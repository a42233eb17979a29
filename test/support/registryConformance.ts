/**
 * What every registry does, as sentences. A third backend is right when it passes these, and the comparison with the
 * machine.
 */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Caller } from "./registryCaller.js"
import { boundSuite } from "./registryConformanceBounds.js"
import { claimSuite } from "./registryConformanceClaims.js"
import { directiveSuite } from "./registryConformanceDirectives.js"
import { eraSuite } from "./registryConformanceEras.js"
import { historySuite } from "./registryConformanceHistory.js"
import { readSuite } from "./registryConformanceReads.js"
import { sessionSuite } from "./registryConformanceSessions.js"
import { setSuite } from "./registryConformanceSets.js"
import { specSuite } from "./registryConformanceSpecs.js"
import { stateSuite } from "./registryConformanceStates.js"
import { trialSuite } from "./registryConformanceTrials.js"
import type { EmptyPolicy, Subject } from "./registrySubject.js"

/** Makes a registry with an empty scope of its own. */
export type MakeSubject = (onEmpty: EmptyPolicy) => Effect.Effect<Subject, never, Scope.Scope>

/** Declares one test; the data set is taken for a new one unless told otherwise. */
export type Test = (
  name: string,
  body: (caller: Caller) => Effect.Effect<void, never, Scope.Scope>,
  onEmpty?: EmptyPolicy
) => void

/** All of it. */
export const conformance = (make: MakeSubject): void => {
  const test: Test = (name, body, onEmpty = "trust") => {
    it.scoped(name, () => Effect.flatMap(make(onEmpty), (subject) => body(new Caller(subject))))
  }
  sessionSuite(test)
  specSuite(test)
  claimSuite(test)
  eraSuite(test)
  readSuite(test)
  directiveSuite(test)
  trialSuite(test)
  setSuite(test)
  stateSuite(test)
  historySuite(test)
  boundSuite(test)
}
