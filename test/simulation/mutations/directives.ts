/**
 * Rules of directives, broken.
 */
import type { Node } from "../../../src/internal/node/node.js"
import type { NodeItem } from "../../../src/internal/registry/commands.js"
import { direct } from "../../../src/internal/registry/directives.js"
import {
  formatDirective,
  formatNode,
  parseDirective,
  parseNode,
  type RegistryState
} from "../../../src/internal/registry/state.js"
import type { Plan } from "../plan.js"
import { handling, type Mutation } from "./mutation.js"
import { hearing, sending } from "./nodes.js"
import { directsOnce } from "./scripts.js"

const rewrite = ({ direct: all }: RegistryState, name: string, stamp: number): string => {
  const text = formatDirective({ ...parseDirective(all.get(name)!)!, stamp })
  all.set(name, text)
  return text
}

/** A member as one takes it for that goes by the directive for its name, and not by its record alone. */
const judged = (item: NodeItem, { view }: Node): NodeItem => {
  const header = parseNode(item.record)
  if (header === undefined) return item
  const fields = JSON.parse(header.json) as { readonly name: string; readonly draining: boolean }
  const what = view.directives.of(fields.name)?.what ?? "undo"
  const draining = fields.draining || what !== "undo"
  return { ...item, record: formatNode({ ...header, json: JSON.stringify({ ...fields, draining }) }) }
}

/** Nodes of the version before stay as they are. */
const ofOurs = (change: (node: Node) => void) => (node: Node): void => {
  if (node.own.read().knows.includes("directives")) change(node)
}

/**
 * A directive is no part of what a node says of itself: all others of its version read the directive, and those of the
 * version before place children on it. It does not say that it knows directives, or it would be noticed by that alone.
 */
const judgedByOthers = ofOurs((node) => {
  const read = node.own.read.bind(node.own)
  node.own.read = () => ({ ...read(), cordoned: node.own["ownCordon"], draining: node.own["ownDrain"], knows: [] })
  hearing("nodes", (value) => {
    node.view.directives.update(value.directives, node.clock.high, node.session?.merge !== undefined)
    return { ...value, nodes: value.nodes.map((item) => judged(item, node)) }
  })(node)
  hearing("changes", (value) => {
    if (value.nodes === undefined) return value
    node.view.directives.update(value.directives ?? [], node.clock.high, node.session?.merge !== undefined)
    return { ...value, nodes: value.nodes.map((item) => judged(item, node)) }
  })(node)
})

/** Every other node is of the version before, and the rest are drained for good. */
const besideOlder = (plan: Plan): Plan => ({
  ...plan,
  nodes: plan.nodes.map((node, i) => ({ ...node, older: i % 2 === 1, fate: "healthy" })),
  events: plan.events.map((event) =>
    event.type === "direct" ? { ...event, what: "drain", node: event.node - (event.node % 2) } : event
  )
})

export const ofDirectives: ReadonlyArray<Mutation> = [
  {
    name: "the undo of a directive removes it",
    shownBy: 41,
    directives: true,
    weights: { lose: 30, cut: 30 },
    execute: handling("direct", (tx, args) => {
      const value = direct(tx, args)
      if (args.what === "undo") tx.state.direct.delete(args.name)
      return value
    })
  },
  {
    name: "others judge a node by its directive",
    shownBy: 3,
    directives: true,
    shape: besideOlder,
    changed: judgedByOthers
  },
  {
    name: "a node is open before it has read of directives",
    directives: true,
    weights: { crash: 20, stop: 20 },
    changed: hearing("nodes", (value, { active }) => (active ? value : { ...value, directives: [] }))
  },
  {
    name: "a directive has no stamp of its own",
    shownBy: 68,
    directives: true,
    execute: handling("direct", (tx, args) => {
      const before = parseDirective(tx.state.direct.get(args.name) ?? "")?.stamp ?? 1
      const { result } = direct(tx, args)
      if (result._tag !== "STORED") return { result }
      return { result: { ...result, record: rewrite(tx.state, args.name, before) } }
    })
  },
  {
    name: "a directive that comes twice takes effect twice",
    script: directsOnce,
    execute: handling("direct", (tx, args) => direct(tx, { ...args, seen: Number.MAX_SAFE_INTEGER }))
  },
  {
    name: "a node does not heed a directive that it has read",
    directives: true,
    changed: ({ own }) => {
      Object.defineProperty(own, "cordoned", { get: () => own["ownCordon"] })
      Object.defineProperty(own, "draining", { get: () => own["ownDrain"] })
    }
  },
  {
    name: "directives are not given back to new data",
    directives: true,
    weights: { lose: 30 },
    changed: sending("merge", ({ facts }) => ({ facts: facts.filter(({ kind }) => kind !== "direct") }))
  }
]
