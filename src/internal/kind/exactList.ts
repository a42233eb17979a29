/**
 * Lists of code that are a whole set: `Pogo.exactly`. Their set is over all kinds, and its name begins with `=`.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Any, ChildId } from "../../ChildSpec.js"
import type { InvalidChildSpec } from "../../PogoError.js"
import { digestText } from "../runtime/hash.js"
import { attempt } from "../runtime/userCode.js"
import { decodeBody, encodeSpec } from "./specCodec.js"
import { listOnce, readList } from "./specList.js"

/** The mark of a list of code that is a whole set. */
export const ExactlyTypeId: unique symbol = Symbol.for("effect-pogo/Exactly")

/**
 * Options of `Pogo.exactly`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExactlyOptions {
  /**
   * The name of the list: 1 to 127 bytes. Nodes whose lists have one name agree upon what ends; services that share a
   * scope give their lists names of their own. Default `"main"`.
   */
  readonly name?: string | undefined
  /** Whether an empty list, once all nodes have it, ends all members. Default false: it ends none, and a line says so. */
  readonly allowEmpty?: boolean | undefined
}

/**
 * A list of children that is the whole set: the `children` of a supervisor. Made by `Pogo.exactly`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exactly {
  readonly [ExactlyTypeId]: typeof ExactlyTypeId
  readonly name: string
  readonly specs: Iterable<Any>
  readonly allowEmpty: boolean
}

/**
 * A list of children that is the whole set, for the option `children` of a supervisor: what is listed is started, and
 * what a former release listed and this one does not is ended. A plain list only adds.
 *
 * In a rolling deploy old and new nodes have different lists. What is missing is started at once, by every node. What is
 * not listed is ended, and what has other content is replaced, only when all live nodes that have a list of this name have
 * the same one; `Pogo.lists` tells for whom that waits. So a rollback, a lone old node, or a registry that lost its data
 * ends nothing. A kind whose version is raised replaces at once, as with a plain list. What a list has ended, a list that
 * names it again starts anew; a child that was terminated by a call stays so, and a line says how it comes back.
 *
 * Content must be the same on all nodes: no clock, no random number, nothing of the machine.
 *
 * @example
 * ```ts
 * import { Child, GroupRegistry, Pogo } from "effect-pogo"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const Poller = Child.make("Poller", { payload: { url: Schema.String } })
 * const PollerLive = Poller.toLayer(() => Effect.never)
 *
 * // The next release lists "home" alone: "news" ends when the last node of this one is gone.
 * const children = Pogo.exactly([
 *   Poller.spec("home", { url: "https://example.com" }),
 *   Poller.spec("news", { url: "https://example.com/news" })
 * ])
 *
 * const MainLive = PollerLive.pipe(
 *   Layer.provideMerge(Pogo.layer({ scope: "shop", children })),
 *   Layer.provide(GroupRegistry.layerMemory)
 * )
 * Layer.launch(MainLive)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const exactly = (specs: Iterable<Any>, options: ExactlyOptions = {}): Exactly => ({
  [ExactlyTypeId]: ExactlyTypeId,
  name: options.name ?? "main",
  specs,
  allowEmpty: options.allowEmpty ?? false
})

/** Whether children are a whole set. */
export const isExactly = (children: unknown): children is Exactly =>
  typeof children === "object" && children !== null &&
  Either.getOrElse(attempt(() => ExactlyTypeId in children), () => false)

/** The set of a list, by the list's name. */
export const setOfList = (name: string): string => `=${name}`

/** A list that was checked, as it is compared and stored. */
export interface EncodedList {
  readonly name: string
  readonly set: string
  /** Bodies by id, each with the set in it. */
  readonly listed: ReadonlyMap<ChildId, string>
  /** Versions of the children's kinds, by id. */
  readonly versions: ReadonlyMap<string, number>
  /** Equal for equal lists, in whatever order they name their children. */
  readonly digest: string
  readonly allowEmpty: boolean
}

const digestOf = (listed: ReadonlyMap<string, string>): string => {
  const ids = Array.from(listed.keys()).sort()
  // A body is JSON, and an id has no control characters.
  return digestText(ids.map((id) => `${id}\n${listed.get(id)}\n`).join(""))
}

/** Checks and encodes a list; fails on the first child that is not valid, or is there twice with different content. */
export const encodeExactly = ({ allowEmpty, name, specs }: Exactly): Effect.Effect<EncodedList, InvalidChildSpec> =>
  Effect.gen(function*() {
    const set = setOfList(name)
    const listed = new Map<ChildId, string>()
    const versions = new Map<string, number>()
    for (const spec of yield* readList("children", specs)) {
      const { body, id } = yield* encodeSpec(spec, set)
      yield* listOnce(listed, id, body)
      versions.set(id, decodeBody(body)?.version ?? 0)
    }
    return { name, set, listed, versions, digest: digestOf(listed), allowEmpty }
  })
