/**
 * Values that users give: options from code and from the environment, names, and how errors show what is wrong.
 *
 * @internal
 */
import * as Config from "effect/Config"
import { printValue } from "./userCode.js"

/** A config that is `undefined` where nothing is set. */
export const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.withDefault(config as Config.Config<A | undefined>, undefined)

/** A text that is `undefined` where nothing, or only white space, is set. */
export const optionalText = (name: string): Config.Config<string | undefined> =>
  optional(Config.map(Config.string(name), (text) => (text.trim() === "" ? undefined : text)))

/** Options, with those of the overrides that are not `undefined` in their place. */
export const overridden = <A extends object>(options: A, overrides: Partial<A>): A => {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
  return { ...options, ...given }
}

/** The rule of names of scopes and nodes, in words. */
export const nameRule = "1 to 128 bytes, without control characters and | # { }"

/** True if a value is a name: names are parts of keys and records, where some characters have a meaning. */
export const isName = (text: unknown): text is string =>
  typeof text === "string" && text !== "" && Buffer.byteLength(text) <= 128 && text.isWellFormed() &&
  // oxlint-disable-next-line no-control-regex
  !/[\u0000-\u001f\u007f|#{}]/.test(text)

/** Limit of a child's id, bytes. */
export const maxIdBytes = 512

/** The first option that is none of the known ones: a misspelt name would be ignored in silence. */
export const unknownOption = (options: object, known: ReadonlySet<string>): string | undefined =>
  Object.keys(options).find((name) => !known.has(name))

/** Limit of who asks for something, and of why, characters: both are shown to operators. */
export const maxAsked = 200

/** What is wrong with who asks for something, or why, if anything is: it is told in one line. */
export const problemOfAsked = (text: unknown): string | undefined => {
  if (typeof text !== "string") return "is not a text"
  if (Array.from(text).length > maxAsked) return `has more than ${maxAsked} characters`
  // oxlint-disable-next-line no-control-regex
  if (!text.isWellFormed() || /[\u0000-\u001f\u007f]/.test(text)) return "has characters that cannot be shown"
  return undefined
}

/** What is wrong with a value, and a remedy. */
export interface Objection {
  readonly problem: string
  readonly remedy: string
}

// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f]/

/** What is wrong with the name of a kind, a key or a label; `undefined` if nothing is. */
export const objectionToName = (value: unknown): Objection | undefined => {
  if (typeof value !== "string") return { problem: "is not a string", remedy: "use a string" }
  if (value === "") return { problem: "is empty", remedy: "give it at least one character" }
  if (control.test(value)) return { problem: "has a control character", remedy: "use printable characters" }
  if (!value.isWellFormed()) return { problem: "is not well-formed text", remedy: "use valid Unicode" }
  return undefined
}

/** What is wrong with the id of a child, which is `kind/key`; `undefined` if nothing is. */
export const objectionToId = (id: unknown): Objection | undefined => {
  const wrong = objectionToName(id)
  if (wrong !== undefined) return wrong
  const text = id as string
  if (Buffer.byteLength(text) > maxIdBytes) {
    return { problem: `is over ${maxIdBytes} bytes`, remedy: "use a shorter key" }
  }
  const slash = text.indexOf("/")
  if (slash > 0 && slash < text.length - 1) return undefined
  return { problem: "is not of the form kind/key", remedy: "make it with the `id` of a kind: kind.id(key)" }
}

/** A value as text of at most 123 characters. Never throws, though a value of somebody else's may when it is rendered. */
export const describe = (value: unknown): string => printValue(value, 120)
