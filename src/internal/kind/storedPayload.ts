/**
 * Reading a registered spec back: its content, and its payload in the form in which it was given.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ChildSpec, type StoredSpec } from "../../ChildSpec.js"
import type { InvalidChildSpec } from "../../PogoError.js"
import { printError } from "../runtime/userCode.js"
import { describe } from "../runtime/userInput.js"
import { fault } from "./canonicalJson.js"
import { invalid, type KindShape, misfit, type SpecBody } from "./specCodec.js"

/** The spec that a stored body came from. Fields that a newer version added are not in it. */
export const specOf = (id: string, body: SpecBody): ChildSpec => {
  const { kind, payload, prefers, requires, restart, shutdown, type, version } = body
  const fields = { kind, payload, prefers, requires, restart, shutdown, type, version }
  return new ChildSpec({ ...fields, key: id.slice(kind.length + 1) }, { disableValidation: true })
}

/** Decodes the payload of a registered spec of a kind. Fails where it is another kind's, or does not fit the schema. */
export const payloadOf = (
  { kind, payload: schema }: Pick<KindShape, "kind" | "payload">,
  stored: StoredSpec | ChildSpec
): Effect.Effect<unknown, InvalidChildSpec> =>
  Effect.suspend(() => {
    const spec = "spec" in stored ? stored.spec : stored
    return spec.kind === kind
      ? Effect.mapError(Schema.decodeUnknown(schema)(spec.payload), (error) => misfit(spec.id, error))
      : Effect.fail(
        invalid(spec.id, fault("kind", spec.kind, `is not ${describe(kind)}`, "decode it by the kind that it names"))
      )
  }).pipe(Effect.catchAllDefect((defect) => {
    const problem = `threw when it was read or decoded: ${printError(defect)}`
    return Effect.fail(invalid("", fault("payload", "<unreadable>", problem, "give a spec from Pogo.getSpec")))
  }))
