/**
 * One run of a child: a fiber of its own, under a scope of its own, with the child's service in its context.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import type { Handlers } from "../calls/server/invocation.js"
import { Current } from "../kind/current.js"
import { annotate } from "./annotate.js"
import type { LocalChild } from "./child.js"
import type { Body } from "./kindRegistration.js"

const isLayer = (body: Body): body is Layer.Layer<never, unknown, unknown> => Layer.isLayer(body)

const bounded = <A>(child: LocalChild, start: Effect.Effect<A, unknown, unknown>): Effect.Effect<A, unknown, unknown> =>
  Effect.timeoutFail(start, {
    duration: child.registration.startTimeout,
    onTimeout: () => new Error(`start took longer than ${child.registration.startTimeout} ms (startTimeout)`)
  })

const standing = (
  child: LocalChild,
  layer: Layer.Layer<never, unknown, unknown>,
  scope: Scope.Scope,
  started: () => void
): Effect.Effect<unknown, unknown, unknown> =>
  bounded(child, Layer.buildWithScope(layer, scope)).pipe(
    Effect.zipRight(Effect.sync(started)),
    Effect.zipRight(Effect.never)
  )

/** A child with a protocol runs until it is stopped; what it does, it does when it is called. */
const serving = (
  child: LocalChild,
  build: Effect.Effect<unknown, unknown, unknown>,
  started: () => void
): Effect.Effect<unknown, unknown, unknown> =>
  Effect.flatMap(bounded(child, build), (handlers) => {
    child.handlers = handlers as Handlers
    started()
    child.inbox?.pump()
    return Effect.never
  })

const bodyOf = (child: LocalChild, code: Body, scope: Scope.Scope, started: () => void) => {
  if (isLayer(code)) return standing(child, code, scope, started)
  if (child.registration.serving !== undefined) return serving(child, code, started)
  started()
  return code
}

/** Making a scope takes a fiber, which costs more than the scope: they are made so many at a time. */
const makeScopes = Effect.replicateEffect(Scope.make(), 32)
let scopes: Array<Scope.CloseableScope> = []

const takeScope = (): Scope.CloseableScope => {
  if (scopes.length === 0) scopes = Effect.runSync(makeScopes)
  return scopes.pop()!
}

/** The kind's services, and the run's own. To copy a map by its constructor makes twice as much garbage. */
const contextOf = (child: LocalChild, scope: Scope.Scope): Context.Context<unknown> => {
  const services = new Map<string, unknown>()
  child.registration.runtime.context.unsafeMap.forEach((service, key) => services.set(key, service))
  return Context.unsafeMake(services.set(Scope.Scope.key, scope).set(Current.key, child))
}

/**
 * Forks a run. It ends when the child's effect, its handlers and all finalizers of its scope have ended. `started` is
 * called when the child is up: at once for an effect, after the build for a layer, and for one that is called.
 */
export const forkAttempt = (
  child: LocalChild,
  body: () => Body,
  started: () => void
): Fiber.RuntimeFiber<unknown, unknown> => {
  const { registration } = child
  const scope = takeScope()
  const runtime = Runtime.make({
    context: contextOf(child, scope),
    fiberRefs: registration.runtime.fiberRefs,
    runtimeFlags: registration.runtime.runtimeFlags
  })
  child.runtime = runtime
  const run = Effect.suspend(() => bodyOf(child, body(), scope, started))
  const close = (exit: Exit.Exit<unknown, unknown>) => child.quiesce(Scope.close(scope, exit))
  return Runtime.runFork(runtime)(Effect.onExit(run, close), {
    immediate: false,
    updateRefs: annotate(child)
  })
}
