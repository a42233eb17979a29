/**
 * The boundary to the code and the values of users: everything that is theirs is run, printed and measured here, or by
 * what this module gives. Nothing here throws, whatever it is given, and nothing takes longer than its bounds allow.
 * Trouble comes back as a text, for the status of the one child that it belongs to.
 *
 * Whoever prints an error, logs, forks on a user's runtime or lets himself be called back by a fiber takes the means
 * from here: `npm run lint` finds other ways in `src` (`.ci/modules.mjs`).
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import type * as FiberRefs from "effect/FiberRefs"
import * as HashSet from "effect/HashSet"
import type * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Runtime from "effect/Runtime"

// Running.

/** Runs a user's synchronous code. A `Left` is what it threw, printed. */
export const attempt = <A>(run: () => A): Either.Either<A, string> => {
  try {
    return Either.right(run())
  } catch (error) {
    return Either.left(printError(error))
  }
}

/** The value of a user's synchronous code; `otherwise` where it throws. */
const valueOf = <A, B>(run: () => A, otherwise: B): A | B => {
  try {
    return run()
  } catch {
    return otherwise
  }
}

/**
 * A number by a user's code: a text that says why there is none, where that throws or gives something else. Plain
 * arguments and no closure, since a node asks for very many scores.
 */
export const numberBy = <A, B>(code: (a: A, b: B) => unknown, a: A, b: B): number | string => {
  try {
    const value = code(a, b)
    if (typeof value === "number" && !Number.isNaN(value)) return value
    if (!(value instanceof Promise)) return `is ${printValue(value, 100)}, and no number`
    // Nobody waits for it: should it reject, that would end the process.
    value.catch(() => {})
    return "is a promise, and no number"
  } catch (error) {
    return `threw: ${printError(error, 300)}`
  }
}

/** `instanceof` for values of users: a proxy may throw when it is asked. */
export const isInstance = <A>(value: unknown, type: abstract new(...args: ReadonlyArray<never>) => A): value is A =>
  valueOf(() => value instanceof type, false)

/** The `_tag` of a user's error; `undefined` where it has none that can be read. */
export const tagOf = (error: unknown): string | undefined => {
  const tag = valueOf(() => (error as { readonly _tag?: unknown } | null | undefined)?._tag, undefined)
  return typeof tag === "string" ? clip(tag, 128) : undefined
}

/** `Effect.die` for what a user's code threw: `Effect.die` itself asks a defect for its span, and a proxy may throw then. */
export const dies = (defect: unknown): Effect.Effect<never> => Effect.failCause(Cause.die(defect))

/**
 * Makes an effect by a user's code, as by a schema. What that throws is the effect's defect, instead of the caller's.
 * The effect is handed on as it is made, so that one that is done already can be told.
 */
export const effectBy = <A, E, R>(make: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  try {
    return make()
  } catch (error) {
    return dies(error)
  }
}

/** What a callback of our own throws: a fault of ours, which must reach neither the event loop nor its neighbours. */
export type Report = (what: string, trouble: string) => void

/** Says on the console what nobody else is there to hear. */
const reportToConsole: Report = (what, trouble) => void Effect.runFork(logError(faultText(what, trouble)))

/** The line about a fault of our own. */
export const faultText = (what: string, trouble: string): string =>
  `${what} threw, and what it was about to do may be left undone; please report this: ${trouble}`

/**
 * Runs a step that is called back by a fiber, a timer or an event: places from which an exception would end the
 * process, or rob others of their turn. `what` names the step.
 */
export const contain = (what: string, step: () => void, report: Report = reportToConsole): void => {
  try {
    step()
  } catch (error) {
    const trouble = printError(error)
    valueOf(() => report(what, trouble), undefined)
  }
}

/** Has a callback called at the end of a fiber; see `contain`. */
export const observe = <A, E>(
  fiber: Fiber.RuntimeFiber<A, E>,
  what: string,
  onEnd: (exit: Exit.Exit<A, E>) => void,
  report?: Report
): void => fiber.addObserver((exit) => contain(what, () => onEnd(exit), report))

/** What stands for the cause of a failure that is none: a user's code may fail with whatever it likes. */
const noCause = (): Cause.Cause<never> => Cause.die(new Error("it failed with what is no cause"))

/** A cause that may be looked at: Effect's own code throws for what is none, where nobody catches it. */
export const soundCause = <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
  valueOf(() => Cause.isCause(cause), false) ? cause : noCause()

/** An exit whose cause may be looked at; see `soundCause`. */
export const soundExit = <A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E> => {
  if (Exit.isSuccess(exit)) return exit
  const cause = soundCause(exit.cause)
  return cause === exit.cause ? exit : Exit.failCause(cause)
}

