/**
 * Saying what would move if nodes were drained, gone, or new. Changes nothing, and asks the registry nothing.
 *
 * @internal
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ChildId } from "../../ChildSpec.js"
import { InvalidConfig } from "../../PogoError.js"
import type { PlacementPlan, PlanChange, PlannedNode } from "../../PogoNode.js"
import type { Node } from "../node/node.js"
import { type Joiner, kindsOf, membershipAfter, type NodeChange, sessionAfter } from "../plan/whatIf.js"
import type { Membership } from "../replica/membership.js"
import { isReal } from "../replica/nodeRecord.js"
import type { Entry } from "../replica/replica.js"
import { eachSlice, sortInSlices } from "../runtime/slices.js"
import { describe, unknownOption } from "../runtime/userInput.js"
import { checkLabels } from "../settingChecks.js"
import { answer } from "./queries.js"

/** Scores that are asked for before others have a turn: a few milliseconds of work. */
const scores = 10_000

const wrong = (setting: string, value: unknown, rule: string, remedy: string): InvalidConfig =>
  new InvalidConfig({ setting: setting === "" ? "plan" : `plan ${setting}`, value: describe(value), rule, remedy })

/** Options by their names: a misspelt one would otherwise plan for less than was meant. */
const known: ReadonlySet<string> = new Set<keyof PlanChange>(["add", "drain", "remove"])
const knownOfNode: ReadonlySet<string> = new Set<keyof PlannedNode>(["kinds", "labels", "name", "weight"])

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** Whether a plan is refused since it names a node that does not live. */
export const isOfNoNode = ({ setting }: InvalidConfig): boolean => setting === "plan drain" || setting === "plan remove"

/** Names of live nodes. */
const namesIn = (
  setting: "drain" | "remove",
  given: string | ReadonlyArray<string> | undefined,
  live: ReadonlySet<string>
): Either.Either<ReadonlySet<string>, InvalidConfig> => {
  const names = Arr.ensure(given ?? [])
  const stranger = names.find((name) => !live.has(name))
  return stranger === undefined ? Either.right(new Set(names)) : Either.left(
    wrong(setting, stranger, "the name of a live node", "Pogo.nodes lists them")
  )
}

const joinerOf = (
  given: PlannedNode,
  live: ReadonlySet<string>,
  all: { readonly [kind: string]: NonNullable<Joiner["kinds"][string]> }
): Either.Either<Joiner, InvalidConfig> => {
  if (!isObject(given)) return Either.left(wrong("add", given, "an object", "write it like { name: \"c\" }"))
  const { kinds, labels = {}, name, weight = 1 } = given
  const unknown = unknownOption(given, knownOfNode)
  if (unknown !== undefined) {
    const rule = "a property of a planned node"
    return Either.left(wrong("add", unknown, rule, `there are ${[...knownOfNode].join(", ")}`))
  }
  if (typeof name !== "string" || name === "") {
    return Either.left(wrong("add name", name, "a text that is not empty", "name the node"))
  }
  if (live.has(name)) {
    return Either.left(wrong("add name", name, "a name that no live node has", "name it otherwise, or remove that one"))
  }
  if (typeof weight !== "number" || !Number.isFinite(weight) || weight <= 0) {
    return Either.left(wrong("add weight", weight, "a number above 0", "leave it out for 1"))
  }
  const checked = checkLabels("plan add labels", labels)
  if (Either.isLeft(checked)) return Either.left(checked.left)
  if (kinds !== undefined && !Array.isArray(kinds)) {
    return Either.left(wrong("add kinds", kinds, "a list of kinds", "leave it out for all of them"))
  }
  const stranger = kinds?.find((kind) => !Object.hasOwn(all, kind))
  if (stranger !== undefined) {
    return Either.left(wrong("add kinds", stranger, "a kind that a live node has", "leave it out for all of them"))
  }
  const own = kinds === undefined ? all : Object.fromEntries(kinds.map((kind) => [kind, all[kind]!]))
  return Either.right({ name, weight, labels, kinds: own })
}

