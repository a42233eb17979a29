/**
 * Doing what an operator asks for, to each of those that are meant, with a result for each.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ChildId } from "../../ChildSpec.js"
import type { ChildNotFound, DirectiveError, InvalidChildId } from "../../PogoError.js"
import type { DirectiveResult } from "../../PogoNode.js"
import { logInfo, printError } from "../runtime/userCode.js"
import { maxAsked, problemOfAsked } from "../runtime/userInput.js"
import type { Service } from "../supervisorTag.js"
import { maxTargets, refuse, type Targets, toChildren } from "./actionTargets.js"
import type { ActionName, ActionRefused, ActionResult } from "./answers.js"
import { many } from "./childLines.js"
import { capital } from "./childWords.js"
import { plain } from "./marks.js"

/** Who does something, and why: for the history. */
export interface Principal {
  /** 1 to 200 characters of one line. */
  readonly by: string
  /** At most 200 characters of one line. */
  readonly reason?: string | undefined
}

/** How many nodes are told at a time. Children are all asked for at once: their commands go in batches. */
const nodesAtOnce = 16

type ActionOutcome = (typeof ActionResult.Type)["ids"][number]

/** Refuses a principal that the history could not show. */
export const checkPrincipal = (
  action: ActionName,
  { by, reason = "" }: Principal
): Effect.Effect<void, ActionRefused> =>
  by === "" || problemOfAsked(by) !== undefined
    ? refuse(action, "Invalid", `"by" says who acts, in 1 to ${maxAsked} characters of one line`)
    : problemOfAsked(reason) !== undefined
    ? refuse(action, "Invalid", `"reason" says why, in at most ${maxAsked} characters of one line`)
    : Effect.void

const directed = (result: DirectiveResult): string => {
  switch (result._tag) {
    case "Obeyed":
      return result.survivesRestart ? "it obeys" : "it obeys; its next process has another name, and is not meant"
    case "NoSuchNode":
      return "no live node has this name; one that joins under it within a day obeys"
    case "NotUnderstood":
      return "its version does not know directives, and ignores it"
    case "Unanswered":
      return "it is told, and has not answered yet; it obeys as soon as it reads of it"
  }
}

const doOne = (
  pogo: Service,
  action: ActionName,
  id: string,
  who: Principal
): Effect.Effect<string, DirectiveError | ChildNotFound | InvalidChildId> => {
  const options = { by: who.by, reason: who.reason ?? "" }
  switch (action) {
    case "restart":
      return Effect.map(
        pogo.restartChild(id as ChildId, options),
        () => "it is started anew"
      )
    case "terminate":
      return Effect.map(
        pogo.terminateChild(id as ChildId, options),
        ({ _tag }) => _tag === "Absent" ? "it was not registered" : "it ends for good"
      )
    case "cordon":
      return Effect.map(pogo.cordonNode(id, options), directed)
    case "uncordon":
      return Effect.map(pogo.uncordonNode(id, options), directed)
    default:
      return Effect.map(pogo.drainNode(id, options), directed)
  }
}

const past: { readonly [action: string]: string } = {
  restart: "restarted",
  terminate: "terminated",
  cordon: "cordoned",
  uncordon: "uncordoned",
  drain: "told to drain"
}

/** All of it in a sentence. */
const summaryOf = (action: ActionName, outcomes: ReadonlyArray<ActionOutcome>): string => {
  const done = outcomes.filter(({ ok }) => ok).length
  const what = past[action] ?? action
  const noun = (count: number) => toChildren.has(action) ? many(count, "child", "children") : many(count, "node")
  if (outcomes.length === 1) return `${plain(outcomes[0]!.id)}: ${outcomes[0]!.text}.`
  return done === outcomes.length
    ? `${capital(noun(done))} ${what}.`
    : `${done.toLocaleString("en")} of ${noun(outcomes.length)} ${what}; of the others each says why not.`
}

/** Does it to all, and tells what became of each. */
export const actOn = (
  pogo: Service,
  action: ActionName,
  { ids, query }: Targets,
  who: Principal
): Effect.Effect<typeof ActionResult.Type> =>
  Effect.gen(function*() {
    const outcomes = yield* Effect.forEach(ids, (id) =>
      Effect.match(doOne(pogo, action, id, who), {
        onSuccess: (text): ActionOutcome => ({ id, ok: true, text }),
        onFailure: (failure): ActionOutcome => ({
          id,
          ok: false,
          text: failure._tag === "OutcomeUnknown"
            ? "it may or may not have happened; asking again is safe"
            : plain(printError(failure))
        })
      }), { concurrency: toChildren.has(action) ? maxTargets : nodesAtOnce })
    const done = outcomes.filter(({ ok }) => ok).length
    yield* logInfo(
      `${who.by} asked to ${action} ${ids.slice(0, 5).join(", ")}${
        ids.length > 5 ? ` and ${ids.length - 5} more` : ""
      }${query === undefined ? "" : ` (${query.trim()})`}${
        who.reason === undefined || who.reason === "" ? "" : `: ${who.reason}`
      }; ${done} of ${ids.length} done`
    )
    return { ids: outcomes, text: summaryOf(action, outcomes) }
  })