const quiet = FiberRef.set(FiberRef.unhandledErrorLogLevel, Option.none())

/**
 * Keeps a fiber that is about to be made, and those that it forks, from logging its own failure, as its `updateRefs`:
 * cheaper than `endingQuietly`.
 */
export const quietFiber = (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime): FiberRefs.FiberRefs => {
  refs.locals.set(FiberRef.unhandledErrorLogLevel, [[fiberId, Option.none()]])
  return refs
}

/**
 * Keeps the fiber of an effect from logging its own failure. It would do so before it calls those who observe it, and
 * they would never hear of its end if a logger threw, or could not print the cause.
 */
export const endingQuietly = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.ensuring(effect, quiet)

/**
 * Forks a user's code on the user's runtime. What that throws meanwhile is the exit of the fiber, or where there is none
 * yet, of the call: `onEnd` is called once, whatever happens.
 */
export const forkUser = <A, E>(
  runtime: Runtime.Runtime<never>,
  effect: Effect.Effect<A, E>,
  what: string,
  onEnd: (exit: Exit.Exit<A, E>) => void,
  options?: Runtime.RunForkOptions
): Fiber.RuntimeFiber<A, E> | undefined => {
  let fiber: Fiber.RuntimeFiber<A, E>
  try {
    fiber = Runtime.runFork(runtime)(endingQuietly(effect), options)
  } catch (error) {
    contain(what, () => onEnd(Exit.die(error)))
    return undefined
  }
  observe(fiber, what, onEnd)
  return fiber
}

/**
 * The exit of a user's effect that is done without waiting, `None` for one that waits: it is interrupted, and is for a
 * fiber that may wait to run anew.
 */
export const exitNow = <A, E>(make: () => Effect.Effect<A, E>): Option.Option<Exit.Exit<A, E>> => {
  const effect = effectBy(make)
  if (Exit.isExit(effect)) return Option.some(effect as Exit.Exit<A, E>)
  if (Either.isEither(effect)) {
    return Option.some(Either.match(effect as Either.Either<A, E>, { onLeft: Exit.fail, onRight: Exit.succeed }))
  }
  try {
    const fiber = Effect.runFork(endingQuietly(effect))
    const exit = fiber.unsafePoll()
    if (exit === null) fiber.unsafeInterruptAsFork(FiberId.none)
    return Option.fromNullable(exit)
  } catch (error) {
    // Effect itself asks what was thrown whether it is an interruption: a proxy may throw then, too.
    return Option.some(Exit.die(error))
  }
}

// Logging.

const harmless = (log: Effect.Effect<void>): Effect.Effect<void> => Effect.catchAllDefect(log, () => Effect.void)

/** `Effect.logDebug` for the node's own lines: a logger is a user's code, and one that throws stops nothing here. */
export const logDebug = (line: string): Effect.Effect<void> => harmless(Effect.logDebug(line))

/** `Effect.logInfo`; see `logDebug`. */
export const logInfo = (line: string): Effect.Effect<void> => harmless(Effect.logInfo(line))

/** `Effect.logWarning`; see `logDebug`. */
export const logWarning = (line: string): Effect.Effect<void> => harmless(Effect.logWarning(line))

/** `Effect.logError`; see `logDebug`. */
export const logError = (line: string): Effect.Effect<void> => harmless(Effect.logError(line))

/** Ignores a failure, and logs it at the level debug. */
export const ignoreLogged = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<void, never, R> =>
  Effect.catchAllCause(Effect.asVoid(effect), (cause) => logDebug(printCause(cause)))

const guarded = (logger: Logger.Logger<unknown, unknown>): Logger.Logger<unknown, unknown> => ({
  ...logger,
  log: (line) => valueOf(() => logger.log(line), undefined)
})

/**
 * Has the fibers of an effect, and those that they fork, log by loggers that do not throw, one beside the other. It is
 * for the lines of Effect's own: that of a fiber that ends with an unhandled failure would otherwise keep those who
 * observe the fiber from hearing of its end.
 */
export const withHarmlessLoggers = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    FiberRef.get(FiberRef.currentLoggers),
    (loggers) => Effect.locally(effect, FiberRef.currentLoggers, HashSet.map(loggers, guarded))
  )

// Measuring.

/** Bounds of a value: how many values it may be made of, and how long its texts and bytes may be together. */
export interface Bounds {
  readonly parts: number
  readonly length: number
}

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** An instance of a class that was made by a schema. */
const isOfSchema = (value: object): boolean => {
  const { constructor } = value as { readonly constructor?: unknown }
  return typeof constructor === "function" && "ast" in constructor
}

