/**
 * How a call may end, and what must be true then.
 */
import { Cause, Chunk, Exit, Option } from "effect"
import type { Life } from "../life.js"
import { marksIn } from "./kinds.js"
import type { CallPlan } from "./plan.js"
import type { Vault } from "./vault.js"
import type { Report } from "./witness.js"

/** A call that was made. */
export interface Made {
  readonly plan: CallPlan
  readonly request: string
  readonly life: Life
  /** Its place among the calls of its process. */
  seq: number
  /** When its process took it up. Virtual milliseconds. */
  begun: number
  /** How it ended. */
  outcome: string | undefined
  /** Its caller was told that it was not executed, and never will be. */
  spared: boolean
  /** Times that its handler began. */
  runs: number
  /** Items of a stream that have come. */
  items: number
  /** Token under which the last of them was made. */
  token: number
}

export const makeMade = (plan: CallPlan, request: string, life: Life): Made => ({
  plan,
  request,
  life,
  seq: 0,
  begun: 0,
  outcome: undefined,
  spared: false,
  runs: 0,
  items: 0,
  token: 0
})

interface Failed {
  readonly _tag: string
  readonly mayHaveRun?: boolean
}

/** What a call may fail with, besides its protocol's own errors. */
const callErrors: ReadonlySet<string> = new Set([
  "ChildNotFound",
  "ChildUnavailable",
  "NodeUnreachable",
  "CallTimeout",
  "MailboxFull"
])

/** A stream's source may have moved. */
const isDeclared = ({ _tag }: Failed, { rpc }: CallPlan): boolean =>
  callErrors.has(_tag) || (_tag === "ChildMoved" && (rpc === "watch" || rpc === "follow"))

export class Judge {
  constructor(private readonly vault: Vault, private readonly report: Report) {}

  private tell(check: string, { plan: { rpc }, outcome, request }: Made, more: string): void {
    this.report(check, `${rpc} ${request}: ${outcome} ${more}`)
  }

  /** The answer to a call, or its failure. */
  ended(made: Made, exit: Exit.Exit<unknown, unknown>): void {
    if (made.outcome !== undefined) return this.tell("a call ends twice", made, "")
    if (Exit.isSuccess(exit)) {
      const left = Option.isOption(exit.value) && Option.isNone(exit.value)
      made.outcome = left ? "left" : "answered"
      return left ? undefined : this.answered(made, exit.value)
    }
    const failure = Option.getOrUndefined(Cause.failureOption(exit.cause)) as Failed | undefined
    if (failure === undefined) return this.died(made, exit.cause)
    made.outcome = failure._tag
    if (failure._tag === "Declined" || failure._tag === "Stale") return this.answered(made, failure)
    if (!isDeclared(failure, made.plan)) {
      return this.tell("a call ends in no declared way", made, Cause.pretty(exit.cause))
    }
    const before = failure._tag === "MailboxFull" || (failure._tag === "ChildNotFound" && made.plan.rpc === "pay")
    made.spared = failure.mayHaveRun === false || before
    this.final(made)
  }

  private died(made: Made, cause: Cause.Cause<unknown>): void {
    const [defect] = Chunk.toReadonlyArray(Cause.defects(cause))
    made.outcome = "died"
    if (made.plan.end === "die" && defect instanceof Error) return this.answered(made, defect.message)
    this.tell("a call ends in no declared way", made, Cause.pretty(cause))
  }

  /** Its handler ended, and told so. */
  private answered(made: Made, answer: unknown): void {
    const { outcome, plan, request } = made
    if (plan.rpc === "watch" || plan.rpc === "follow") return this.final(made)
    const [mark] = marksIn(answer)
    if (mark?.id !== plan.id || mark.request !== request) {
      return this.tell("a call is answered with another call's answer", made, JSON.stringify(answer))
    }
    const times = this.vault.times(request)
    if (outcome === "Stale") {
      if (plan.rpc === "pay" && times > 0) this.tell("a refused effect has happened", made, "")
      return
    }
    if (times === 0) this.tell("an acknowledged effect has not happened", made, "")
    this.final(made)
  }

  /** One item of a stream. */
  item(made: Made, value: { readonly mark: string; readonly item: number }): void {
    const [mark] = marksIn(value)
    if (mark?.id !== made.plan.id || mark.request !== made.request) {
      this.tell("a stream has another stream's item", made, value.mark)
    } else if (value.item !== made.items) {
      this.tell("an item of a stream is missing, or comes twice", made, `${value.item} after ${made.items}`)
    } else if (mark.token < made.token || (made.plan.rpc === "watch" && made.items > 0 && mark.token !== made.token)) {
      this.tell("a stream goes on in another copy", made, `${mark.token} after ${made.token}`)
    }
    made.items++
    made.token = mark?.token ?? 0
  }

  /** What must be true of a call for ever, whatever its caller heard. */
  final(made: Made): void {
    const { plan: { rpc }, request, runs, spared } = made
    const times = this.vault.times(request)
    if (rpc === "pay" && (times > 1 || runs > 1)) {
      this.tell("a call is executed twice", made, `begun ${runs} times, applied ${times} times`)
    }
    if (spared && (times > 0 || runs > 0)) {
      this.tell("a call that was not executed has been", made, `begun ${runs} times, applied ${times} times`)
    }
  }
}
