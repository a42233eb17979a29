/**
 * Queries about children: their keys, and how a line of the index is compared with them.
 *
 * @internal
 */
import { type Status, statuses } from "./answers.js"
import { ageTest, nameTest, numberTest, parseQuery, type QueryKeys, type Term } from "./query.js"

/** What of a child is compared with queries. */
export interface Comparable {
  /** Its id in lower case. */
  readonly lower: string
  readonly kind: string
  readonly status: Status
  readonly node: string | undefined
  readonly last: string | undefined
  readonly set: string | undefined
  /** Of the node that has it. */
  readonly revision: string | undefined
  readonly restarts: number
  /** Unix milliseconds; 0 where it is not known. */
  readonly since: number
}

/** Whether a child does not run as it should. */
export const isTrouble = ({ status }: Pick<Comparable, "status">): boolean => status !== "Running"

const names = (list: ReadonlyArray<string>): string => list.map((name) => name.toLowerCase()).join(", ")

/** The keys of queries about children. */
export const childKeys: QueryKeys = {
  status: {
    hint: "failed, pending, overdue, ...",
    fault: (value) =>
      value === "" || statuses.some((status) => status.toLowerCase().startsWith(value.toLowerCase()))
        ? undefined
        : `There is no status "${value}". There are: ${names(statuses)}.`
  },
  kind: { hint: "what it is" },
  node: { hint: "where it runs; none" },
  set: { hint: "set of reconcile; none" },
  revision: { hint: "of the node that has it; none" },
  restarts: {
    hint: ">3",
    fault: (value) => numberTest(value) === undefined ? `"restarts:" takes a number, as in restarts:>3.` : undefined
  },
  age: {
    hint: "<5m, in its status",
    fault: (value) =>
      ageTest(value) === undefined ? `"age:" takes a length of time, as in age:<5m or age:>2h.` : undefined
  },
  last: { hint: "node that ran it last; none" },
  is: {
    hint: "trouble",
    fault: (value) =>
      value === "" || value.toLowerCase() === "trouble" ? undefined : `There is no "is:${value}". There is: is:trouble.`
  }
}

/** Reads a query about children. */
export const parseChildQuery = (text: string) => parseQuery(text, childKeys)

type Test = (child: Comparable, now: number) => boolean

const nameOrNone = (value: string, of: (child: Comparable) => string | undefined): Test => {
  const test = nameTest(value)
  return value.toLowerCase() === "none" ? (child) => of(child) === undefined : (child) => {
    const name = of(child)
    return name !== undefined && test(name)
  }
}

const testOf = (key: string, value: string): Test => {
  switch (key) {
    case "status": {
      const wanted = value.toLowerCase()
      const exact = statuses.find((status) => status.toLowerCase() === wanted)
      return exact === undefined
        ? ({ status }) => status.toLowerCase().startsWith(wanted)
        : ({ status }) => status === exact
    }
    case "kind":
      return nameOrNone(value, ({ kind }) => kind)
    case "node":
      return nameOrNone(value, ({ node }) => node)
    case "set":
      return nameOrNone(value, ({ set }) => set)
    case "revision":
      return nameOrNone(value, ({ revision }) => revision)
    case "last":
      return nameOrNone(value, ({ last }) => last)
    case "restarts": {
      const test = numberTest(value)
      return ({ restarts }) => test?.(restarts) === true
    }
    case "age": {
      const test = ageTest(value)
      return ({ since }, now) => since > 0 && test?.(now - since) === true
    }
    default:
      return key === "is" && value.toLowerCase() === "trouble" ? isTrouble : () => false
  }
}

/** The test that a term is. One whose values are still to be written holds for all. */
export const termTest = ({ key, not, values }: Term): Test => {
  if (key === undefined) {
    const word = values[0]!.toLowerCase()
    return ({ lower }) => lower.includes(word) !== not
  }
  if (values.every((value) => value === "")) return () => true
  const tests = values.filter((value) => value !== "").map((value) => testOf(key, value))
  return tests.length === 1
    ? (child, now) => tests[0]!(child, now) !== not
    : (child, now) => tests.some((test) => test(child, now)) !== not
}

/** A test of all terms. */
export const allOf = (terms: ReadonlyArray<Term>): Test => {
  const tests = terms.map(termTest)
  if (tests.length === 0) return () => true
  if (tests.length === 1) return tests[0]!
  return (child, now) => tests.every((test) => test(child, now))
}
