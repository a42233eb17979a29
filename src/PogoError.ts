/**
 * Everything that can go wrong in a call to `Pogo`, as typed errors that carry data: what failed, on which value, and
 * what to do about it. Each method of `Pogo` names the exact few that it can fail with.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { plainFields } from "./internal/runtime/plainJson.js"
import type { StateTooLarge } from "./internal/stateErrors.js"

/**
 * Id of a child: `kind/key`.
 *
 * @since 0.1.0
 * @category models
 */
export type ChildId = `${string}/${string}`

/** Ids in errors are shown as they are: errors travel, and the check of an id is not theirs. */
const Id = Schema.String as unknown as Schema.Schema<ChildId, string>

export { ReconcileRefused, ReconcileSuperseded } from "./internal/reconcileErrors.js"
export { InvalidState, StateTooLarge } from "./internal/stateErrors.js"

/** Why a registry did not serve a call. */
const Reason = Schema.Literal(
  /** This node has not joined its scope yet. */
  "Joining",
  /** This supervisor is shut down. */
  "Closed",
  /** No connection: nothing was sent. */
  "Disconnected",
  /** No answer in time. */
  "Timeout",
  /** The registry answered with an error: out of memory, no permission, read-only. */
  "Refused",
  /** Its data was lost or replaced a moment ago, and it must first learn what runs where. */
  "Quarantine",
  /** Keys of this scope hold data that is not ours. */
  "ForeignData"
)

/**
 * The registry could not serve a call, and the call had no effect. It is safe to repeat it.
 *
 * @since 0.1.0
 * @category errors
 */
export class RegistryUnavailable extends Schema.TaggedError<RegistryUnavailable>("effect-pogo/RegistryUnavailable")(
  "RegistryUnavailable",
  {
    /** The operation that was asked for. */
    operation: Schema.String,
    reason: Reason,
    /** What was seen, and what to do. */
    detail: Schema.String,
    /** Whether the call may have reached the registry. */
    sent: Schema.Boolean
  }
) {
  override get message(): string {
    return `${this.operation}: registry unavailable (${this.reason}): ${this.detail}`
  }
}

/**
 * A change was sent, but no answer came: it may or may not have been made. To repeat the call is safe.
 *
 * @since 0.1.0
 * @category errors
 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>("effect-pogo/OutcomeUnknown")(
  "OutcomeUnknown",
  { operation: Schema.String, id: Schema.String, op: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    const { operation } = this
    const place = operation === "state.set" ? "readState" : operation.endsWith("Node") ? "nodes" : "getChild"
    return `${operation} of "${this.id}": the outcome is unknown (${this.detail}); repeat the call, or look at ${place} ` +
      "once the registry answers again"
  }
}

/** What a call itself is given: the error names the kind, or the call, in the id's place. */
const fieldsOfCalls: ReadonlySet<string> = new Set(["maxTerminate", "options", "set", "specs"])

/**
 * A child spec cannot be accepted. Nothing was written.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidChildSpec extends Schema.TaggedError<InvalidChildSpec>("effect-pogo/InvalidChildSpec")(
  "InvalidChildSpec",
  {
    id: Schema.String,
    /** The field that is at fault. */
    field: Schema.String,
    /** Its value, shortened. */
    value: Schema.String,
    problem: Schema.String,
    remedy: Schema.String
  }
) {
  override get message(): string {
    const of = fieldsOfCalls.has(this.field) ? this.id : `child spec ${JSON.stringify(this.id)}`
    return `${of}: ${this.field} = ${this.value}: ${this.problem}; ${this.remedy}`
  }
}

/**
 * A text is no id of a child, and so there can be no such child. Nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidChildId extends Schema.TaggedError<InvalidChildId>("effect-pogo/InvalidChildId")(
  "InvalidChildId",
  {
    /** The text, shortened. */
    value: Schema.String,
    problem: Schema.String,
    remedy: Schema.String
  }
) {
  override get message(): string {
    return `${this.value} is no id of a child: it ${this.problem}; ${this.remedy}`
  }
}

/**
 * A directive for a node cannot be accepted. Nothing was written.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidDirective extends Schema.TaggedError<InvalidDirective>("effect-pogo/InvalidDirective")(
  "InvalidDirective",
  {
    /** The field that is at fault. */
    field: Schema.Literal("name", "by", "reason"),
    /** Its value, shortened. */
    value: Schema.String,
    problem: Schema.String,
    remedy: Schema.String
  }
) {
  override get message(): string {
    return `directive for a node: ${this.field} = ${this.value}: ${this.problem}; ${this.remedy}`
  }
}

/**
 * The scope keeps as many directives as it may. Nothing was written.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyDirectives extends Schema.TaggedError<TooManyDirectives>("effect-pogo/TooManyDirectives")(
  "TooManyDirectives",
  { node: Schema.String, limit: Schema.Number }
) {
  override get message(): string {
    return `directive for node "${this.node}": ${this.limit} node names have one, and no more are kept; each lapses 24 ` +
      `hours after the last node of its name was there: give directives to names that stay (POGO_NODE_NAME)`
  }
}

/**
 * The id is taken by a child of other content. Nothing was written.
 *
 * @since 0.1.0
 * @category errors
 */
