/**
 * The commands of `effect-pogo`, and how they end.
 *
 * @internal
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Span from "@effect/cli/HelpDoc/Span"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"
import { ordered } from "./argumentOrder.js"
import { doctor } from "./doctorCommand.js"
import { Usage } from "./failures.js"
import { plainText } from "./helpText.js"
import { outputs } from "./output.js"

const text = (name: string, description: string) =>
  Options.text(name).pipe(Options.withDescription(description), Options.optional)

/** Where the scope is: every command takes these. */
const place = {
  redis: text("redis", "Redis of the scope, redis://host:6379 (POGO_REDIS_URL)"),
  http: text("http", "a process of the scope that serves PogoHttp, http://host:port (POGO_HTTP_URL)"),
  scope: text("scope", "name of the scope; default \"default\" (POGO_SCOPE)"),
  prefix: text("prefix", "prefix of all keys in Redis; default none (POGO_REDIS_PREFIX)")
}

const output = Options.choice("output", outputs).pipe(
  Options.withAlias("o"),
  Options.withDescription("form of the output"),
  Options.withDefault("table" as const)
)

const doctorCommand = Command.make("doctor", { ...place, output }, ({ output, ...given }) => doctor(given, output))
  .pipe(
    Command.withDescription("Look for what is wrong with the Redis and the scope; exit code 6 if something is")
  )

const root = Command.make("effect-pogo").pipe(
  Command.withDescription("Look at and operate the children of an effect-pogo scope."),
  Command.withSubcommands([doctorCommand])
)

/** The names of all commands. */
const commands: ReadonlyArray<string> = ["doctor"]

const codes =
  "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 unreachable, 5 outcome unknown, 6 the doctor " +
  "found something."

const appOf = (version: string) => ({
  name: "effect-pogo",
  version,
  executable: "effect-pogo",
  footer: HelpDoc.p(Span.text(codes))
})

/** What is wrong with the arguments, in one sentence. */
const usageOf = (error: ValidationError.ValidationError, name: string): Usage => {
  const said = plainText(HelpDoc.toAnsiText(error.error)).replace(/\s+/g, " ").trim().replace(/\.$/, "")
  return new Usage({ sentence: `${said}; \`effect-pogo ${name}--help\` tells what there is` })
}

/** Runs the command that the arguments name. `args`: as Node has them, with the program's two in front. */
export const runCli = (version: string, args: ReadonlyArray<string>) => {
  const run = Command.run(root, appOf(version))
  const inOrder = ordered(args)
  const name = commands.includes(inOrder[2] ?? "") ? `${inOrder[2]} ` : ""
  return run(inOrder).pipe(
    Effect.catchIf(ValidationError.isValidationError, (error) => usageOf(error, name)),
    Effect.provide(CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }))
  )
}
