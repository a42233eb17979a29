/**
 * What lists of code may end, and what they come to: nothing is ended or replaced against the list of a live node; in the
 * end all that a live node lists is there, unless a call has ended it, and a set that all agree upon is its list.
 */
import type { EncodedList } from "../../../src/internal/kind/exactList.js"
import { decodeBody } from "../../../src/internal/kind/specCodec.js"
import { isSameContent } from "../../../src/internal/kind/specSets.js"
import type { Args, DelResult, PutResult } from "../../../src/internal/registry/commands.js"
import { parseNode, parseSpec, parseTomb, type RegistryState } from "../../../src/internal/registry/state.js"
import type { RegistryExecution } from "../../../src/internal/testing/testRegistry.js"
import type { Life } from "../life.js"

type Fail = (check: string, message: string) => void

/** The digests of the lists of a name that live sessions publish. */
const published = ({ node, sess }: RegistryState, name: string): ReadonlyArray<string> =>
  Array.from(node).flatMap(([sid, record]) => {
    const json = sess.has(sid) ? parseNode(record)?.json : undefined
    const digest = (JSON.parse(json ?? "{}") as { lists?: { [name: string]: string } }).lists?.[name]
    return digest === undefined ? [] : [digest]
  })

const listOf = (life: Life | undefined): EncodedList | undefined => life?.node?.own.list?.what

export class ListAudit {
  /** The calls of lists that have ended a child. */
  private readonly ends = new Set<string>()

  constructor(private readonly state: () => RegistryState, private readonly fail: Fail) {}

  /** A command was executed; `asker`: whose it was. */
  executed({ args, name, reply }: RegistryExecution, asker: Life | undefined): void {
    if (reply._tag !== "OK" || (name !== "put" && name !== "del")) return
    const { items, round } = args as Args<"put">
    if (round?.key.startsWith("=") !== true) return
    const { results } = reply.value as { readonly results: ReadonlyArray<DelResult | PutResult> }
    const changed = items.filter((_, i) => results[i]!._tag === "GONE" || results[i]!._tag === "CREATED")
    if (name === "del") items.forEach(({ op }, i) => results[i]!._tag === "GONE" && this.ends.add(op))
    const ours = listOf(asker)?.digest
    const others = published(this.state(), round.key.slice(1)).filter((digest) => digest !== ours)
    if (changed.length === 0 || others.length === 0) return
    this.fail(
      "a list ends or replaces what a live node lists otherwise",
      `${changed.map(({ id }) => id).join(", ")} by ${asker?.process.name}`
    )
  }

  /** What is not as it should be in the end. `free`: processes that can do what they want. */
  look(free: ReadonlyArray<Life>): ReadonlyArray<string> {
    const lists = free.flatMap((life) => listOf(life) ?? [])
    const problems = new Set<string>()
    for (const list of lists) {
      for (const id of list.listed.keys()) {
        const problem = this.missing(id)
        if (problem !== undefined) problems.add(problem)
      }
      if (published(this.state(), list.name).every((digest) => digest === list.digest)) {
        for (const problem of this.differing(list)) problems.add(problem)
      }
    }
    return Array.from(problems)
  }

  private missing(id: string): string | undefined {
    const { spec, tomb } = this.state()
    if (spec.has(id)) return undefined
    const ended = parseTomb(tomb.get(id) ?? "")
    const isKeptAway = ended !== undefined && !ended.pruned && !this.ends.has(ended.endOp)
    return isKeptAway ? undefined : `${id} is listed, and not there`
  }

  private differing({ listed, set }: EncodedList): ReadonlyArray<string> {
    const bodies: ReadonlyMap<string, string> = listed
    return Array.from(this.state().spec).flatMap(([id, raw]) => {
      const { body } = parseSpec(raw) ?? {}
      if (body === undefined) return []
      const of = decodeBody(body)?.set
      const wanted = bodies.get(id)
      if (wanted === undefined) return of === set ? [`${id} is in ${set}, and not listed`] : []
      if (of !== undefined && of !== set) return []
      if (of !== set) return [`${id} is listed, and not in ${set}`]
      return isSameContent(body, wanted) ? [] : [`${id} has other content than is listed`]
    })
  }
}