/** Reads a change. */
const nodeChangeOf = (given: PlanChange, { list }: Membership): Either.Either<NodeChange, InvalidConfig> =>
  Either.gen(function*() {
    if (!isObject(given)) return yield* Either.left(wrong("", given, "an object", "write it like { drain: \"a\" }"))
    const unknown = unknownOption(given, known)
    if (unknown !== undefined) {
      const remedy = `there are ${[...known].join(", ")}`
      return yield* Either.left(wrong("", unknown, "a change of the nodes", remedy))
    }
    const live = new Set(list.filter(isReal).map(({ name }) => name))
    const drain = yield* namesIn("drain", given.drain, live)
    const remove = yield* namesIn("remove", given.remove, live)
    const left = new Set([...live].filter((name) => !remove.has(name)))
    const add: Array<Joiner> = []
    for (const node of Arr.ensure(given.add ?? [])) {
      add.push(yield* joinerOf(node, left, kindsOf(list)))
      left.add(node.name)
    }
    return { drain, remove, add }
  })

/** The change that is asked for, of the nodes as they are when the registry was heard of. */
export const nodeChange = (node: Node, given: PlanChange): Effect.Effect<NodeChange, InvalidConfig> =>
  Effect.flatMap(answer(node, () => node.view.membership), (membership) => nodeChangeOf(given, membership))

/** Where the child of an entry runs now and would run, by the sessions of both; the same where it stays. */
export type Tell = (entry: Entry, from: string | undefined, to: string | undefined) => void

/** Tells of each child that is registered, and has not failed, where it would run `then`; a slice at a time. */
export const eachPlanned = (node: Node, then: Membership, tell: Tell): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { entries, membership } = node.view
    const size = Math.max(1, Math.floor(scores / Math.max(1, then.list.length)))
    return eachSlice(node, Array.from(entries.values()), size, (entry) => {
      const { claim, spec } = entry
      if (spec === undefined || spec.failed) return
      const from = claim !== undefined && membership.isLive(claim.sid) ? claim.sid : undefined
      tell(entry, from, sessionAfter(entry, then))
    })
  })

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1)

/** What would move. */
export const planPlacement = (node: Node, given: PlanChange): Effect.Effect<PlacementPlan, InvalidConfig> =>
  Effect.gen(function*() {
    const change = yield* nodeChange(node, given)
    const { membership } = node.view
    const then = membershipAfter(membership, change)
    // A name stands for all of its sessions. Read now: the membership may change while others have a turn.
    const names = new Map([...membership.list, ...then.list].map(({ name, sid }) => [sid, name]))
    const moves: Array<PlacementPlan["moves"][number]> = []
    const stops: Array<PlacementPlan["stops"][number]> = []
    const counts = new Map<string, { now: number; after: number }>()
    const countOf = (name: string) => {
      let count = counts.get(name)
      if (count === undefined) counts.set(name, count = { now: 0, after: 0 })
      return count
    }
    for (const { name } of [...membership.list.filter(isReal), ...then.list.filter(isReal)]) countOf(name)
    yield* eachPlanned(node, then, ({ id }, fromSid, toSid) => {
      // Who joined meanwhile counts as nobody: the plan is of the moment that it was asked for.
      const from = fromSid === undefined ? undefined : names.get(fromSid)
      const to = toSid === undefined ? undefined : names.get(toSid)!
      if (from !== undefined) countOf(from).now++
      if (to !== undefined) countOf(to).after++
      if (to === undefined) {
        if (from !== undefined) stops.push({ id: id as ChildId, from })
      } else if (toSid !== fromSid) moves.push({ id: id as ChildId, from, to })
    })
    return {
      moves: yield* sortInSlices(node, moves, byId),
      stops: yield* sortInSlices(node, stops, byId),
      nodes: Array.from(counts, ([name, count]) => ({ name, ...count })).sort((a, b) => (a.name < b.name ? -1 : 1))
    }
  })
