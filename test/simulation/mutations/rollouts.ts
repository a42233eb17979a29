/**
 * Rules of revisions, broken.
 */
import type { Node } from "../../../src/internal/node/node.js"
import type { Args } from "../../../src/internal/registry/commands.js"
import { execute } from "../../../src/internal/registry/machine.js"
import { nameOf } from "../../../src/internal/registry/sessionNames.js"
import { parseNode } from "../../../src/internal/registry/state.js"
import type { NodeRecord } from "../../../src/internal/replica/nodeRecord.js"
import type { Event, Plan } from "../plan.js"
import { readingMembers, rewritten } from "../rollouts/unaware.js"
import type { Mutation } from "./mutation.js"

/** Nodes of the version before stay as they are. */
const ofOurs = (change: (node: Node) => void) => (node: Node): void => {
  if (node.own.read().knows.includes("revisions")) change(node)
}

/** Has a node say something else of itself. */
const saying = (change: (record: NodeRecord) => NodeRecord): (node: Node) => void =>
  ofOurs((node) => {
    const read = node.own.read.bind(node.own)
    node.own.read = () => change(read())
  })

/** Has a node take what members say of themselves for something else. `met`: in which order it has met them. */
const taking = (
  change: (fields: Record<string, unknown>, member: { readonly opened: number; readonly met: number }) => object
) =>
  ofOurs((node) => {
    const met = new Map<string, number>()
    readingMembers(node, (item) => {
      if (!met.has(item.sid)) met.set(item.sid, met.size + 1)
      const opened = parseNode(item.record)?.opened ?? 0
      return rewritten(item, (fields) => change(fields, { opened, met: met.get(item.sid)! }))
    })
  })

const hasRevision = ({ revision }: Record<string, unknown>): boolean => typeof revision === "string"

/** Nothing goes wrong but what a rollout brings along, and it does not end: the first node stays. */
const stalled = (plan: Plan): Plan => ({
  ...plan,
  noise: 0,
  events: plan.events.filter((event) =>
    event.type === "call" || ((event.type === "roll" || event.type === "surge") && event.node !== 0)
  ),
  nodes: plan.nodes.map((node) => ({ ...node, fate: "healthy", older: false, unaware: false })),
  rollouts: { clean: false, patience: 600_000 }
})

/** Each node of a new revision crashes once, as soon as it is there. */
const crashing = (plan: Plan): Plan => ({
  ...plan,
  events: plan.events.flatMap((event): ReadonlyArray<Event> => {
    const node = event.type === "surge" ? event.by : event.type === "roll" && event.how === "join" ? event.node : -1
    return node < 0 ? [event] : [event, { at: event.at + 1_000, type: "crash", node, back: 300 }]
  }).toSorted((a, b) => a.at - b.at),
  rollouts: { patience: 300_000, clean: false }
})

/** Every other node of those that are there from the beginning is of the version before. */
const besideUnaware = (plan: Plan): Plan => ({
  ...plan,
  nodes: plan.nodes.map((node, i) => ({ ...node, unaware: i % 2 === 1 && node.absent !== true }))
})

export const ofRollouts: ReadonlyArray<Mutation> = [
  {
    name: "running children follow their hash in a rollout",
    rollouts: true,
    changed: (node) => {
      Object.defineProperty(node.rollout, "attracts", { get: () => Infinity })
    }
  },
  {
    name: "the newest revision is that of the node whose session is the youngest",
    shownBy: 7,
    rollouts: true,
    weights: { crash: 20, server: 20 },
    changed: taking((fields, { opened }) => (hasRevision(fields) ? { ...fields, fresh: opened } : fields))
  },
  {
    name: "the newest revision is that of the node that one has met last",
    shownBy: 7,
    rollouts: true,
    changed: taking((fields, { met }) => (hasRevision(fields) ? { ...fields, fresh: met } : fields))
  },
  {
    name: "a process that is only restarted counts as a new release",
    shownBy: 7,
    rollouts: true,
    weights: { crash: 20 },
    execute: (state, server, envelope, name, args) => {
      if (name as string === "open" && ((args as Args<"open">).fresh ?? 0) === 0) {
        state.sessx.delete(`=${nameOf((args as Args<"open">).sid)}`)
      }
      return execute(state, server, envelope, name, args)
    }
  },
  {
    name: "a release counts no more when its process is restarted, or asks again",
    rollouts: true,
    shape: crashing,
    execute: (state, server, envelope, name, args) => {
      const open = name as string === "open" ? args as Args<"open"> : undefined
      const noted = open === undefined ? undefined : state.sessx.get(`=${nameOf(open.sid)}`)
      const reply = execute(state, server, envelope, name, args)
      if (open === undefined || reply._tag !== "OK" || (open.fresh ?? 0) > 0) return reply
      return noted?.endsWith(`|${open.revision}`) === true ? { ...reply, value: { ...reply.value, fresh: 0 } } : reply
    }
  },
  {
    name: "each node waits for a rollout by its own clock",
    rollouts: true,
    shape: (plan) => ({ ...plan, rollouts: { clean: false, patience: 5_000 } }),
    changed: ofOurs((node) =>
      readingMembers(node, (item) => rewritten(item, (fields) => ({ ...fields, settled: node.rollout.settled })))
    )
  },
  {
    name: "a node that has its share does not say so",
    shownBy: 7,
    rollouts: true,
    shape: stalled,
    changed: saying((record) => ({ ...record, enough: false }))
  },
  {
    name: "revisions count although a node does not know them",
    shownBy: 6,
    rollouts: true,
    shape: besideUnaware,
    changed: taking((fields) => ({
      ...fields,
      knows: Array.from(new Set([...(fields["knows"] as ReadonlyArray<string>), "revisions"]))
    }))
  },
  {
    name: "a node has a share beside one that does not know revisions",
    shownBy: 5,
    rollouts: true,
    shape: (plan) => besideUnaware(stalled(plan)),
    changed: ofOurs(({ view: { membership } }) => {
      Object.defineProperty(membership, "isMixed", { get: () => membership["mixed"] })
    })
  }
]
