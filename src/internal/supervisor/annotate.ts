/**
 * Log lines of a child's own code name the child.
 *
 * @internal
 */
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashMap from "effect/HashMap"

/** What log lines say besides their message. */
export type Annotations = HashMap.HashMap<string, unknown>

/** What is annotated, and what with, once it is known. */
interface Annotated {
  readonly id: string
  annotations: Annotations | undefined
}

/**
 * Cheaper by far than annotating the effect. It changes the refs that it is given, which must be those of a fiber that is
 * about to be made and nobody else's.
 */
export const annotate =
  (child: Annotated) => (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime): FiberRefs.FiberRefs => {
    child.annotations ??= HashMap.set(FiberRefs.getOrDefault(refs, FiberRef.currentLogAnnotations), "child", child.id)
    refs.locals.set(FiberRef.currentLogAnnotations, [[fiberId, child.annotations]])
    return refs
  }
