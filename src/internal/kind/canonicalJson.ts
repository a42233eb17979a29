/**
 * Canonical JSON, so that equal content is equal text: of specs' bodies, and of children's states. What is no JSON, too
 * deep or too long is a fault that names its place.
 *
 * @internal
 */
import { describe } from "../runtime/userInput.js"

/** Limit of a text, characters. */
export const maxJsonLength = 64 * 1024

/** Limit of the nesting, levels. */
export const maxDepth = 64

/** Field of a spec that is refused: its value, what is wrong with it, and a remedy. */
export interface Fault {
  readonly field: string
  readonly value: string
  readonly problem: string
  readonly remedy: string
}

/** Makes a fault. */
export const fault = (field: string, value: unknown, problem: string, remedy: string): Fault => ({
  field,
  value: describe(value),
  problem,
  remedy
})

/** An object that is written as JSON as it is. */
export const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** What cannot be written: the fault, or the size of what is too large. */
export class Unfit extends Error {
  constructor(readonly fault: Fault, readonly size?: number) {
    super(fault.problem)
  }
}

const tooLong = (size: number): Unfit =>
  new Unfit(
    fault("value", `${size} bytes or more`, `is longer than ${maxJsonLength}`, "keep large data elsewhere"),
    size
  )

const writeNumber = (value: number, path: string): string => {
  if (Number.isFinite(value)) return JSON.stringify(value)
  throw new Unfit(fault(path, value, "is not finite", "use a finite number"))
}

const writeString = (value: string, path: string): string => {
  if (value.length > maxJsonLength) throw tooLong(value.length)
  if (value.isWellFormed()) return JSON.stringify(value)
  throw new Unfit(fault(path, value, "is not well-formed text (it has a lone surrogate)", "use valid Unicode"))
}

/**
 * Size check of each part as it is written: data that contains itself many times over would outgrow the memory before the
 * whole could be measured.
 */
const bounded = (text: string): string => {
  if (text.length > maxJsonLength) throw tooLong(text.length)
  return text
}

/** Parts between brackets, made one after the other until they are too long. */
const join = (open: string, count: number, part: (index: number) => string, close: string): string => {
  // Each part takes two bytes at least, with its comma.
  if (2 * count > maxJsonLength) throw tooLong(2 * count)
  let text = open
  for (let i = 0; i < count; i++) text = bounded(`${text}${i > 0 ? "," : ""}${part(i)}`)
  return bounded(`${text}${close}`)
}

const writeObject = (value: object, path: string, depth: number): string => {
  if (depth > maxDepth) {
    throw new Unfit(fault(path, "...", `is nested deeper than ${maxDepth}`, "flatten it, or store it elsewhere"))
  }
  if (Array.isArray(value)) {
    return join("[", value.length, (i) => writeJson(value[i], `${path}[${i}]`, depth + 1), "]")
  }
  if (!isPlain(value)) {
    throw new Unfit(fault(path, value, "is not plain JSON", "give the schema an encoded form that is JSON"))
  }
  return writeFields(value as Record<string, unknown>, path, depth)
}

/** The fields of an object, sorted by their names, each read once. Those that are undefined are left out. */
const writeFields = (record: Record<string, unknown>, path: string, depth: number): string => {
  const names = Object.keys(record)
  // Each field takes two bytes at least: very many are not sorted in vain.
  if (2 * names.length > maxJsonLength) throw tooLong(2 * names.length)
  let text = "{"
  for (const name of names.sort()) {
    const field = record[name]
    if (field === undefined) continue
    const comma = text.length > 1 ? "," : ""
    text = bounded(`${text}${comma}${writeString(name, path)}:${writeJson(field, `${path}.${name}`, depth + 1)}`)
  }
  return bounded(`${text}}`)
}

/** Writes canonical JSON: keys sorted, nothing dropped in silence. Throws an `Unfit`, and what a getter throws. */
export const writeJson = (value: unknown, path: string, depth: number): string => {
  if (value === null || typeof value === "boolean") return String(value)
  if (typeof value === "number") return writeNumber(value, path)
  if (typeof value === "string") return writeString(value, path)
  if (typeof value === "object") return writeObject(value, path, depth)
  throw new Unfit(fault(path, value, `is a ${typeof value}, not JSON`, "give the schema an encoded form that is JSON"))
}
