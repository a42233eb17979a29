/**
 * The states of a kind's children, as users see them: in the child's own code, and from anywhere.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pogo from "../Pogo.js"
import type { InvalidState, RegistryUnavailable, StateError } from "../PogoError.js"
import { Internals } from "./internals.js"
import { Current, type StateAccess, StateKey, type WithState } from "./kind/current.js"
import type { KindShape } from "./kind/specCodec.js"
import { decodeState, encodeState } from "./kind/stateCodec.js"
import { decodeText } from "./replica/knownDirectives.js"
import { dies } from "./runtime/userCode.js"

/**
 * The state of a running child, for its own code: one value, which follows the child. It is stored in one step with the
 * comparison of the claim, which is stronger than `check`: no copy that has been replaced ever changes it. A
 * value that does not fit the schema, or cannot be decoded by it, is a defect (`PogoError.InvalidState`).
 *
 * @since 0.1.0
 * @category models
 */
export interface State<A> {
  /**
   * The newest value that was submitted under this claim, or came with it; none before the first. It may not be stored
   * yet. No call: the value came with the claim.
   */
  readonly get: Effect.Effect<Option.Option<A>>
  /**
   * Stores a value. Succeeds when it, or a later one, is stored and this run may still act. At most one write per child is
   * on its way, and of values that come meanwhile the latest wins. Fails with `ClaimLost` when the run may act no more,
   * `StateTooLarge`, `RegistryUnavailable` when it was not stored and is withdrawn, and `OutcomeUnknown` when it was sent
   * and no answer came within `commandTimeout`: it stays to be stored, and to repeat the call is safe.
   */
  readonly set: (value: A) => Effect.Effect<void, StateError>
  /**
   * Stores what a function makes of the newest value; one of the child's fibers at a time, so that none is lost. Its result
   * is the value that was stored. Fails as `set` does.
   */
  readonly update: (f: (value: Option.Option<A>) => A) => Effect.Effect<A, StateError>
}

/**
 * A stored state, and who stored it when.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredState<A> {
  readonly value: A
  /** Token of the claim under which it was stored. */
  readonly token: bigint
  /** Which of the child's values it is: 1 for the first, and so on through all of its claims. */
  readonly version: number
  /** When it was stored, by the registry's server; by the node's clock if a node has given it back after a loss. */
  readonly at: Date
  /** Name of the node that stored it. */
  readonly node: string
}

/**
 * What a kind with a state has besides.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stateful<A> {
  /** The state of the child whose code asks: `const state = yield* kind.state`. */
  readonly state: Effect.Effect<State<A>, never, Current>
  /**
   * Reads the stored state of the child with a key, wherever it runs; none if it has stored none, or has ended, or lost
   * it. In the first seconds after a loss of the registry's data it waits until nodes had time to give states back.
   */
  readonly readState: <I = Pogo.Pogo>(
    key: string,
    options?: { readonly supervisor?: Pogo.AnyTag<I> | undefined }
  ) => Effect.Effect<Option.Option<StoredState<A>>, RegistryUnavailable | InvalidState, NoInfer<I>>
}

/** The same, where the options name a state. */
export type StateOf<S> = [S] extends [never] ? unknown : Stateful<S>

const accessOf = ({ kind }: KindShape, current: Current & WithState): Effect.Effect<StateAccess> => {
  const access = current[StateKey]
  if (current.kind === kind && access !== undefined) return Effect.succeed(access)
  return dies(
    new Error(
      `the state of kind ${kind} was asked for in ${current.id}, which has none: ask for it in the child's own code, of its own kind`
    )
  )
}

const handleOf = (shape: KindShape, { id }: Current, access: StateAccess): State<unknown> => {
  const { version } = shape
  const state = shape.state!
  const get = Effect.suspend(() => {
    const newest = access.newest()
    return newest === undefined
      ? Effect.succeed(Option.none<unknown>())
      : Effect.asSome(Effect.orDie(decodeState(state, version, id, newest)))
  })
  const encoded = (value: unknown) =>
    encodeState(state, id, value).pipe(
      Effect.catchTag("InvalidState", dies),
      Effect.map((body) => ({ body, kindVersion: version }))
    )
  // Submitted under the lock, and waited for outside of it: later values need not wait for earlier ones.
  const locked = <A, E>(submit: Effect.Effect<A, E>) => access.lock.withPermits(1)(submit)
  const submitted = (value: unknown) => Effect.flatMap(encoded(value), (text) => access.submit(text))
  return {
    get,
    set: (value) => Effect.flatten(locked(submitted(value))),
    update: (f) =>
      Effect.flatten(locked(Effect.flatMap(get, (before) => {
        const value = f(before)
        return Effect.map(submitted(value), Effect.as(value))
      })))
  }
}

/** The state of the child whose code asks. */
export const stateOf = (shape: KindShape): Effect.Effect<State<unknown>, never, Current> =>
  Effect.flatMap(
    Current,
    (current) => Effect.map(accessOf(shape, current), (access) => handleOf(shape, current, access))
  )

/** The latest moment that a `Date` has. */
const latestDate = 8.64e15

/** Reads stored states, from anywhere. */
export const readStateOf =
  (shape: KindShape) => (key: string, options: { readonly supervisor?: Pogo.AnyTag<Pogo.Pogo> | undefined } = {}) =>
    Effect.gen(function*() {
      const pogo = yield* options.supervisor ?? Pogo.Pogo
      const id = `${shape.kind}/${key}` as const
      const record = yield* pogo[Internals].readState(id)
      if (record === undefined) return Option.none<StoredState<unknown>>()
      const value = yield* decodeState(shape.state!, shape.version, id, record)
      const { at, node, token, version } = record
      return Option.some({
        value,
        token: BigInt(token),
        version,
        at: new Date(Math.min(at, latestDate)),
        node: decodeText(node)
      })
    })
