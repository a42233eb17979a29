/**
 * Specs of children from files of JSON: one spec, a list of them, or one per line; `-` is the standard input.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { readFile } from "node:fs/promises"
import { text as textOf } from "node:stream/consumers"
import { ChildSpec } from "../../ChildSpec.js"
import { attempt, printParseError } from "../runtime/userCode.js"
import { Usage } from "./failures.js"

const read = (file: string): Effect.Effect<string, Usage> =>
  Effect.tryPromise({
    try: () => (file === "-" ? textOf(process.stdin) : readFile(file, "utf8")),
    catch: (error) =>
      new Usage({ sentence: `cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? "error"}` })
  })

const json = (text: string): Either.Either<unknown, string> => attempt(() => JSON.parse(text) as unknown)

/** One value, or one per line. */
const values = (file: string, content: string): Effect.Effect<ReadonlyArray<unknown>, Usage> => {
  const whole = json(content)
  if (Either.isRight(whole)) return Effect.succeed(Array.isArray(whole.right) ? whole.right : [whole.right])
  const lines = content.split("\n").filter((line) => line.trim() !== "").map(json)
  return lines.length > 1 && lines.every(Either.isRight)
    ? Effect.succeed(lines.map(({ right }) => right))
    : Effect.fail(new Usage({ sentence: `${file} is no JSON: ${whole.left}; give a spec, or a list of specs` }))
}

const decode = Schema.decodeUnknown(ChildSpec, { errors: "all", onExcessProperty: "error" })

/** The specs in a file. */
export const readSpecs = (file: string): Effect.Effect<ReadonlyArray<ChildSpec>, Usage> =>
  Effect.gen(function*() {
    const found = yield* values(file, yield* read(file))
    return yield* Effect.forEach(found, (value, i) =>
      Effect.mapError(decode(value), (error) =>
        new Usage({
          sentence: `${file}: spec ${i + 1} is none: ${printParseError(error)}; a spec is ` +
            `{ "kind": "Poller", "key": "device-7", "payload": { .. } }`
        })))
  })