export class ChildSpecConflict extends Schema.TaggedError<ChildSpecConflict>("effect-pogo/ChildSpecConflict")(
  "ChildSpecConflict",
  {
    id: Id,
    /** The generation that holds the id. */
    generation: Schema.BigIntFromSelf,
    /** The encoded content that holds the id. */
    existing: Schema.String,
    /** The encoded content that was asked for. */
    requested: Schema.String
  }
) {
  override get message(): string {
    return `child "${this.id}" exists with other content; use replaceChild to change it. ` +
      `Existing: ${this.existing}. Requested: ${this.requested}`
  }

  /** Plain, for loggers and answers: bigints as text. */
  override toJSON(): object {
    return { ...plainFields(this), message: this.message }
  }
}

/**
 * No such child is registered. A call that it ends was not executed, unless it is of an idempotent Rpc, which may have
 * been given to a copy before, or a stream that had begun.
 *
 * @since 0.1.0
 * @category errors
 */
export class ChildNotFound extends Schema.TaggedError<ChildNotFound>("effect-pogo/ChildNotFound")(
  "ChildNotFound",
  { id: Id }
) {
  override get message(): string {
    return `no child "${this.id}" is registered in this scope; start it with startChild`
  }
}

/**
 * This run of a child may act no more: its end is decided, or its claim is lost. Another may run, or start at any moment.
 * Stop what you are doing.
 *
 * @since 0.1.0
 * @category errors
 */
export class ClaimLost extends Schema.TaggedError<ClaimLost>("effect-pogo/ClaimLost")(
  "ClaimLost",
  { id: Id, node: Schema.String, token: Schema.BigIntFromSelf, reason: Schema.String }
) {
  override get message(): string {
    return `child "${this.id}" on ${this.node} may no longer act with token ${this.token}: ${this.reason}`
  }

  /** Plain, for loggers and answers: bigints as text. */
  override toJSON(): object {
    return { ...plainFields(this), message: this.message }
  }
}

/**
 * A setting breaks a rule. The layer is not built.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>("effect-pogo/InvalidConfig")(
  "InvalidConfig",
  { setting: Schema.String, value: Schema.String, rule: Schema.String, remedy: Schema.String }
) {
  override get message(): string {
    return `setting ${this.setting} = ${this.value} breaks the rule "${this.rule}"; ${this.remedy}`
  }
}

/**
 * Live nodes of this scope use other timings, with which this node's leases would be unsound. It does not join.
 *
 * @since 0.1.0
 * @category errors
 */
export class TimingMismatch extends Schema.TaggedError<TimingMismatch>("effect-pogo/TimingMismatch")(
  "TimingMismatch",
  {
    scope: Schema.String,
    /** Milliseconds. */
    ttl: Schema.Number,
    maxStep: Schema.Number,
    scopeTtl: Schema.Number,
    scopeMaxStep: Schema.Number
  }
) {
  override get message(): string {
    const [ttl, maxStep, scopeTtl, scopeMaxStep] = [this.ttl, this.maxStep, this.scopeTtl, this.scopeMaxStep]
      .map(Math.round)
    return `scope "${this.scope}" runs with ttl ${scopeTtl} ms and maxStep ${scopeMaxStep} ms, this node with ` +
      `${ttl} and ${maxStep}; give all nodes of a scope the same, and change it while none runs`
  }
}

/**
 * The scope belongs to another layout of the stored records, which another version of this package has. No node of this
 * one joins, and the data is left alone.
 *
 * @since 0.1.0
 * @category errors
 */
export class LayoutMismatch extends Schema.TaggedError<LayoutMismatch>("effect-pogo/LayoutMismatch")(
  "LayoutMismatch",
  { scope: Schema.String, found: Schema.String, supported: Schema.String }
) {
  override get message(): string {
    return `scope "${this.scope}" holds data of layout "${this.found}", this version reads "${this.supported}"; run one ` +
      `version, or use another scope or key prefix. A newer version takes the scope over once every node of the older ` +
      `one has left; to go back to an older one, stop all nodes and delete the scope's key that ends in ":layout"`
  }
}

/**
 * Two layers register the same kind on one node: `toLayer` was called twice. One layer value may be provided, or merged,
 * as often as one likes.
 *
 * @since 0.1.0
 * @category errors
 */
export class KindConflict extends Schema.TaggedError<KindConflict>("effect-pogo/KindConflict")(
  "KindConflict",
  { kind: Schema.String, node: Schema.String }
) {
  override get message(): string {
    return `kind "${this.kind}" is registered on ${this.node} already, by another layer: toLayer was called twice for it; ` +
      `call it once, and provide that one value wherever it is needed, or give one of two implementations another kind`
  }
}

