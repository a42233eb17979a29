/**
 * What is to hold in a cluster in the end.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { parseSpec } from "../registry/state.js"
import type { Member, Members } from "./members.js"

const reachable = ({ host, line }: Member): boolean =>
  !host.frozen && line.cutReplies.size === 0 && line.cutRequests.size === 0

/** Why a child does not run on exactly one node, as all nodes that can tell see it; `undefined` if it does. */
export const whyNotOne = (members: Members, id: string): string | undefined => {
  const copies = members.runs.of(id).filter(({ member }) => !member.host.frozen)
  if (copies.length !== 1) {
    const where = copies.map(({ member }) => member.name).join(" and ")
    return copies.length === 0 ? `${id} runs nowhere` : `${id} runs on ${where}`
  }
  const { child, member } = copies[0]!
  if (!child.holds || child.ending) return `${id} is ending on ${member.name}`
  for (const { name, node, ...other } of members.all.values()) {
    const claim = node?.view.entries.get(id)?.claim
    if (reachable({ name, node, ...other }) && claim?.token !== child.claim) {
      return `${name} does not know where ${id} is`
    }
  }
  return undefined
}

/** Waits until nothing is wrong, for so long at most; tells what still is. */
export const settles = (
  members: Members,
  wrong: () => string | undefined,
  within: number
): Effect.Effect<string | undefined> =>
  Effect.gen(function*() {
    const until = members.room.now() + within
    for (;;) {
      const problem = wrong()
      if (problem === undefined || members.room.now() >= until) return problem
      yield* members.room.pass(100)
    }
  })

/** What is wrong with all children that the registry knows of. */
export const whatIsWrong = (members: Members): string | undefined => {
  const [first] = members.all.values()
  const scope = first?.node?.config.scope ?? "default"
  for (const member of members.all.values()) {
    if (member.node?.active !== true) return `${member.name} is ${member.node?.phase ?? "starting"}`
  }
  for (const [id, raw] of members.room.server.state(scope).spec) {
    const holders = [...members.all.values()].filter(({ node }) => node?.supervisor.children.has(id) === true)
    if (parseSpec(raw)?.failed !== true && holders.length !== 1) {
      return `${id} is held by ${holders.length} nodes`
    }
  }
  return undefined
}

/** A history, one line for each occurrence. */
export const render = (members: Members): string =>
  members.runs.history.map(({ at, id, node, token, what }) =>
    `${(at / 1000).toFixed(3).padStart(9)} ${node}: ${id === undefined ? "" : `${id} `}${what}` +
    (token === undefined ? "" : `, token ${token}`)
  ).join("\n")
