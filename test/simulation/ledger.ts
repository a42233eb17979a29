/**
 * What was acknowledged, and must neither be lost nor undone.
 */
import type { CommandName, DelResult, FinishResult, PutResult, Reply } from "../../src/internal/registry/commands.js"
import { parseSpec, parseTomb, type RegistryState } from "../../src/internal/registry/state.js"
import type { RegistryExecution } from "../../src/internal/testing/testRegistry.js"
import type { Life } from "./life.js"

/** The stamp of what a list of initial children wrote. */
const listStamp = 1

/** One write of an id's register. */
export interface Fact {
  readonly id: string
  readonly kind: "spec" | "tomb"
  readonly generation: number
  readonly stamp: number
  /** In the order of their writing. */
  readonly order: number
  acknowledged: boolean
  /** Nobody was left who knew it. */
  forgiven: boolean
}

interface Written {
  readonly id: string
  readonly kind: Fact["kind"]
  readonly generation: number
  readonly stamp: number
}

const specOf = (id: string, raw: string): Written | undefined => {
  const spec = parseSpec(raw)
  return spec === undefined ? undefined : { id, kind: "spec", ...pick(spec) }
}

const tombOf = (id: string, raw: string): Written | undefined => {
  const tomb = parseTomb(raw)
  return tomb === undefined ? undefined : { id, kind: "tomb", ...pick(tomb) }
}

const pick = ({ generation, stamp }: Pick<Written, "generation" | "stamp">) => ({ generation, stamp })

/** The writes that a reply tells of, also those that were made earlier. */
const writtenBy = (name: CommandName, args: unknown, reply: Reply<unknown>): ReadonlyArray<Written> => {
  if (reply._tag !== "OK" || (name !== "put" && name !== "del" && name !== "finish")) return []
  const { items } = args as { readonly items: ReadonlyArray<{ readonly id: string }> }
  const { results } = reply.value as { readonly results: ReadonlyArray<PutResult | DelResult | FinishResult> }
  return results.flatMap((result, i) => {
    const { id } = items[i]!
    switch (result._tag) {
      case "CREATED":
      case "SAME":
      case "FAILED":
        return specOf(id, result.spec) ?? []
      case "GONE":
      case "ENDED":
        return tombOf(id, result.tomb) ?? []
      default:
        return []
    }
  })
}

/** The stamp of an id's register. */
export const stampIn = ({ spec, tomb }: RegistryState, id: string): number =>
  Math.max(parseSpec(spec.get(id) ?? "")?.stamp ?? 0, parseTomb(tomb.get(id) ?? "")?.stamp ?? 0)

const stampOf = ({ node }: Life, id: string): number =>
  Math.max(node?.view.entries.get(id)?.spec?.stamp ?? 0, node?.view.tombs.get(id)?.stamp ?? 0)

const keyOf = ({ generation, id, kind, stamp }: Written): string => `${kind} ${id} ${generation} ${stamp}`

export class Ledger {
  readonly facts = new Map<string, Fact>()

  /** `knowers`: the lives whose memory counts. */
  constructor(
    private readonly state: () => RegistryState,
    private readonly knowers: () => Iterable<Life>
  ) {}

  executed({ args, name, reply }: RegistryExecution): void {
    for (const written of writtenBy(name, args, reply)) {
      const key = keyOf(written)
      if (this.facts.has(key)) continue
      this.facts.set(key, { ...written, order: this.facts.size, acknowledged: false, forgiven: false })
    }
  }

  /**
   * The child that a call was told is not there, though its start was acknowledged, nothing has ended it since, and a
   * node that is well remembers it: in time for the quarantine, or the one that asks (W11 is about the others).
   */
  denied({ args, name, reply, state }: RegistryExecution, asker: Life | undefined): string | undefined {
    if (name !== "del" || reply._tag !== "OK") return undefined
    const { results } = reply.value as { readonly results: ReadonlyArray<DelResult> }
    const { items } = args as { readonly items: ReadonlyArray<{ readonly id: string }> }
    const isNew = (state.meta?.now ?? 0) < (state.meta?.quarantine ?? 0)
    const isDue = (life: Life, id: string) => isNew || life === asker || life.node?.session?.merge?.holds(id) !== true
    return items.find(({ id }, i) => results[i]!._tag === "ABSENT" && this.isThere(id, isDue))?.id
  }

  private isThere(id: string, isDue: (life: Life, id: string) => boolean): boolean {
    const [last] = [...this.facts.values()].filter((fact) => fact.id === id).sort((a, b) => b.stamp - a.stamp)
    if (last?.kind !== "spec" || last.stamp === listStamp || !last.acknowledged || last.forgiven) return false
    for (const life of this.knowers()) {
      const { node } = life
      const isWell = node?.active === true && node.session?.era === this.state().meta?.era
      if (isWell && isDue(life, id) && node.view.entries.get(id)?.spec?.stamp === last.stamp) return true
    }
    return false
  }

  /** A reply has come to its caller. */
  answered(name: CommandName, args: unknown, reply: Reply<unknown>): void {
    for (const written of writtenBy(name, args, reply)) {
      const fact = this.facts.get(keyOf(written))
      if (fact === undefined || fact.acknowledged) continue
      fact.acknowledged = true
      if (!this.isKnown(fact)) fact.forgiven = true
    }
  }

  private isKnown({ id, stamp }: Fact): boolean {
    if (stampIn(this.state(), id) >= stamp) return true
    for (const life of this.knowers()) if (stampOf(life, id) >= stamp) return true
    return false
  }

  /** Somebody who knew may be gone. */
  forgive(): void {
    for (const fact of this.facts.values()) {
      if (fact.acknowledged && !fact.forgiven && !this.isKnown(fact)) fact.forgiven = true
    }
  }

  /** The facts that bind. */
  binding(id: string): ReadonlyArray<Fact> {
    return [...this.facts.values()].filter((fact) => fact.id === id && fact.acknowledged && !fact.forgiven)
  }

  /** What is wrong with the register of an id, once everybody has told what he knew. */
  check(id: string): string | undefined {
    const binding = this.binding(id)
    const lost = binding.find(({ stamp }) => stampIn(this.state(), id) < stamp)
    if (lost !== undefined) return `${id}: its acknowledged ${lost.kind} with stamp ${lost.stamp} is lost`
    const current = parseSpec(this.state().spec.get(id) ?? "")
    if (current === undefined) return undefined
    const { generation } = current
    const made = [...this.facts.values()].find((f) => f.kind === "spec" && f.id === id && f.generation === generation)
    if (made?.stamp !== listStamp) return undefined
    const undone = binding.find((fact) => fact.kind === "tomb" && fact.order < made.order)
    return undone === undefined ? undefined : `${id}: its acknowledged end (${undone.stamp}) was undone by a boot list`
  }
}