/**
 * A call did not reach a running copy of the child in time, or that copy ended before it answered.
 *
 * @since 0.1.0
 * @category errors
 */
export class ChildUnavailable extends Schema.TaggedError<ChildUnavailable>("effect-pogo/ChildUnavailable")(
  "ChildUnavailable",
  {
    id: Id,
    /** Tag of the child's status, as this node knows it; `Unknown` if it knows none. */
    status: Schema.String,
    reason: Schema.String,
    /** Whether its handler may have run. If not, it is safe to call again. */
    mayHaveRun: Schema.Boolean
  }
) {
  override get message(): string {
    return `child "${this.id}" (${this.status}) did not answer: ${this.reason}${afterword(this.mayHaveRun)}`
  }
}

/**
 * The node that runs the child, or that was asked, cannot be reached, or was lost before it answered.
 *
 * @since 0.1.0
 * @category errors
 */
export class NodeUnreachable extends Schema.TaggedError<NodeUnreachable>("effect-pogo/NodeUnreachable")(
  "NodeUnreachable",
  {
    node: Schema.String,
    reason: Schema.String,
    /** Whether the handler may have run. If not, it is safe to call again. */
    mayHaveRun: Schema.Boolean
  }
) {
  override get message(): string {
    return `node "${this.node}" cannot be reached: ${this.reason}${afterword(this.mayHaveRun)}`
  }
}

/**
 * A call was delivered, and was not answered within its time.
 *
 * @since 0.1.0
 * @category errors
 */
export class CallTimeout extends Schema.TaggedError<CallTimeout>("effect-pogo/CallTimeout")(
  "CallTimeout",
  {
    /** The child, or the node. */
    id: Id,
    rpc: Schema.String,
    /** Milliseconds. */
    timeout: Schema.Number,
    /** Whether its handler may have run. If not, it is safe to call again. */
    mayHaveRun: Schema.Boolean
  }
) {
  override get message(): string {
    return `${this.rpc} of "${this.id}" was not answered within ${this.timeout} ms${afterword(this.mayHaveRun)}`
  }
}

/**
 * As many calls as the child's mailbox holds wait for it already. The call was not executed.
 *
 * @since 0.1.0
 * @category errors
 */
export class MailboxFull extends Schema.TaggedError<MailboxFull>("effect-pogo/MailboxFull")(
  "MailboxFull",
  { id: Id, capacity: Schema.Number }
) {
  override get message(): string {
    return `${this.capacity} calls wait for child "${this.id}" already; call less often, or raise its kind's mailbox or ` +
      `concurrency`
  }
}

/**
 * A message between nodes is larger than they take.
 *
 * @since 0.1.0
 * @category errors
 */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>("effect-pogo/PayloadTooLarge")(
  "PayloadTooLarge",
  {
    id: Id,
    rpc: Schema.String,
    /** The answer, or an item of a stream, is too large after its handler has run; a request that is was not executed. */
    part: Schema.Literal("request", "answer"),
    /** Bytes. */
    size: Schema.Number,
    limit: Schema.Number
  }
) {
  override get message(): string {
    return `the ${this.part} of ${this.rpc} of "${this.id}" has ${this.size} bytes, above the limit of ${this.limit}; ` +
      `split it, stream it, or raise maxFrame on all nodes`
  }
}

/**
 * A stream ended because its child left the node that it ran on. It runs elsewhere now: call again there.
 *
 * @since 0.1.0
 * @category errors
 */
export class ChildMoved extends Schema.TaggedError<ChildMoved>("effect-pogo/ChildMoved")(
  "ChildMoved",
  {
    id: Id,
    /** Name of the node that holds its claim now. */
    node: Schema.String,
    /** Fencing token of that claim. */
    token: Schema.BigIntFromSelf
  }
) {
  override get message(): string {
    return `child "${this.id}" moved to ${this.node} (token ${this.token})`
  }

  /** Plain, for loggers and answers: bigints as text. */
  override toJSON(): object {
    return { ...plainFields(this), message: this.message }
  }
}

const afterword = (mayHaveRun: boolean): string =>
  mayHaveRun ? "; the call may have been executed" : "; the call was not executed"

/**
 * What a call to a child can fail with, besides the errors of its protocol.
 *
 * @since 0.1.0
 * @category errors
 */
export type CallError =
  | ChildNotFound
  | ChildUnavailable
  | NodeUnreachable
  | CallTimeout
  | MailboxFull
  | PayloadTooLarge

/**
 * What storing a child's state can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type StateError = ClaimLost | StateTooLarge | RegistryUnavailable | OutcomeUnknown

/**
 * What a directive for a node can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type DirectiveError = InvalidDirective | TooManyDirectives | RegistryUnavailable | OutcomeUnknown

/**
 * What the construction of a supervisor can fail with. The layers of its kinds add `KindConflict`.
 *
 * @since 0.1.0
 * @category errors
 */
export type PogoError = InvalidConfig | InvalidChildSpec | RegistryUnavailable | TimingMismatch | LayoutMismatch
