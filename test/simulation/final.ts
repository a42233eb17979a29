/**
 * Once the faults are over: what is not yet as it should be.
 */
import type { ChildInfo } from "effect-pogo"
import { decodeBody } from "../../src/internal/kind/specCodec.js"
import type { Node } from "../../src/internal/node/node.js"
import {
  type ClaimRecord,
  parseClaim,
  parseDirective,
  parseSpec,
  type SpecRecord
} from "../../src/internal/registry/state.js"
import type { LocalChild } from "../../src/internal/supervisor/localChild.js"
import type { Life } from "./life.js"
import type { Nodes } from "./nodes.js"
import { kindOf } from "./plan.js"
import type { Scene } from "./scene.js"

/** Processes that can do what they want, for good. */
const coreOf = (nodes: Nodes): ReadonlyArray<Life> => [...nodes.lives()].filter((life) => nodes.isFree(life))

const isAble = (life: Life, id: string, spec: SpecRecord): boolean => {
  const { node } = life
  const registration = node?.kinds.get(kindOf(id))
  if (node === undefined || registration === undefined || node.own.cordoned || node.own.draining) return false
  const { digest, version } = registration.code
  return version >= (decodeBody(spec.body)?.version ?? 0) && !spec.refused.includes(`${version}.${digest}`)
}

interface Holder {
  readonly life: Life
  readonly child: LocalChild
}

export class Final {
  private readonly problems: Array<string> = []
  private readonly core: ReadonlyArray<Life>
  private readonly all: ReadonlyArray<Life>

  constructor(private readonly scene: Scene, nodes: Nodes) {
    this.core = coreOf(nodes)
    this.all = [...nodes.lives()]
  }

  look(): ReadonlyArray<string> {
    const { claim, sess, spec } = this.scene.state()
    for (const life of this.core) this.lookAtNode(life, sess)
    const ids = new Set([...spec.keys(), ...claim.keys(), ...this.scene.plan.ids])
    for (const life of this.core) for (const id of life.node!.supervisor.children.keys()) ids.add(id)
    for (const id of ids) this.lookAt(id)
    for (const problem of this.scene.orders.lost()) this.tell(problem)
    for (const problem of this.scene.lists.look(this.core)) this.tell(problem)
    return this.problems
  }

  private tell(problem: string): void {
    this.problems.push(problem)
  }

  private knowsDirectives(name: string): boolean {
    return this.scene.plan.nodes.find((plan) => plan.name === name)?.older !== true
  }

  /** A node has read the directive for its name, and has done what it says. */
  private lookAtDirective({ config, own, supervisor }: Node, name: string): void {
    const { stamp, what } = parseDirective(this.scene.state().direct.get(config.name) ?? "") ?? {}
    if (own.directive?.stamp !== stamp) this.tell(`${name} obeys ${own.directive?.stamp}, the registry has ${stamp}`)
    if (what === "drain" && supervisor.children.size > 0) this.tell(`${name} is to be drained, and has children`)
  }

  private lookAtNode({ name, node, process }: Life, sess: ReadonlyMap<string, number>): void {
    if (node === undefined || !node.active) return this.tell(`${process.name} is ${node?.phase ?? "starting"}`)
    if (this.knowsDirectives(name)) this.lookAtDirective(node, process.name)
    const members = [...node.view.membership.members.keys()].sort().join(" ")
    if (members !== [...sess.keys()].sort().join(" ")) this.tell(`${process.name} sees other members: ${members}`)
    for (const id of node.view.entries.keys()) {
      if (!this.scene.state().spec.has(id) && !this.scene.state().claim.has(id)) {
        this.tell(`${process.name} still knows of ${id}`)
      }
    }
  }

  private lookAt(id: string): void {
    const state = this.scene.state()
    const spec = parseSpec(state.spec.get(id) ?? "")
    const claim = parseClaim(state.claim.get(id) ?? "")
    const wrong = this.scene.ledger.check(id)
    if (wrong !== undefined) this.tell(wrong)
    for (const life of this.core) this.lookAtView(life, id, spec, claim)
    if (spec === undefined || spec.failed) this.lookAtEnded(id, claim)
    else this.lookAtWanted(id, spec, claim)
    this.lookAtCopies(id, claim)
  }

