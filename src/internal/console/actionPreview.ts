/**
 * What an action would do, in words, before it is done; and the same as a command.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Node } from "../node/node.js"
import { type Targets, toChildren, typedAbove } from "./actionTargets.js"
import type { ActionName, Preview } from "./answers.js"
import { lineById, many, manyChildren } from "./childLines.js"
import { capital } from "./childWords.js"
import { childMark, nodeMark, plain } from "./marks.js"
import { drainSummaryOf } from "./planSummary.js"

/** A word of a command as a shell takes it. */
const shellWord = (text: string): string => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** How many ids a command names. */
const named = 20

const commandOf = (action: ActionName, { ids, query }: Targets): string => {
  const whom = query === undefined
    ? `${ids.slice(0, named).map(shellWord).join(" ")}${ids.length > named ? " ..." : ""}`
    : `--query ${shellWord(query.trim())}`
  return `npx effect-pogo ${action} ${whom}${action === "drain" ? " --wait" : ""}`
}

const restartWords = (node: Node, id: string): string => {
  const line = lineById(node, id)
  if (line === undefined) return "It is not registered any more."
  switch (line.status) {
    case "Failed":
      return "It is tried again at once, and its restarts are counted from zero."
    case "Restarting":
      return "It does not wait for its next try, and its restarts are counted from zero."
    case "Pending":
      return "It does not run, and starts as soon as a node can take it."
    default:
      return line.node === undefined
        ? "It starts anew."
        : `Its run on ${nodeMark(line.node)} ends as its shutdown allows, then it starts anew.`
  }
}

const terminateWords = (node: Node, id: string): string => {
  const set = lineById(node, id)?.set
  return `It ends for good, its state is deleted, and no node starts it until it is registered anew.${
    set === undefined ? "" : ` A reconcile of set ${plain(set)} brings it back if it is still listed.`
  }`
}

const consequence: { readonly [action: string]: string } = {
  restart: "Those that run are stopped as their shutdown allows and started anew; those that failed are tried again.",
  terminate: "They end for good, their states are deleted, and no node starts them until they are registered anew."
}

const childrenWords = (node: Node, action: ActionName, { ids, query }: Targets): string => {
  const [first] = ids
  if (ids.length === 1) return action === "restart" ? restartWords(node, first!) : terminateWords(node, first!)
  const list = `${ids.slice(0, 3).map(childMark).join(", ")}${
    ids.length > 3 ? ` and ${(ids.length - 3).toLocaleString("en")} more` : ""
  }`
  const who = query === undefined ? list : `All that match "${plain(query.trim())}" at this moment: ${list}`
  return `${who}. ${consequence[action]}`
}

const nodeWords = (node: Node, action: ActionName, ids: ReadonlyArray<string>): Effect.Effect<string> =>
  Effect.gen(function*() {
    const members = node.view.membership.list.filter(({ name }) => ids.includes(name))
    const held = members.reduce((sum, { sid }) => sum + node.view.claimsOf(sid), 0)
    switch (action) {
      case "cordon":
        return members.length === 1
          ? `It keeps its ${manyChildren(held)} and takes no new ones.`
          : `They keep their ${manyChildren(held)} and take no new ones.`
      case "uncordon":
        return "It takes children again. Those that belong there move to it."
      default: {
        const { text } = yield* drainSummaryOf(node, ids)
        return ids.length === 1
          ? `${text} The node takes no new ones until it is uncordoned.`
          : `${text} The nodes take no new ones until they are uncordoned.`
      }
    }
  })

/** What an action would do. */
export const previewOf = (
  node: Node,
  action: ActionName,
  targets: Targets
): Effect.Effect<typeof Preview.Type> =>
  Effect.gen(function*() {
    const { ids } = targets
    const isOfChildren = toChildren.has(action)
    const whom = ids.length === 1 ? ids[0]! : isOfChildren ? manyChildren(ids.length) : many(ids.length, "node")
    const text = isOfChildren ? childrenWords(node, action, targets) : yield* nodeWords(node, action, ids)
    return {
      action,
      ids,
      title: `${capital(action)} ${whom}?`,
      text,
      verb: capital(action),
      danger: action === "terminate" || action === "drain",
      ...(ids.length > typedAbove ? { type: String(ids.length) } : {}),
      command: commandOf(action, targets)
    }
  })
