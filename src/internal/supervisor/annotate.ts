/**
 * Log lines of a child's own code name the child.
 *
 * @internal
 */
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashMap from "effect/HashMap"

/** Cheaper by far than annotating the effect. */
export const annotate =
  ({ id }: { readonly id: string }) => (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime): FiberRefs.FiberRefs =>
    FiberRefs.updateAs(refs, {
      fiberId,
      fiberRef: FiberRef.currentLogAnnotations,
      value: HashMap.set(FiberRefs.getOrDefault(refs, FiberRef.currentLogAnnotations), "child", id)
    })