  /** Every node's view is the registry's. */
  private lookAtView(
    { node, process }: Life,
    id: string,
    spec: SpecRecord | undefined,
    claim: ClaimRecord | undefined
  ) {
    const entry = node?.view.entries.get(id)
    const theirs = `${spec?.generation} ${spec?.failed} ${claim?.token}`
    const ours = `${entry?.spec?.generation} ${entry?.spec?.failed} ${entry?.claim?.token}`
    if (ours !== theirs) this.tell(`${id}: ${process.name} knows ${ours}, the registry ${theirs}`)
  }

  private holders(id: string, lives: ReadonlyArray<Life>): ReadonlyArray<Holder> {
    return lives.flatMap((life) => {
      const child = life.node?.supervisor.children.get(id)
      return child === undefined ? [] : [{ life, child }]
    })
  }

  private lookAtEnded(id: string, claim: ClaimRecord | undefined): void {
    if (claim !== undefined) this.tell(`${id} is over, and ${claim.sid} has a claim on it`)
    for (const { life } of this.holders(id, this.core)) this.tell(`${id} is over, and ${life.process.name} has it`)
  }

  private lookAtWanted(id: string, spec: SpecRecord, claim: ClaimRecord | undefined): void {
    const able = this.core.filter((life) => isAble(life, id, spec))
    const holders = this.holders(id, this.core)
    if (holders.length > 1) this.tell(`${id} is held by ${holders.map(({ life }) => life.process.name).join(" and ")}`)
    const [holder] = holders
    if (holder === undefined) {
      if (this.isElsewhere(id, claim)) return
      if (able.length > 0) this.tell(`${id} is held by nobody, and ${able.length} nodes could run it`)
      else this.lookForReason(id)
      if (claim !== undefined && able.length > 0) this.tell(`${id}: ${claim.sid} has a claim, and no child`)
      return
    }
    this.lookAtHolder(id, spec, claim, holder, able.length > 0)
  }

  /** A process outside of the core holds it by right: it lives, and kept the child, or cannot end it. */
  private isElsewhere(id: string, claim: ClaimRecord | undefined): boolean {
    const others = this.holders(id, this.all.filter((life) => !this.core.includes(life)))
    return others.some(({ child, life }) => child.claim === claim?.token && !life.process.frozen)
  }

  private lookAtHolder(
    id: string,
    spec: SpecRecord,
    claim: ClaimRecord | undefined,
    holder: Holder,
    any: boolean
  ): void {
    const { child, life } = holder
    const { name } = life.process
    if (claim?.token !== child.claim || claim.sid !== life.node!.session?.sid) {
      this.tell(`${id}: ${name} has it with ${child.claim}, the claim is ${claim?.token} of ${claim?.sid}`)
    }
    if (child.spec.generation !== spec.generation) this.tell(`${id}: ${name} runs an old generation`)
    if (child.ending) this.tell(`${id} is ${child.stage} on ${name}`)
    if (!child.holds) this.tell(`${id}: ${name} may not act`)
    const entry = life.node!.view.entries.get(id)
    const sid = life.node!.session?.sid ?? ""
    // Not the same as where it would be claimed: one that runs goes only where it is attracted.
    const home = entry === undefined ? undefined : life.node!.view.membership.homeOfHeld(entry, sid, child.claim)
    if (any && !life.node!.own.cordoned && home !== sid) {
      this.tell(`${id} is on ${name}, not on ${home}`)
    }
  }

  /** A child that does not run has a reason, on every node. */
  private lookForReason(id: string): void {
    for (const life of this.core) {
      let row: ChildInfo.ChildRow | undefined
      life.ask((pogo) => pogo.whichChildren("global"), (exit) => {
        if (exit._tag === "Success") row = exit.value.find((one) => one.id === id)
        const { status } = row ?? {}
        const text = status?._tag === "Pending" ? status.reason : status?._tag === "Failed" ? status.cause : undefined
        if (text === "") this.scene.fail("a child has no reason", `${id} on ${life.process.name}`)
      })
    }
  }

  private lookAtCopies(id: string, claim: ClaimRecord | undefined): void {
    for (const { child, life } of this.scene.copies.of(id)) {
      if (life.process.frozen || child.claim === claim?.token) continue
      const kept = child.registration.onRegistryLoss === "keep" && !this.core.includes(life)
      if (!kept) this.tell(`${id} still runs on ${life.process.name} with ${child.claim}`)
    }
  }
}
