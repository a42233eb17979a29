/**
 * What answers at each path: the console's answers, and what is done for whom.
 *
 * @internal
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ChildSpec } from "../../ChildSpec.js"
import type * as PogoError from "../../PogoError.js"
import { isOfNoNode } from "../commands/placementPlans.js"
import type { ReconcileError } from "../commands/setCommands.js"
import type { ActionName, ActionRefused } from "../console/answers.js"
import type { ConsoleMethods } from "../console/console.js"
import { logInfo, printError } from "../runtime/userCode.js"
import type { Service } from "../supervisorTag.js"
import type { Visitor } from "./access.js"
import { httpApi, type SpecInput } from "./apiRoutes.js"
import { Forbidden, InvalidRequest, Missing, NotPossible, Unanswered, Unavailable } from "./problems.js"

/** Who asks. */
export class CurrentVisitor extends Context.Reference<CurrentVisitor>()("effect-pogo/PogoHttp/CurrentVisitor", {
  defaultValue: (): Visitor => ({ name: "nobody", actions: new Set() })
}) {}

/** What the handlers need. */
export interface Answering {
  readonly console: ConsoleMethods
  readonly pogo: Service
}

/** Ids of a log line that are named; others are counted. */
const named = 5

/** Text of users in a line of the log: quoted, so that it is one line, and cut. */
const quote = (text: string): string =>
  JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text).replace(/[\u2028\u2029]/g, " ")

const idsText = (ids: ReadonlyArray<string>): string =>
  `${ids.slice(0, named).map(quote).join(", ")}${ids.length > named ? ` and ${ids.length - named} more` : ""}`

/** Says in the log who did what, and what came of it. */
const logAction = (caller: Visitor, action: ActionName, to: string, reason: string | undefined, came: string) =>
  logInfo(
    `HTTP: ${quote(caller.name)} asked to ${action} ${to}${reason === undefined ? "" : ` (${quote(reason)})`}: ${came}`
  )

/** Whoever asks, if he may do it. */
const allowed = (action: ActionName): Effect.Effect<Visitor, Forbidden> =>
  Effect.flatMap(CurrentVisitor, (caller) =>
    caller.actions.has(action)
      ? Effect.succeed(caller)
      : Effect.fail(
        new Forbidden({
          message: `${caller.name} may not ${action} here.`,
          remedy: "allow it by the server's option `actions`, or by what `authorize` gives"
        })
      ))

const refused = ({ detail, reason }: ActionRefused) => {
  switch (reason) {
    case "NotAllowed":
      return new Forbidden({ message: detail, remedy: "allow it by the server's option `actions`" })
    case "NotFound":
      return new Missing({ message: detail, remedy: "look whether it is still there" })
    case "Stale":
      return new Unavailable({
        message: detail,
        remedy: "try it again when the node has its lease, or ask another node"
      })
    default:
      return new InvalidRequest({ message: detail, remedy: "name ids or a query that fit, and 500 at most" })
  }
}

type CommandError =
  | PogoError.ChildNotFound
  | PogoError.ChildSpecConflict
  | PogoError.InvalidChildId
  | PogoError.InvalidChildSpec
  | PogoError.InvalidConfig
  | PogoError.OutcomeUnknown
  | PogoError.RegistryUnavailable
  | ReconcileError

const commandProblem = (failure: CommandError) => {
  const message = printError(failure)
  switch (failure._tag) {
    case "RegistryUnavailable":
      return new Unavailable({ message, remedy: "try it again: nothing was done" })
    case "OutcomeUnknown":
      return new Unanswered({ message, remedy: "ask again: that is safe" })
    case "ChildNotFound":
      return new Missing({ message, remedy: "start it instead" })
    case "ChildSpecConflict":
      return new NotPossible({ message, remedy: "replace it (PUT) instead" })
    case "ReconcileRefused":
    case "ReconcileSuperseded":
      return new NotPossible({ message, remedy: "look at the set, and ask again" })
    default:
      return new InvalidRequest({ message, remedy: failure.remedy })
  }
}

const planProblem = (failure: PogoError.InvalidConfig) =>
  isOfNoNode(failure)
    ? new Missing({ message: `No live node is called ${failure.value}.`, remedy: "look which there are" })
    : commandProblem(failure)

const specOf = ({ payload, ...fields }: SpecInput): ChildSpec => new ChildSpec({ ...fields, payload })