/**
 * Whether a value outgrows its bounds. It is looked at no further than they reach, and none of its getters is run. Of a
 * class of a user's own only the instances of those that were made by a schema are looked into: others may be handles
 * of anything. Throws what a proxy throws: to be called by `attempt`.
 */
export const outgrows = (value: unknown, bounds: Bounds): boolean => {
  let { length, parts } = bounds
  const seen = new Set<object>()
  const left: Array<unknown> = []
  const take = (inner: ReadonlyArray<unknown>): void => {
    for (const one of inner) if (typeof one === "string" || (typeof one === "object" && one !== null)) left.push(one)
  }
  take([value])
  while (left.length > 0 && parts >= 0 && length >= 0) {
    const next = left.pop() as string | object
    if (typeof next === "string") length -= next.length
    else if (ArrayBuffer.isView(next)) length -= next.byteLength
    else if (!seen.has(next)) {
      seen.add(next)
      if (Array.isArray(next)) {
        parts -= next.length
        if (parts >= 0) take(next)
      } else if (next instanceof Map || next instanceof Set) {
        parts -= next.size
        if (parts >= 0) take(Array.from<unknown>(next).flat())
      } else if (isPlain(next) || isOfSchema(next)) {
        const names = Object.keys(next)
        parts -= names.length
        if (parts >= 0) take(names.map((name) => Object.getOwnPropertyDescriptor(next, name)?.value as unknown))
      }
    }
  }
  return parts < 0 || length < 0
}

// Printing.

/** Shortens a text to so many characters, without halving one. */
const clip = (text: string, max: number): string => {
  if (text.length <= max) return text
  const end = /[\uD800-\uDBFF]/.test(text.charAt(max - 1)) ? max - 1 : max
  return `${text.slice(0, end)}...`
}

/** What stands for a part of a value that throws when it is read. */
const unreadable = "<unreadable>"

/** Levels of a value that are printed. */
const maxDepth = 16

/** Writes values as JSON as far as they are that, and stops when it has written enough. */
class Printer {
  private text = ""
  private readonly parents: Array<object> = []

  constructor(private readonly max: number) {}

  print(value: unknown): string {
    this.write(value)
    return this.text
  }

  private get full(): boolean {
    return this.text.length > this.max
  }

  private write(value: unknown): void {
    if (this.full) return
    switch (typeof value) {
      case "string":
        this.text += JSON.stringify(clip(value, this.max))
        return
      case "bigint":
        this.text += valueOf(() => `${value}n`, unreadable)
        return
      case "object":
        if (value === null) this.text += "null"
        else this.writeObject(value)
        return
      case "number":
      case "boolean":
      case "undefined":
        this.text += String(value)
        return
      default:
        this.text += `<${typeof value}>`
    }
  }

  private writeObject(value: object): void {
    if (this.parents.includes(value)) {
      this.text += "<circular>"
      return
    }
    if (this.parents.length >= maxDepth) {
      this.text += "..."
      return
    }
    this.parents.push(value)
    const before = this.text
    const own = valueOf(() => this.writeContent(value), unreadable)
    if (own !== undefined) this.text = before + own
    this.parents.pop()
  }

