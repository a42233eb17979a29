/**
 * The query language, for children and events alike: terms between blanks, all of which must hold. A word is looked for in
 * the text; `key:value` compares a field; `-` in front negates; commas between values mean "or"; quotes keep blanks, commas
 * and colons as they are. Pure.
 *
 * @internal
 */
import { plain } from "./marks.js"

/** One term of a query. */
export interface Term {
  readonly not: boolean
  /** In lower case; `undefined` for a word. */
  readonly key: string | undefined
  /** The values, of which one must be the case. A word has one; none were written yet behind a key that ends the query. */
  readonly values: ReadonlyArray<string>
}

/** A query, and what is wrong with it. With a problem it finds nothing, so that nobody acts on more than was meant. */
export interface ParsedQuery {
  readonly terms: ReadonlyArray<Term>
  /** Words. */
  readonly problem: string | undefined
}

/** Limit of a query, characters. */
export const maxQuery = 1_000

/** Limit of its terms, and of all their values. */
export const maxTerms = 32
const maxValues = 200

/** A field that a query may ask for. */
export interface QueryKey {
  /** What a value of it is, for those who write a query. */
  readonly hint: string
  /** What is wrong with a value, as text; `undefined` if nothing is. Default: nothing ever is. */
  readonly fault?: (value: string) => string | undefined
}

/** The keys of a query, by their names. */
export type QueryKeys = { readonly [key: string]: QueryKey }

/** The pieces of a text between blanks; a quote that is not closed reaches to the end. */
const pieces = (text: string): ReadonlyArray<string> => text.match(/(?:"(?:\\[^]|[^"\\])*(?:"|\\?$)|[^\s"])+/g) ?? []

/** Splits at commas outside of quotes. */
const split = (text: string): ReadonlyArray<string> => text.match(/(?:"(?:\\[^]|[^"\\])*(?:"|\\?$)|[^,"])+/g) ?? []

/** A value without its quotes. */
const unquoted = (text: string): string =>
  text.replace(/"((?:\\[^]|[^"\\])*)(?:"|\\?$)/g, (_, inside: string) => inside.replace(/\\([^])/g, "$1"))

/** A value as it is written in a query. */
export const quoted = (value: string): string =>
  value === "" || /[\s",:]|^-/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : value

const readTerm = (piece: string): Term => {
  const not = piece.startsWith("-") && piece.length > 1
  const text = not ? piece.slice(1) : piece
  const [, key, rest = ""] = /^([A-Za-z]+):([^]*)$/.exec(text) ?? []
  if (key === undefined) return { not, key, values: [unquoted(text)] }
  return { not, key: key.toLowerCase(), values: split(rest).map(unquoted) }
}

/** A term as it is written. */
export const printTerm = ({ key, not, values }: Term): string =>
  `${not ? "-" : ""}${key === undefined ? "" : `${key}:`}${values.map(quoted).join(",")}`

/** Terms as a query. */
export const printTerms = (terms: ReadonlyArray<Term>): string => terms.map(printTerm).join(" ")

const faultOf = (term: Term, keys: QueryKeys): string | undefined => {
  if (term.key === undefined) return undefined
  if (!Object.hasOwn(keys, term.key)) {
    return `There is no filter "${term.key}:". There are: ${Object.keys(keys).join(", ")}.`
  }
  for (const value of term.values) {
    const wrong = keys[term.key]!.fault?.(value)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const problemOf = (text: string, terms: ReadonlyArray<Term>, keys: QueryKeys): string | undefined => {
  if (text.length > maxQuery) return `The query is too long: ${maxQuery} characters at most.`
  if (terms.length > maxTerms) return `The query has too many terms: ${maxTerms} at most.`
  const values = terms.reduce((sum, term) => sum + term.values.length, 0)
  if (values > maxValues) return `The query has too many values: ${maxValues} at most.`
  for (const term of terms) {
    const wrong = faultOf(term, keys)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** Reads a query. Never throws. */
export const parseQuery = (text: string, keys: QueryKeys): ParsedQuery => {
  const terms = pieces(text.slice(0, maxQuery)).map(readTerm)
  const problem = problemOf(text, terms, keys)
  return { terms, problem: problem === undefined ? undefined : plain(problem) }
}

// Values.

/** A test of a name by a value: the same without regard to case, where `*` stands for any text. */
export const nameTest = (value: string): (name: string) => boolean => {
  const wanted = value.toLowerCase()
  if (!wanted.includes("*")) return (name) => name.toLowerCase() === wanted
  const parts = wanted.split("*")
  const [first, last] = [parts[0]!, parts.at(-1)!]
  const middle = parts.slice(1, -1)
  return (name) => {
    const text = name.toLowerCase()
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
    let at = first.length
    for (const part of middle) {
      const found = text.indexOf(part, at)
      if (found < 0 || found + part.length > text.length - last.length) return false
      at = found + part.length
    }
    return true
  }
}

type Comparison = (a: number, b: number) => boolean

const comparisons: { readonly [sign: string]: Comparison } = {
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "=": (a, b) => a === b
}

const compared = (value: string): readonly [sign: string, rest: string] => {
  const [, sign = "", rest = ""] = /^([<>]=?|=?)([^]*)$/.exec(value) ?? []
  return [sign, rest.trim()]
}

/** A test of a number by a value such as `>3`, `<=2` or `3`; `undefined` if it is none. */
export const numberTest = (value: string): ((n: number) => boolean) | undefined => {
  const [sign, rest] = compared(value)
  if (!/^\d{1,15}$/.test(rest)) return undefined
  const [than, test] = [Number(rest), comparisons[sign === "" ? "=" : sign]!]
  return (n) => test(n, than)
}

const units: { readonly [unit: string]: number } = {
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000
}

/** A test of a length of time, in milliseconds, by a value such as `<5m`; `5m` alone means at least that. */
export const ageTest = (value: string): ((millis: number) => boolean) | undefined => {
  const [sign, rest] = compared(value)
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?) ?(s|m|min|h|d)$/i.exec(rest) ?? []
  if (count === undefined || unit === undefined) return undefined
  const [than, test] = [Number(count) * units[unit.toLowerCase()]!, comparisons[sign === "" ? ">=" : sign]!]
  return (millis) => test(millis, than)
}
