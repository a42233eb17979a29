/**
 * Watches who executes calls, and who answers them. A copy answers by right as long as no higher token has been granted
 * for its child: its lease holds, and the registry gives a claim to another only after that. Or the registry has taken
 * its claim back: in a new era, from a child that went on without a lease while another copy came and went.
 */
import type { Current } from "../../../src/internal/kind/current.js"
import type { Args, ClaimResult } from "../../../src/internal/registry/commands.js"
import { parseClaim, type RegistryState } from "../../../src/internal/registry/state.js"
import type { RegistryExecution } from "../../../src/internal/testing/testRegistry.js"
import type { Life } from "../life.js"
import { isSane } from "../plan.js"
import { type Mark, marksIn } from "./kinds.js"

export type Report = (check: string, message: string) => void

export class Witness {
  private readonly granted = new Map<string, number>()

  constructor(private readonly state: () => RegistryState, private readonly report: Report) {}

  onExecuted({ args, name, reply }: RegistryExecution): void {
    if (name !== "claim" || reply._tag !== "OK") return
    const { results } = reply.value as { readonly results: ReadonlyArray<ClaimResult> }
    for (const [i, { id }] of (args as Args<"claim">).items.entries()) {
      const result = results[i]!
      if (result._tag === "GRANTED") this.granted.set(id, Math.max(result.token, this.granted.get(id) ?? 0))
    }
  }

  private isStale({ process }: Life, { id, token }: { readonly id: string; readonly token: number }): boolean {
    if (!isSane(process) || token >= (this.granted.get(id) ?? 0)) return false
    return parseClaim(this.state().claim.get(id) ?? "")?.token !== token
  }

  private tell(check: string, { process }: Life, { id, token }: Omit<Mark, "request">, request: string): void {
    const newest = this.granted.get(id)
    this.report(check, `${request} of ${id} on ${process.name} (token ${token}, ${newest} is granted)`)
  }

  begins(life: Life, { id, token }: Current, request: string): void {
    const copy = { id, token: Number(token) }
    if (this.isStale(life, copy)) this.tell("a copy without its claim begins a call", life, copy, request)
  }

  /** Something leaves a process that answers a call, as it stands. */
  answers(life: Life, answer: unknown): void {
    for (const mark of marksIn(answer)) {
      if (this.isStale(life, mark)) this.tell("a copy without its claim answers", life, mark, mark.request)
    }
  }
}