  /** Returns a text that is to stand in place of all that was written of the value. */
  private writeContent(value: object): string | undefined {
    // The JSON of bytes is an array of them, however many there are.
    if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`
    if (isInstance(value, Error)) return messageOf(value)
    const { toJSON } = value as { readonly toJSON?: unknown }
    if (typeof toJSON === "function") {
      const json: unknown = toJSON.call(value)
      if (json !== value) {
        this.write(json)
        return undefined
      }
    }
    if (Array.isArray(value)) this.writeArray(value)
    else this.writeFields(value as Record<string, unknown>)
    return undefined
  }

  private writeArray(values: ReadonlyArray<unknown>): void {
    this.text += "["
    const { length } = values
    for (let i = 0; i < length && !this.full; i++) {
      if (i > 0) this.text += ","
      this.write(valueOf(() => values[i], unreadable))
    }
    this.text += "]"
  }

  private writeFields(record: Record<string, unknown>): void {
    this.text += "{"
    let first = true
    for (const name of Object.keys(record)) {
      if (this.full) break
      const value = valueOf(() => record[name], unreadable)
      if (value === undefined || typeof value === "function" || typeof value === "symbol") continue
      this.text += `${first ? "" : ","}${JSON.stringify(clip(name, this.max))}:`
      first = false
      this.write(value)
    }
    this.text += "}"
  }
}

/** A value as text of about `max` characters: JSON as far as it is that, with what JSON cannot say said otherwise. */
export const printValue = (value: unknown, max: number): string => clip(new Printer(max).print(value), max)

/** A text of a user's own making: what `toString` gives, where the value has one of its own. */
const ownText = (value: unknown): string | undefined =>
  valueOf(() => {
    if (typeof value !== "object" || value === null) return undefined
    const { toString } = value as { readonly toString?: unknown }
    const isOwn = typeof toString === "function" && toString !== Object.prototype.toString &&
      toString !== Array.prototype.toString
    const text: unknown = isOwn ? toString.call(value) : undefined
    return typeof text === "string" ? text : undefined
  }, undefined)

/** A property of an error, as text. */
const textOf = (error: Error, name: "message" | "name" | "stack"): string => {
  const value = valueOf((): unknown => error[name], name === "stack" ? "" : unreadable)
  return typeof value === "string" ? value : value === undefined ? "" : printValue(value, maxText)
}

/** Longest text of an error, or of a part of it, that is looked at. */
const maxText = 8_000

const messageOf = (error: Error): string => clip(textOf(error, "message") || textOf(error, "name"), maxText)

/** What is wrong, in one text: the message of an error, or another value as it prints. `max`: characters. */
export const printError = (error: unknown, max = 1_000): string => {
  if (typeof error === "string") return clip(error, max)
  if (isInstance(error, Error)) return clip(messageOf(error), max)
  return clip(ownText(error) ?? printValue(error, max), max)
}

/** What does not fit a schema, in words. The schema's own texts are a user's code. `max`: characters. */
export const printParseError = (error: ParseResult.ParseError, max = 1_000): string =>
  clip(valueOf(() => ParseResult.TreeFormatter.formatErrorSync(error), "its schema's own message threw"), max)

/** A copy of an error that prints like it, without any code of the user's in it. */
const copyOf = (error: unknown): unknown => {
  if (!isInstance(error, Error)) return error === undefined ? error : printError(error, maxText)
  const message = textOf(error, "message")
  const name = textOf(error, "name")
  // Before its frames a stack has the message: of a very long one the frames are not worth the copy.
  const stack = message.length > maxText ? "" : textOf(error, "stack")
  const head = `${name}: ${message}`
  const copy = new Error(clip(message, maxText))
  copy.name = clip(name, 200)
  const frames = stack.startsWith(head) ? stack.slice(head.length, head.length + maxText) : stack.slice(0, maxText)
  copy.stack = stack.startsWith(head) ? `${copy.name}: ${copy.message}${frames}` : frames
  return copy
}

/** Errors and defects of a cause that are printed; others are counted. */
const maxErrors = 10

/** The first errors and defects of a cause, and how many there are. Causes may be deep. */
const errorsOf = (cause: Cause.Cause<unknown>): { readonly errors: ReadonlyArray<unknown>; readonly count: number } => {
  const errors: Array<unknown> = []
  let count = 0
  const left: Array<Cause.Cause<unknown>> = [cause]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next._tag === "Sequential" || next._tag === "Parallel") left.push(next.right, next.left)
    else if (next._tag === "Fail" || next._tag === "Die") {
      if (count++ < maxErrors) errors.push(next._tag === "Fail" ? next.error : next.defect)
    }
  }
  return { errors, count }
}

/** A line of a stack that shows Effect's own code, not the child's. */
const isLibraryLine = (line: string): boolean => /^\s+at .*[/\\]node_modules[/\\]effect[/\\]/.test(line)

/** Shortens a rendered cause to whole lines within `max`. */
const shorten = (text: string, max: number): string => {
  const lines = text.split("\n").filter((line) => !isLibraryLine(line))
  let length = 0
  const kept = lines.filter((line) => (length += line.length + 1) <= max)
  return kept.length > 0 ? kept.join("\n") : text.slice(0, max)
}

/**
 * A cause in words, as `Cause.pretty` has them, within `max` characters. Values that cannot be printed, or throw when
 * they are, are described as well as can be.
 */
export const printCause = (cause: Cause.Cause<unknown>, max = 1_000): string =>
  valueOf(() => causeText(cause, max), unreadable)

const causeText = (cause: Cause.Cause<unknown>, max: number): string => {
  const { count, errors } = errorsOf(cause)
  if (count === 0) return Cause.pretty(cause)
  const texts = errors.map((error) => Cause.pretty(Cause.fail(copyOf(error))))
  if (count > errors.length) texts.push(`(and ${count - errors.length} more)`)
  return shorten(texts.join("\n"), max)
}
