/**
 * Who asks for a command about a child, and why, as callers of `Pogo` say it.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import type { AskedBy } from "../registry/asked.js"
import { maxAsked } from "../runtime/userInput.js"

/**
 * Who asks for a command, and why: both come into the history. Text of one line, of at most 200 characters each: what is
 * longer is cut, and control characters become blanks.
 *
 * @since 0.2.0
 * @category models
 */
export interface CommandOptions {
  /** Who asks for it. Default: the name of the node or client. */
  readonly by?: string | undefined
  /** Why; none by default. */
  readonly reason?: string | undefined
}

/**
 * A command about a child, with who asks for it and why, or without. As it stands it may be given to `Effect.forEach`,
 * whose second argument is no options: hence the second signature. Neither has words of its own, or an editor would show
 * them in the place of what the command does.
 *
 * @since 0.2.0
 * @category models
 */
export interface ChildCommand<Of, A, E, R = never> {
  (of: Of, options?: CommandOptions): Effect.Effect<A, E, R>
  (of: Of): Effect.Effect<A, E, R>
}

const oneLine = (text: unknown): string =>
  typeof text === "string"
    // oxlint-disable-next-line no-control-regex
    ? Array.from(text.toWellFormed().replace(/[\u0000-\u001f\u007f]/g, " ")).slice(0, maxAsked).join("")
    : ""

/** Who asked, as the registry is told; `undefined` where nobody is named, and no reason. */
export const askedBy = (node: Node, options: CommandOptions | undefined): AskedBy | undefined => {
  const [by, reason] = [oneLine(options?.by), oneLine(options?.reason)]
  return by === "" && reason === ""
    ? undefined
    : { by: encodeURIComponent(by === "" ? node.config.name : by), reason }
}

/** Whom a command is sent for: a batch has one who asks for all of it, since the registry is told once. */
export const askerOf = (asked: AskedBy | undefined): string => asked === undefined ? "" : `${asked.by} ${asked.reason}`