const notThere = (what: string, name: string) =>
  new Missing({ message: `There is no ${what} ${quote(name)}.`, remedy: "look among the events what became of it" })

const readingLive = ({ console, pogo }: Answering) =>
  HttpApiBuilder.group(httpApi, "read", (handlers) =>
    handlers
      .handle("about", () =>
        Effect.flatMap(CurrentVisitor, ({ actions }) =>
          Effect.map(console.about, (about) => ({
            ...about,
            actions: about.actions.filter((action) => actions.has(action))
          }))))
      .handle("overview", () => console.overview)
      .handle("children", ({ urlParams }) => console.children(urlParams))
      .handle("child", ({ urlParams: { id } }) =>
        Effect.flatMap(
          console.child(id),
          Option.match({
            onNone: () => Effect.fail(notThere("child", id)),
            onSome: Effect.succeed
          })
        ))
      .handle("node", ({ urlParams: { name } }) =>
        Effect.flatMap(
          console.node(name),
          Option.match({
            onNone: () => Effect.fail(notThere("node", name)),
            onSome: Effect.succeed
          })
        ))
      .handle("events", ({ urlParams }) => console.events(urlParams))
      .handle("suggest", ({ urlParams }) => console.suggest(urlParams))
      .handle(
        "history",
        ({ urlParams: { id, limit, since } }) => Effect.mapError(pogo.history(id, { limit, since }), commandProblem)
      )
      .handle("nodes", () => pogo.nodes)
      .handle("directives", () =>
        Effect.map(pogo.nodes, (nodes) => {
          const byName = new Map(nodes.map(({ directive, name }) => [name, directive]))
          return Array.from(byName, ([node, directive]) => directive === undefined ? [] : [{ node, ...directive }])
            .flat()
        })))

const actingLive = ({ console, pogo }: Answering) =>
  HttpApiBuilder.group(httpApi, "act", (handlers) =>
    handlers
      .handle("preview", ({ payload }) => Effect.mapError(console.preview(payload), refused))
      .handle("plan", ({ payload }) => Effect.mapError(console.plan(payload), planProblem))
      .handle("act", ({ payload: { reason, ...target } }) =>
        Effect.flatMap(allowed(target.action), (caller) => {
          const to = target.ids === undefined ? `those of the query ${quote(target.query ?? "")}` : idsText(target.ids)
          const tell = (came: string) => logAction(caller, target.action, to, reason, came)
          return console.act(target, reason === undefined ? { by: caller.name } : { by: caller.name, reason }).pipe(
            // What is done the console logs itself, for all who ask it.
            Effect.tapError(({ detail }) => tell(`refused: ${quote(detail)}`)),
            Effect.mapError(refused)
          )
        }))
      .handle("startChild", ({ payload: { reason, ...input } }) =>
        Effect.flatMap(allowed("start"), (caller) => {
          const spec = specOf(input)
          return pogo.startChild(spec, { by: caller.name, reason }).pipe(
            Effect.mapError(commandProblem),
            Effect.tapBoth({
              onFailure: ({ error }) => logAction(caller, "start", quote(spec.id), reason, error),
              onSuccess: ({ _tag }) => logAction(caller, "start", quote(spec.id), reason, _tag)
            }),
            Effect.map(({ _tag, generation, id }) => ({ result: _tag, id, generation }))
          )
        }))
      .handle("replaceChild", ({ payload: { reason, ...input } }) =>
        Effect.flatMap(allowed("replace"), (caller) => {
          const spec = specOf(input)
          return pogo.replaceChild(spec, { by: caller.name, reason }).pipe(
            Effect.mapError(commandProblem),
            Effect.tapBoth({
              onFailure: ({ error }) => logAction(caller, "replace", quote(spec.id), reason, error),
              onSuccess: ({ _tag }) => logAction(caller, "replace", quote(spec.id), reason, _tag)
            }),
            Effect.map(({ _tag, generation, id }) => ({ result: _tag, id, generation }))
          )
        }))
      .handle("reconcile", ({ payload: { kind, prune, set, specs } }) =>
        Effect.zipRight(
          allowed("reconcile"),
          Effect.mapError(pogo.reconcile({ kind }, specs.map(specOf), { dryRun: true, prune, set }), commandProblem)
        )))

/** The handlers of all endpoints. */
export const handlersLive = (answering: Answering) => Layer.merge(readingLive(answering), actingLive(answering))
