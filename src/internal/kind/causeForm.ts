/**
 * Form of a cause in an answer: a tree of plain values, the same whatever version of Effect writes or reads it.
 *
 * Effect 3 has causes as trees, and Effect 4 as flat lists of reasons; each has a codec for its own. This form is the
 * tree. It is part of what nodes say to each other, and does not change.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as FiberId from "effect/FiberId"
import * as Schema from "effect/Schema"

/** Id of the fiber that interrupted. */
type Interruptor =
  | { readonly _tag: "None" }
  | { readonly _tag: "Runtime"; readonly id: number; readonly startTimeMillis: number }
  | { readonly _tag: "Composite"; readonly left: Interruptor; readonly right: Interruptor }

/** Form of a cause, with its errors and defects decoded. */
type CauseForm =
  | { readonly _tag: "Empty" }
  | { readonly _tag: "Fail"; readonly error: unknown }
  | { readonly _tag: "Die"; readonly defect: unknown }
  | { readonly _tag: "Interrupt"; readonly fiberId: Interruptor }
  | { readonly _tag: "Sequential" | "Parallel"; readonly left: CauseForm; readonly right: CauseForm }

const Interruptor: Schema.Schema<Interruptor> = Schema.Union(
  Schema.Struct({ _tag: Schema.Literal("None") }),
  Schema.Struct({ _tag: Schema.Literal("Runtime"), id: Schema.Number, startTimeMillis: Schema.Number }),
  Schema.Struct({
    _tag: Schema.Literal("Composite"),
    left: Schema.suspend(() => Interruptor),
    right: Schema.suspend(() => Interruptor)
  })
)

const readInterruptor = (form: Interruptor): FiberId.FiberId => {
  switch (form._tag) {
    case "None":
      return FiberId.none
    case "Runtime":
      return FiberId.runtime(form.id, form.startTimeMillis)
    case "Composite":
      return FiberId.composite(readInterruptor(form.left), readInterruptor(form.right))
  }
}

const writeInterruptor = (id: FiberId.FiberId): Interruptor => {
  switch (id._tag) {
    case "None":
      return { _tag: "None" }
    case "Runtime":
      return { _tag: "Runtime", id: id.id, startTimeMillis: id.startTimeMillis }
    case "Composite":
      return { _tag: "Composite", left: writeInterruptor(id.left), right: writeInterruptor(id.right) }
  }
}

const read = (form: CauseForm): Cause.Cause<unknown> => {
  switch (form._tag) {
    case "Empty":
      return Cause.empty
    case "Fail":
      return Cause.fail(form.error)
    case "Die":
      return Cause.die(form.defect)
    case "Interrupt":
      return Cause.interrupt(readInterruptor(form.fiberId))
    case "Sequential":
      return Cause.sequential(read(form.left), read(form.right))
    case "Parallel":
      return Cause.parallel(read(form.left), read(form.right))
  }
}

const write = (cause: Cause.Cause<unknown>): CauseForm => {
  switch (cause._tag) {
    case "Empty":
      return { _tag: "Empty" }
    case "Fail":
      return { _tag: "Fail", error: cause.error }
    case "Die":
      return { _tag: "Die", defect: cause.defect }
    case "Interrupt":
      return { _tag: "Interrupt", fiberId: writeInterruptor(cause.fiberId) }
    case "Sequential":
    case "Parallel":
      return { _tag: cause._tag, left: write(cause.left), right: write(cause.right) }
  }
}

const isCause = Schema.declare(Cause.isCause)

/**
 * Codec of causes, with the codecs of a procedure's errors and defects.
 *
 * @internal
 */
export const causeSchema = (
  error: Schema.Schema.All,
  defect: Schema.Schema.All
): Schema.Schema<Cause.Cause<unknown>, unknown> => {
  const form: Schema.Schema<CauseForm, unknown> = Schema.Union(
    Schema.Struct({ _tag: Schema.Literal("Fail"), error }),
    Schema.Struct({ _tag: Schema.Literal("Die"), defect }),
    Schema.Struct({ _tag: Schema.Literal("Interrupt"), fiberId: Interruptor }),
    Schema.Struct({
      _tag: Schema.Literal("Sequential", "Parallel"),
      left: Schema.suspend(() => form),
      right: Schema.suspend(() => form)
    }),
    Schema.Struct({ _tag: Schema.Literal("Empty") })
  ) as Schema.Schema.Any as Schema.Schema<CauseForm, unknown>
  return Schema.transform(form, isCause, { strict: true, decode: read, encode: write })
}
