/**
 * What was acknowledged of directives, and must not be undone by older ones; and what nodes make of them.
 */
import type {
  Args,
  CommandName,
  DirectiveWhat,
  DirectResult,
  Reply,
  Value
} from "../../../src/internal/registry/commands.js"
import { nameOf } from "../../../src/internal/registry/sessionNames.js"
import { parseDirective, parseNode, type RegistryState } from "../../../src/internal/registry/state.js"
import type { RegistryExecution } from "../../../src/internal/testing/testRegistry.js"
import type { Report } from "../guardian.js"
import type { Life } from "../life.js"

/** One directive that was stored, in the order of storing: a name's later one is to stand. */
interface Order {
  readonly name: string
  readonly what: DirectiveWhat
  readonly op: string
  readonly order: number
  acknowledged: boolean
  /** Nobody was left who knew it, or a later one. */
  forgiven: boolean
}

const resultOf = (name: CommandName, reply: Reply<unknown>): DirectResult | undefined =>
  name === "direct" && reply._tag === "OK" ? (reply.value as Value<"direct">).result : undefined

export class Orders {
  private readonly orders = new Map<string, Order>()
  /** The directive for its name that was stored when a session was opened, as it was. */
  private readonly opened = new Map<string, string | undefined>()
  /** The highest stamp that a process has obeyed. */
  private readonly obeyed = new WeakMap<Life, number>()

  /** `knowers`: the lives whose memory counts. */
  constructor(
    private readonly state: () => RegistryState,
    private readonly knowers: () => Iterable<Life>,
    private readonly report: Report
  ) {}

  executed({ args, name, reply, state }: RegistryExecution): void {
    const result = resultOf(name, reply)
    if (result?._tag === "STORED") {
      const { name: node, op, what } = args as Args<"direct">
      if (!this.orders.has(op)) {
        this.orders.set(op, { name: node, what, op, order: this.orders.size, acknowledged: false, forgiven: false })
      }
    }
    if (reply._tag === "OK" && name === "open" && (args as Args<"open">).last) {
      const { sid } = args as Args<"open">
      if (!this.opened.has(sid)) this.opened.set(sid, state.direct.get(nameOf(sid)))
    }
    if (reply._tag === "OK" && (name === "open" || name === "update")) this.checkOpen(state, args as Args<"update">)
  }

  /** A node that starts under a directive is never open for a moment. */
  private checkOpen({ direct, node }: RegistryState, { sid }: Args<"update">): void {
    if (!this.opened.has(sid)) return
    const record = JSON.parse(parseNode(node.get(sid) ?? "")?.json ?? "{\"joining\":true}") as {
      readonly joining: boolean
      readonly cordoned: boolean
      readonly draining: boolean
      readonly knows?: ReadonlyArray<string>
    }
    if (record.joining) return
    const before = this.opened.get(sid)
    this.opened.delete(sid)
    const directive = before === undefined ? undefined : parseDirective(before)
    const what = before === undefined ? "undo" : directive?.what
    // Older data are back, in which stands what was undone since.
    if (this.knowsUndo(sid, directive?.stamp ?? 0)) return
    if (what === "undo" || record.knows?.includes("directives") !== true || direct.get(nameOf(sid)) !== before) return
    if (!record.cordoned && !record.draining) {
      this.report("a node is open for a moment that starts under a directive", `${sid}: ${before}`)
    }
  }

  /** Whether the process of a session has read of an undo that is later than a stamp. */
  private knowsUndo(sid: string, stamp: number): boolean {
    for (const { node } of this.knowers()) {
      const newest = node?.session?.sid === sid ? node.own.directive : undefined
      if (newest?.what === "undo" && newest.stamp > stamp) return true
    }
    return false
  }

  /** A reply has come to its caller. */
  answered(name: CommandName, args: unknown, reply: Reply<unknown>): void {
    if (resultOf(name, reply)?._tag !== "STORED") return
    const order = this.orders.get((args as Args<"direct">).op)
    if (order === undefined || order.acknowledged) return
    order.acknowledged = true
    order.forgiven = !this.isKnown(order)
  }

  /** Whether a record is of the order, or of a later one. */
  private isAsLate(raw: string | undefined, { name, order }: Order): boolean {
    const op = raw === undefined ? undefined : parseDirective(raw)?.op
    const other = op === undefined ? undefined : this.orders.get(op)
    return other !== undefined && other.name === name && other.order >= order
  }

  private isKnown(order: Order): boolean {
    if (this.isAsLate(this.state().direct.get(order.name), order)) return true
    for (const { node } of this.knowers()) {
      if (this.isAsLate(node?.view.directives.of(order.name)?.raw, order)) return true
    }
    return false
  }

  /** Somebody who knew may be gone, or data. */
  forgive(): void {
    for (const order of this.orders.values()) {
      if (order.acknowledged && !order.forgiven) order.forgiven = !this.isKnown(order)
    }
  }

  /** Within its life a process obeys no older directive than one that it has obeyed, or whose undo it has read. */
  look(lives: Iterable<Life>): void {
    for (const life of lives) {
      const newest = life.node?.own.directive
      if (newest === undefined) continue
      const before = this.obeyed.get(life) ?? 0
      if (newest.stamp < before && newest.what !== "undo") {
        this.report("an older directive is obeyed", `${life.process.name}: ${newest.raw} after ${before}`)
      }
      if (newest.stamp > before) this.obeyed.set(life, newest.stamp)
    }
  }

  /** Once all is calm: an acknowledged directive stands, or a later one of its name; an undone one has not come back. */
  lost(): ReadonlyArray<string> {
    const { direct } = this.state()
    return [...this.orders.values()]
      .filter((order) => order.acknowledged && !order.forgiven)
      .filter((order) => direct.has(order.name) || order.what !== "undo")
      .filter((order) => !this.isAsLate(direct.get(order.name), order))
      .map(({ name, op, what }) => `the acknowledged ${what} ${op} for ${name} is lost: ${direct.get(name)}`)
  }
}
