/**
 * One run of a child: a fiber of its own, under a scope of its own, with the child's service in its context.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import { Current } from "../current.js"
import type { LocalChild } from "./localChild.js"
import type { Body } from "./registration.js"

const isLayer = (body: Body): body is Layer.Layer<never, unknown, unknown> => Layer.isLayer(body)

const standing = (
  child: LocalChild,
  layer: Layer.Layer<never, unknown, unknown>,
  scope: Scope.Scope,
  started: () => void
): Effect.Effect<unknown, unknown, unknown> =>
  Layer.buildWithScope(layer, scope).pipe(
    Effect.timeoutFail({
      duration: child.registration.startTimeout,
      onTimeout: () => new Error(`start took longer than ${child.registration.startTimeout} ms (startTimeout)`)
    }),
    Effect.zipRight(Effect.sync(started)),
    Effect.zipRight(Effect.never)
  )

/** Log lines of the child's own code name the child. Cheaper by far than annotating the effect. */
const annotate = (child: LocalChild) => (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime): FiberRefs.FiberRefs =>
  FiberRefs.updateAs(refs, {
    fiberId,
    fiberRef: FiberRef.currentLogAnnotations,
    value: HashMap.set(FiberRefs.getOrDefault(refs, FiberRef.currentLogAnnotations), "child", child.id)
  })

/**
 * Forks a run. It ends when the child's effect and all finalizers of its scope have ended. `started` is called when the
 * child is up: at once for an effect, after the build for a layer.
 */
export const forkAttempt = (
  child: LocalChild,
  body: () => Body,
  started: () => void
): Fiber.RuntimeFiber<unknown, unknown> => {
  const { registration } = child
  const scope = Effect.runSync(Scope.make())
  const context = Context.add(Context.add(registration.runtime.context, Scope.Scope, scope), Current, child)
  const runtime = Runtime.make({
    context: context as Context.Context<unknown>,
    fiberRefs: registration.runtime.fiberRefs,
    runtimeFlags: registration.runtime.runtimeFlags
  })
  const run = Effect.suspend(() => {
    const code = body()
    if (isLayer(code)) return standing(child, code, scope, started)
    started()
    return code
  })
  return Runtime.runFork(runtime)(Effect.onExit(run, (exit) => Scope.close(scope, exit)), {
    immediate: false,
    updateRefs: annotate(child)
  })
}
