/**
 * What is answered when a request is not: `{ error, message, remedy }`, with a status. Never a stack, and nothing of what
 * the process knows but the message.
 *
 * @internal
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Schema from "effect/Schema"

/** The field by which problems are told apart. */
const errorOf = <const Name extends string>(name: Name): Schema.PropertySignature<":", Name, never, ":", Name, true> =>
  Schema.Literal(name).pipe(Schema.propertySignature, Schema.withConstructorDefault(() => name)) as never

const told = {
  /** What happened. */
  message: Schema.String,
  /** What to do about it. */
  remedy: Schema.String
}

/** The request cannot be understood. */
export class InvalidRequest extends Schema.Class<InvalidRequest>("InvalidRequest")(
  { error: errorOf("InvalidRequest"), ...told },
  HttpApiSchema.annotations({ status: 400, description: "The request is not understood." })
) {
  readonly _tag = "InvalidRequest"
}

/** Whoever asks did not say who he is, or is not known. */
export class Unauthorized extends Schema.Class<Unauthorized>("Unauthorized")(
  { error: errorOf("Unauthorized"), ...told },
  HttpApiSchema.annotations({ status: 401, description: "Whoever asks is not known." })
) {
  readonly _tag = "Unauthorized"
}

/** Nobody may do it, or not from there. */
export class Forbidden extends Schema.Class<Forbidden>("Forbidden")(
  { error: errorOf("Forbidden"), ...told },
  HttpApiSchema.annotations({ status: 403, description: "It is not allowed, or not from there." })
) {
  readonly _tag = "Forbidden"
}

/** There is no such page, child or node. */
export class Missing extends Schema.Class<Missing>("NotFound")(
  { error: errorOf("NotFound"), ...told },
  HttpApiSchema.annotations({ status: 404, description: "There is no such page, child or node." })
) {
  readonly _tag = "NotFound"
}

/** The path takes other methods. */
export class MethodNotAllowed extends Schema.Class<MethodNotAllowed>("MethodNotAllowed")(
  { error: errorOf("MethodNotAllowed"), ...told },
  HttpApiSchema.annotations({ status: 405, description: "The path takes other methods." })
) {
  readonly _tag = "MethodNotAllowed"
}

/** The body took too long to come. */
export class TooSlow extends Schema.Class<TooSlow>("TooSlow")(
  { error: errorOf("TooSlow"), ...told },
  HttpApiSchema.annotations({ status: 408, description: "The body took too long to come." })
) {
  readonly _tag = "TooSlow"
}

/** It cannot be done to this child or node as it is now. */
export class NotPossible extends Schema.Class<NotPossible>("NotPossible")(
  { error: errorOf("NotPossible"), ...told },
  HttpApiSchema.annotations({ status: 409, description: "It cannot be done as things are." })
) {
  readonly _tag = "NotPossible"
}

/** The body is longer than is taken. */
export class TooLarge extends Schema.Class<TooLarge>("TooLarge")(
  { error: errorOf("TooLarge"), ...told },
  HttpApiSchema.annotations({ status: 413, description: "The body is longer than is taken." })
) {
  readonly _tag = "TooLarge"
}

/** The body is no JSON. */
export class WrongType extends Schema.Class<WrongType>("WrongType")(
  { error: errorOf("WrongType"), ...told },
  HttpApiSchema.annotations({ status: 415, description: "The body is not of the type that is taken." })
) {
  readonly _tag = "WrongType"
}

/** A fault of this process. */
export class InternalError extends Schema.Class<InternalError>("InternalError")(
  { error: errorOf("InternalError"), ...told },
  HttpApiSchema.annotations({ status: 500, description: "A fault of the process that answers." })
) {
  readonly _tag = "InternalError"
}

/** The registry does not answer, or too many watch. */
export class Unavailable extends Schema.Class<Unavailable>("Unavailable")(
  { error: errorOf("Unavailable"), ...told },
  HttpApiSchema.annotations({ status: 503, description: "It cannot be done now: try it again." })
) {
  readonly _tag = "Unavailable"
}

/** Whether it was done is not known. */
export class Unanswered extends Schema.Class<Unanswered>("Unanswered")(
  { error: errorOf("Unanswered"), ...told },
  HttpApiSchema.annotations({ status: 504, description: "It may or may not have been done." })
) {
  readonly _tag = "Unanswered"
}

/** All problems, each with its status. */
export const problems = [
  InvalidRequest,
  Unauthorized,
  Forbidden,
  Missing,
  MethodNotAllowed,
  TooSlow,
  NotPossible,
  TooLarge,
  WrongType,
  InternalError,
  Unavailable,
  Unanswered
] as const

export type Problem = InstanceType<typeof problems[number]>

/** Whether a failure is one of ours. */
export const isProblem = (failure: unknown): failure is Problem => problems.some((one) => failure instanceof one)

const statusOf = (found: Problem): number => {
  const type = problems.find((one) => found instanceof one)
  return type === undefined ? 500 : HttpApiSchema.getStatusError(type)
}

/** The answer of a problem. */
export const answerOf = (
  found: Problem,
  headers: Readonly<Record<string, string>> = {}
): HttpServerResponse.HttpServerResponse => {
  const { error, message, remedy } = found
  return HttpServerResponse.unsafeJson({ error, message, remedy }, { status: statusOf(found), headers })
}
