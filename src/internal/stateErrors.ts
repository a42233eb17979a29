/**
 * Errors of the states of children.
 *
 * @internal
 */
import * as Schema from "effect/Schema"

/** Ids in errors are shown as they are: errors travel, and the check of an id is not theirs. */
const Id = Schema.String as unknown as Schema.Schema<`${string}/${string}`, string>

/**
 * A value is too large to be a child's state. Nothing was written, and the state before stands.
 *
 * @since 0.1.0
 * @category errors
 */
export class StateTooLarge extends Schema.TaggedError<StateTooLarge>("effect-pogo/StateTooLarge")(
  "StateTooLarge",
  {
    id: Id,
    /** Size of the value, encoded; at least that where it was not written to its end. Bytes. */
    size: Schema.Number,
    /** The kind's `maxStateBytes`. */
    limit: Schema.Number
  }
) {
  override get message(): string {
    return `state of "${this.id}": ${this.size} bytes or more, and at most ${this.limit} are kept; keep what is large ` +
      "elsewhere, and a reference to it here, or raise maxStateBytes of the kind (65536 at most)"
  }
}

/**
 * A value is not one of a child's state: what was to be stored does not fit the kind's schema, or what is stored cannot
 * be decoded by it. `readState` fails with it; in the child's own code, whose types do not allow it, it is a defect.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidState extends Schema.TaggedError<InvalidState>("effect-pogo/InvalidState")("InvalidState", {
  id: Id,
  /** The part that is at fault. */
  field: Schema.String,
  /** Its value, shortened. */
  value: Schema.String,
  problem: Schema.String,
  remedy: Schema.String
}) {
  override get message(): string {
    return `state of "${this.id}": ${this.field} = ${this.value}: ${this.problem}; ${this.remedy}`
  }
}
