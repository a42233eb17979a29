/**
 * Sets: which one a child is a member of stands in the stored body, since only the spec survives a loss of data by
 * itself. It is no part of the content: bodies are compared without it.
 *
 * @internal
 */
import * as Either from "effect/Either"
import type { InvalidChildSpec } from "../../PogoError.js"
import { digestText } from "../runtime/hash.js"
import { isName, nameRule } from "../runtime/userInput.js"
import { fault } from "./canonicalJson.js"
import { invalid, writeStored } from "./specCodec.js"

/** The fields of a stored body, if they say a set; `undefined` for a body that is not JSON, or names none. */
const fieldsWithSet = (body: string): Record<string, unknown> | undefined => {
  // The payload may have a field of that name, too.
  if (!body.includes("\"set\":")) return undefined
  try {
    const fields: unknown = JSON.parse(body)
    return typeof fields === "object" && fields !== null && Object.hasOwn(fields, "set")
      ? fields as Record<string, unknown>
      : undefined
  } catch {
    return undefined
  }
}

/** The content of a stored body: the body without the set. */
export const contentOf = (body: string): string => {
  const fields = fieldsWithSet(body)
  if (fields === undefined) return body
  const { set: _, ...content } = fields
  return writeStored(content) ?? body
}

/** Whether two stored bodies have the same content, whatever the sets that they name. */
export const isSameContent = (a: string, b: string): boolean => a === b || contentOf(a) === contentOf(b)

/** The digest of a stored body's content: 16 hexadecimal digits. */
export const digestOfContent = (body: string): string => digestText(contentOf(body))

/** A body without a set, as one of a member of a set; a `Left` where that is too large. */
export const asMember = (
  id: string,
  body: string,
  set: string | undefined
): Either.Either<string, InvalidChildSpec> => {
  if (set === undefined) return Either.right(body)
  const written = writeStored({ ...JSON.parse(body) as object, set })
  return written === undefined
    ? Either.left(
      invalid(id, {
        field: "payload",
        value: `${body.length} bytes`,
        problem: `makes the spec too large beside the name of its set, "${set}"`,
        remedy: "keep large data elsewhere, and a reference to it here"
      })
    )
    : Either.right(written)
}

/** The name of a set, checked. `undefined` stands for a kind's unnamed set. */
export const checkSet = (kind: string, set: unknown): Either.Either<string | undefined, InvalidChildSpec> => {
  if (set === undefined || (isName(set) && !set.startsWith("="))) return Either.right(set)
  const problem = `is no name of a set (${nameRule}; no = in front)`
  const remedy = "give another name, or leave it out for the kind's unnamed set"
  return Either.left(invalid(kind, fault("set", set, problem, remedy)))
}
