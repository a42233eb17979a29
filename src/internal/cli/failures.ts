/**
 * What a command can end with: its exit code, and one sentence that says what happened and what to do.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"
import type { ActionRefused } from "../console/answers.js"
import { printCause, printError } from "../runtime/userCode.js"

/** Exit codes. Scripts depend on them. */
export const exitCodes = {
  ok: 0,
  /** It was tried, and failed. */
  failed: 1,
  /** What was asked for makes no sense. */
  usage: 2,
  /** There is no such child, node or scope. */
  notFound: 3,
  /** The registry, or the server, does not answer. */
  unreachable: 4,
  /** It was sent, and no answer came. */
  unknown: 5,
  /** The doctor found something. */
  troubles: 6,
  /** Ended by Ctrl-C, as shells count it. */
  interrupted: 130
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** A server refused a single command. */
export class Refused extends Schema.TaggedError<Refused>("effect-pogo/cli/Refused")("Refused", {
  command: Schema.String,
  /** What the server said, without secrets. */
  said: Schema.String
}) {
  override get message(): string {
    return `the server refused ${this.command}: ${this.said}`
  }
}

/** Nothing answers, or something else than what is needed. */
export class Unreachable extends Schema.TaggedError<Unreachable>("effect-pogo/cli/Unreachable")("Unreachable", {
  sentence: Schema.String
}) {
  override get message(): string {
    return this.sentence
  }
}

/** What was asked for makes no sense: an option, a file, an answer. */
export class Usage extends Schema.TaggedError<Usage>("effect-pogo/cli/Usage")("Usage", { sentence: Schema.String }) {
  override get message(): string {
    return this.sentence
  }
}

/** There is no such thing. */
export class NotFound extends Schema.TaggedError<NotFound>("effect-pogo/cli/NotFound")("NotFound", {
  sentence: Schema.String
}) {
  override get message(): string {
    return this.sentence
  }
}

/** It was tried, and failed. */
export class Failed extends Schema.TaggedError<Failed>("effect-pogo/cli/Failed")("Failed", {
  sentence: Schema.String
}) {
  override get message(): string {
    return this.sentence
  }
}

/** A change was sent, and no answer came. */
export class LostAnswer extends Schema.TaggedError<LostAnswer>("effect-pogo/cli/LostAnswer")("LostAnswer", {
  sentence: Schema.String
}) {
  override get message(): string {
    return this.sentence
  }
}

/** All was said already; only the exit code is left to tell. */
export class Ended extends Schema.TaggedError<Ended>("effect-pogo/cli/Ended")("Ended", { code: Schema.Number }) {}

/** Exit codes of errors by their tags. All others are 1. */
const codes: { readonly [tag: string]: ExitCode } = {
  ChildNotFound: exitCodes.notFound,
  InvalidChildId: exitCodes.usage,
  InvalidChildSpec: exitCodes.usage,
  InvalidConfig: exitCodes.usage,
  InvalidDirective: exitCodes.usage,
  InvalidData: exitCodes.usage,
  MissingData: exitCodes.usage,
  NotFound: exitCodes.notFound,
  OutcomeUnknown: exitCodes.unknown,
  RegistryUnavailable: exitCodes.unreachable,
  LostAnswer: exitCodes.unknown,
  Unreachable: exitCodes.unreachable,
  Usage: exitCodes.usage
}

/** Exit codes of actions that were refused, by their reasons. */
const refusals: { readonly [R in ActionRefused["reason"]]: ExitCode } = {
  NotAllowed: exitCodes.failed,
  NoTarget: exitCodes.usage,
  TooMany: exitCodes.usage,
  WrongQuery: exitCodes.usage,
  NotFound: exitCodes.notFound,
  Invalid: exitCodes.usage,
  Stale: exitCodes.unreachable
}

/** How a command ended. */
export interface CommandEnd {
  readonly code: ExitCode
  /** What to say, without a full stop; `undefined` if nothing. */
  readonly say: string | undefined
}

/** Characters of a sentence, at most. */
const longest = 4_000

const isTagged = (error: unknown): error is { readonly _tag: string } =>
  typeof error === "object" && error !== null && "_tag" in error && typeof error._tag === "string"

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ").trim()

/** An error in one sentence, with its exit code. */
export const endingOf = (error: unknown): CommandEnd => {
  const say = oneLine(printError(error, longest))
  if (!isTagged(error)) return { code: exitCodes.failed, say }
  if (error._tag === "Ended") return { code: (error as Ended).code as ExitCode, say: undefined }
  if (error._tag === "ActionRefused") return { code: refusals[(error as ActionRefused).reason], say }
  return { code: codes[error._tag] ?? exitCodes.failed, say }
}

/** The ending of a cause: of its first failure, or of a defect, which is a mistake of this program. */
export const endingOfCause = (cause: Cause.Cause<unknown>): CommandEnd => {
  if (Cause.isInterruptedOnly(cause)) return { code: exitCodes.interrupted, say: undefined }
  const failure = Cause.failureOption(cause)
  if (failure._tag === "Some") return endingOf(failure.value)
  return {
    code: exitCodes.failed,
    say: `this should not happen, and is a mistake of effect-pogo: ${printCause(cause)}`
  }
}
