/**
 * Lists of specs that users give, read once.
 *
 * @internal
 */
import * as Either from "effect/Either"
import type { Any } from "../../ChildSpec.js"
import type { InvalidChildSpec } from "../../PogoError.js"
import { fault } from "./canonicalJson.js"
import { invalid } from "./specCodec.js"

/**
 * The most specs that one list has. A scope is made for half as many children; an iterable without an end would fill the
 * memory before anything is sent.
 */
export const maxListed = 250_000

/** The specs of a list. `of`: whom the list is for. A `Left` where it is no list, has no end, or throws when it is read. */
export const readList = (of: string, specs: Iterable<Any>): Either.Either<ReadonlyArray<Any>, InvalidChildSpec> => {
  const wrong = (value: unknown, problem: string, remedy: string) =>
    Either.left(invalid(of, fault("specs", value, problem, remedy)))
  const isList = (typeof specs === "object" && specs !== null) || typeof specs === "string"
  if (!isList) return wrong(specs, "is no list of specs", "give an array of specs")
  const list: Array<Any> = []
  try {
    for (const spec of specs) {
      if (list.length === maxListed) {
        return wrong(`${maxListed} specs`, "is not all of them: the list is longer", "give several shorter lists")
      }
      list.push(spec)
    }
  } catch (error) {
    return wrong(error, "was thrown when the list was read", "give an array of specs")
  }
  return Either.right(list)
}

/** Adds a child to those that are listed; a `Left` where it is there already, with other content. */
export const listOnce = <Id extends string>(
  listed: Map<Id, string>,
  id: Id,
  body: string
): Either.Either<void, InvalidChildSpec> => {
  if ((listed.get(id) ?? body) !== body) {
    return Either.left(invalid(id, fault("key", id, "is listed twice with different content", "list each child once")))
  }
  listed.set(id, body)
  return Either.void
}
