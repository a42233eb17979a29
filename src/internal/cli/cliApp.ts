/**
 * The commands of `effect-pogo`, and how they end.
 *
 * @internal
 */
import * as Args from "@effect/cli/Args"
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Span from "@effect/cli/HelpDoc/Span"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import { ordered } from "./argumentOrder.js"
import { Usage } from "./failures.js"
import { plainText } from "./helpText.js"
import { goals, outputs } from "./outputForms.js"
import { queryOf } from "./queryOptions.js"

const text = (name: string, description: string) =>
  Options.text(name).pipe(Options.withDescription(description), Options.optional)

/** Loads what a command needs when it is given: none waits for the others. */
const by = <M, A, E, R>(load: () => Promise<M>, use: (module: M) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.promise(load), use)

const act = () => import("./actCommands.js")
const look = () => import("./lookCommands.js")
const waiting = () => import("./waitCommands.js")
const spec = () => import("./specCommands.js")

const flag = (name: string, description: string) => Options.boolean(name).pipe(Options.withDescription(description))

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

const oneId = Args.text({ name: "id" }).pipe(Args.withDescription("id of a child, kind/key"))

const ids = Args.atLeast(oneId, 1)

const words = Args.text({ name: "query" }).pipe(
  Args.withDescription("query, such as: status:failed kind:Poller node:worker-2 acme"),
  Args.repeated
)

/** Options that write into the query. */
const terms = {
  kind: text("kind", "kinds of children, separated by commas"),
  status: text("status", "statuses: failed, overdue, pending, restarting, starting, stopping, running"),
  node: text("node", "names of nodes; none for children that no node holds")
}

/** An option that may be given several times. */
const repeated = (name: string, description: string) =>
  Options.text(name).pipe(Options.withDescription(description), Options.repeated)

const limit = Options.integer("limit").pipe(Options.withDescription("how many rows, at most"), Options.optional)

const dryRun = flag("dry-run", "show what would be done, and do nothing")
const yes = flag("yes", "do it without a question")
const reason = text("reason", "why, for the history: at most 200 characters")
const file = Options.text("file").pipe(
  Options.withAlias("f"),
  Options.withDescription("file of specs, as JSON; - for the standard input")
)

const stateCommand = Command.make("state").pipe(
  Command.withDescription("Look at the states that children have stored"),
  Command.withSubcommands([
    Command.make(
      "get",
      { ...place, output, id: oneId },
      ({ id, output, ...given }) => by(waiting, ({ getState }) => getState(given, output, id))
    ).pipe(
      Command.withDescription("Print the state of a child")
    )
  ])
)

const looking = [
  Command.make("top", place, (given) => by(() => import("./topCommand.js"), ({ top }) => top(given))).pipe(
    Command.withDescription("Watch the scope: verdict, nodes, and what does not run and why")
  ),
  Command.make(
    "ls",
    {
      ...place,
      ...terms,
      sort: text("sort", "status, id, node, restarts, since or token; -id reverses"),
      limit,
      output,
      words
    },
    ({ limit, output, sort, words, ...given }) =>
      by(look, ({ ls }) => ls(given, output, queryOf(words, given), { sort, limit }))
  ).pipe(Command.withDescription("List children, those that do not run first")),
  Command.make(
    "get",
    { ...place, output, ids },
    ({ ids, output, ...given }) => by(look, ({ get }) => get(given, output, ids))
  ).pipe(
    Command.withDescription("Show all that is known of children")
  ),
  Command.make(
    "explain",
    { ...place, output, ids },
    ({ ids, output, ...given }) => by(look, ({ explain }) => explain(given, output, ids))
  ).pipe(
    Command.withDescription("Say in words where a child is, and why it does not run if it does not")
  ),
  Command.make(
    "history",
    { ...place, since: text("since", "how far back, such as 12h"), limit, output, id: Args.optional(oneId) },
    ({ id, limit, output, since, ...given }) =>
      by(waiting, ({ history }) => history(given, output, id, { since, limit }))
  ).pipe(Command.withDescription("Tell what happened to a child, or in the scope; the oldest first")),
  Command.make(
    "events",
    { ...place, follow: flag("follow", "tell what happens from now on"), limit, output, words },
    ({ follow, limit, output, words, ...given }) =>
      by(waiting, ({ events }) => events(given, output, words.join(" "), { follow, limit }))
  ).pipe(Command.withDescription("Tell what happened in the last hour, like events in one line; the newest first")),
  Command.make("nodes", { ...place, output }, ({ output, ...given }) => by(look, ({ nodes }) => nodes(given, output)))
    .pipe(
      Command.withDescription("List the nodes, with their share of the children")
    ),
  Command.make(
    "plan",
    {
      ...place,
      drain: repeated("drain", "name of a live node that would give its children up"),
      remove: repeated("remove", "name of a live node that would be gone"),
      add: repeated("add", "name of a node that would join, with all kinds that live nodes have"),
      label: repeated("label", "a label of the nodes to add, such as zone=b"),
      weight: Options.float("weight").pipe(Options.withDescription("their weight; default 1"), Options.optional),
      output
    },
    ({ add, drain, label, output, remove, weight, ...given }) =>
      by(() => import("./planCommand.js"), ({ plan }) => plan(given, output, { add, drain, label, remove, weight }))
  ).pipe(Command.withDescription("Say where children would go if nodes were drained, gone, or new")),
  Command.make(
    "wait",
    {
      ...place,
      goal: Options.choice("for", goals).pipe(
        Options.withDescription("what to wait for"),
        Options.withDefault("running" as const)
      ),
      timeout: text("timeout", "for how long, such as 30s; default for ever"),
      ids
    },
    ({ goal, ids, timeout, ...given }) => by(waiting, ({ wait }) => wait(given, goal, ids, timeout))
  ).pipe(Command.withDescription("Wait until children run, have failed, or are gone")),
  stateCommand,
  Command.make(
    "ui",
    {
      ...place,
      port: Options.integer("port").pipe(
        Options.withDescription("port of this machine; default any that is free"),
        Options.withDefault(0)
      ),
      readOnly: flag("read-only", "serve no actions")
    },
    ({ port, readOnly, ...given }) => by(() => import("./openSource.js"), ({ ui }) => ui(given, { port, readOnly }))
  ).pipe(Command.withDescription("Serve the dashboard on this machine")),
  Command.make(
    "doctor",
    { ...place, output },
    ({ output, ...given }) => by(() => import("./doctorCommand.js"), ({ doctor }) => doctor(given, output))
  ).pipe(
    Command.withDescription("Look for what is wrong with the Redis and the scope; exit code 6 if something is")
  )
] as const

