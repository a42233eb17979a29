/**
 * Commands to nodes, as callers of `Pogo` give them from any node or client: cordon, drain, uncordon. Each is kept in
 * the registry as a directive under the node's name; the node itself acts on it, and publishes that it does.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { type DirectiveError, InvalidDirective, TooManyDirectives } from "../../PogoError.js"
import type { DirectiveOptions, DirectiveResult } from "../../PogoNode.js"
import type { Node } from "../node/node.js"
import { outcome, requestWhenActive, unavailable } from "../node/registryRequest.js"
import { type DirectiveWhat, maxDirectives } from "../registry/commands.js"
import { parseDirective } from "../registry/state.js"
import { isReal } from "../replica/nodeRecord.js"
import { describe, isName, maxAsked, nameRule, problemOfAsked } from "../runtime/userInput.js"

/** How often a directive is sent anew because another one was given in between. */
const races = 5

interface Given {
  readonly by: string
  readonly reason: string
}

const refuse = (
  field: InvalidDirective["field"],
  value: unknown,
  problem: string,
  remedy: string
): Effect.Effect<never, InvalidDirective> =>
  Effect.fail(new InvalidDirective({ field, value: describe(value), problem, remedy }))

const check = (node: Node, name: unknown, options: DirectiveOptions): Effect.Effect<Given, InvalidDirective> => {
  const { by = node.config.name, reason = "" } = options
  if (!isName(name)) {
    return refuse("name", name, `is no node's name (${nameRule})`, "give a name that Pogo.nodes shows, or will show")
  }
  const wrong = by === "" ? "is empty" : problemOfAsked(by)
  if (wrong !== undefined) {
    return refuse("by", by, wrong, `say who gives it, in 1 to ${maxAsked} characters of one line`)
  }
  const odd = problemOfAsked(reason)
  if (odd !== undefined) return refuse("reason", reason, odd, `say why in at most ${maxAsked} characters of one line`)
  return Effect.succeed({ by, reason })
}

/** What the nodes of a name have made of a directive, once this node has read of it; `undefined` while some wait. */
const answerOf = (node: Node, name: string, stamp: number): DirectiveResult | undefined => {
  const { directives, membership } = node.view
  if (directives.readAt < stamp) return undefined
  const sessions = membership.list.filter((member) => member.name === name && isReal(member))
  if (sessions.length === 0) return { _tag: "NoSuchNode", node: name }
  const older = sessions.filter(({ knows }) => !knows.includes("directives"))
  if (older.length > 0) return { _tag: "NotUnderstood", node: name, sessions: older.length }
  if (sessions.some(({ obeys }) => obeys < stamp)) return undefined
  const survivesRestart = sessions.every(({ namedByPid }) => !namedByPid)
  return { _tag: "Obeyed", node: name, sessions: sessions.length, survivesRestart }
}

/** Not all have published in time that they obey: frozen or cut off, or this node has not read of it. */
const unanswered = (node: Node, name: string, stamp: number): DirectiveResult => {
  const sessions = node.view.membership.list.filter((member) => member.name === name && isReal(member))
  const obeying = sessions.filter(({ obeys }) => obeys >= stamp)
  return { _tag: "Unanswered", node: name, sessions: obeying.length, of: sessions.length }
}

/** The commands to nodes that one node gives. `id` is random: it keeps its operation ids apart from those of others. */
export class NodeCommands {
  private ops = 0

  constructor(private readonly node: Node, private readonly id: string) {}

  /** Waits until the nodes of the name obey: for so long as they need to read the log and to publish a record. */
  private awaitObeyed(name: string, stamp: number): Effect.Effect<DirectiveResult> {
    const { node } = this
    const { commandTimeout, heartbeat } = node.timing
    node.session?.readAtOnce()
    return node.awaitMembers(() => answerOf(node, name, stamp) !== undefined).pipe(
      Effect.timeoutOption(commandTimeout + heartbeat),
      Effect.map(() => answerOf(node, name, stamp) ?? unanswered(node, name, stamp))
    )
  }

  private give(
    operation: string,
    what: DirectiveWhat,
    name: string,
    options: DirectiveOptions
  ): Effect.Effect<DirectiveResult, DirectiveError> {
    return Effect.gen(this, function*() {
      const { node } = this
      const { by, reason } = yield* check(node, name, options)
      let seen = node.clock.high
      for (let i = 0; i < races; i++) {
        const op = `${this.id}.n${++this.ops}`
        const args = { name, what, op, by: encodeURIComponent(by), reason, seen }
        const reply = yield* outcome(operation, { id: name, op }, requestWhenActive(node, "direct", args))
        const { result } = reply.value
        if (result._tag === "TOO_MANY") {
          return yield* Effect.fail(new TooManyDirectives({ node: name, limit: maxDirectives }))
        }
        const stamp = parseDirective(result.record)?.stamp ?? 0
        if (result._tag === "STORED") return yield* this.awaitObeyed(name, stamp)
        // Another one was given since, and this one has had no effect: it is given anew, and is the newer one.
        seen = Math.max(node.clock.high, stamp)
      }
      const detail = "other directives were given to this node each time; try again"
      return yield* Effect.fail(unavailable(operation, "Refused", detail, false))
    })
  }

  /** `Pogo.cordonNode`. */
  readonly cordon = (name: string, options: DirectiveOptions = {}) => this.give("cordonNode", "cordon", name, options)

  /** `Pogo.drainNode`. */
  readonly drain = (name: string, options: DirectiveOptions = {}) => this.give("drainNode", "drain", name, options)

  /** `Pogo.uncordonNode`. */
  readonly uncordon = (name: string, options: DirectiveOptions = {}) => this.give("uncordonNode", "undo", name, options)
}