const children = (action: "terminate" | "restart", description: string) =>
  Command.make(
    action,
    { ...place, ...terms, dryRun, yes, reason, output, words },
    ({ dryRun, output, reason, words, yes, ...given }) =>
      by(act, ({ actOnChildren }) =>
        actOnChildren(given, output, action, words, queryOf(words, given), { dryRun, reason, yes }))
  ).pipe(Command.withDescription(description))

const nodeNames = Args.text({ name: "node" }).pipe(Args.withDescription("name of a node"), Args.atLeast(1))

const toNodes = (action: "cordon" | "uncordon", description: string) =>
  Command.make(
    action,
    { ...place, dryRun, yes, reason, output, nodeNames },
    ({ dryRun, nodeNames, output, reason, yes, ...given }) =>
      by(act, ({ actOnNodes }) => actOnNodes(given, output, action, nodeNames, { dryRun, reason, yes, wait: false }))
  ).pipe(Command.withDescription(description))

const specs = (action: "start" | "replace", description: string) =>
  Command.make(
    action,
    { ...place, file, dryRun, yes, reason, output },
    ({ dryRun, file, output, reason, yes, ...given }) =>
      by(spec, ({ startSpecs }) => startSpecs(given, output, action, file, { dryRun, reason, yes }))
  ).pipe(Command.withDescription(description))

const changing = [
  specs("start", "Start children by the specs of a file"),
  specs("replace", "Put other content in the place of children, by the specs of a file"),
  Command.make(
    "reconcile",
    { ...place, file, kind: terms.kind, set: text("set", "the named set of the kind"), dryRun, yes, output },
    ({ dryRun, file, kind, output, set, yes, ...given }) =>
      by(spec, ({ reconcileSpecs }) => reconcileSpecs(given, output, file, { kind, set, dryRun, yes }))
  ).pipe(Command.withDescription("Make the children of a kind those of a file")),
  children("restart", "Stop children and start them anew; brings failed ones back"),
  children("terminate", "End children for good"),
  toNodes("cordon", "Tell nodes to take no new children"),
  toNodes("uncordon", "Tell nodes to take children again"),
  Command.make(
    "drain",
    { ...place, wait: flag("wait", "wait until no child is left there"), dryRun, yes, reason, output, nodeNames },
    ({ dryRun, nodeNames, output, reason, wait, yes, ...given }) =>
      by(act, ({ actOnNodes }) => actOnNodes(given, output, "drain", nodeNames, { dryRun, reason, wait, yes }))
  ).pipe(Command.withDescription("Tell nodes to give up their children, in order"))
] as const

/** The command. */
export const root = Command.make("effect-pogo").pipe(
  Command.withDescription("Look at the children of an effect-pogo scope, and operate them."),
  Command.withSubcommands([...looking, ...changing])
)

/** The names of all commands. */
const commands: ReadonlyArray<string> = [...HashMap.keys(Command.getSubcommands(root))]

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
