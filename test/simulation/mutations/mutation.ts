/**
 * A mutation: one rule of the protocol broken on purpose, to see whether the simulator notices.
 */
import type { Node } from "../../../src/internal/node/node.js"
import type { Args, CommandName, Envelope, Refusal, Value } from "../../../src/internal/registry/commands.js"
import { guard } from "../../../src/internal/registry/guard.js"
import { execute } from "../../../src/internal/registry/machine.js"
import type { RegistryState, Server, Tx } from "../../../src/internal/registry/state.js"
import type { Execute } from "../../../src/internal/testing/testRegistry.js"
import type { Weights } from "../draw.js"
import type { Plan } from "../plan.js"

export interface Mutation {
  /** What is broken. */
  readonly name: string
  /** A registry with other rules. */
  readonly execute?: Execute
  /** Breaks a node as it is made. */
  readonly changed?: (node: Node) => void
  /** Breaks code that all nodes share; tells how to mend it. Of calls, unless it says `sets`, `lists` or `rollouts`: they are made then. */
  readonly patch?: () => () => void
  /** Faults that the rule is there for are drawn more often. */
  readonly weights?: Weights
  /** Directives are given in every history, instead of in none. */
  readonly directives?: boolean
  /** Sets are reconciled in every history, instead of in none. */
  readonly sets?: boolean
  /** Nodes have lists that are whole sets in every history, instead of in none. */
  readonly lists?: boolean
  /** Children have states in every history, instead of in none. */
  readonly states?: boolean
  /** Revisions are rolled out in every history, instead of in none. */
  readonly rollouts?: boolean
  /** What else makes it show, in the plan of each history. */
  readonly shape?: (plan: Plan) => Plan
  /** A history that shows it, to begin with: most are shown by any. */
  readonly shownBy?: number | undefined
  /** A few commands that show it, where the nodes never get that far; what is wrong, if anything is. */
  readonly script?: (execute: Execute) => string | undefined
}

/** What a command is about to work on. */
export interface Before {
  readonly state: RegistryState
  readonly server: Server
  readonly envelope: Envelope
  readonly name: CommandName
}

/** A registry that meddles with every command before it is executed. */
export const before =
  (change: (before: Before) => Partial<Pick<Before, "envelope" | "server">> | void): Execute =>
  (state, server, envelope, name, args) => {
    const changed = change({ state, server, envelope, name }) ?? {}
    return execute(state, changed.server ?? server, changed.envelope ?? envelope, name, args)
  }

/** A registry that has another handler for one command. */
export const handling = <C extends CommandName>(
  command: C,
  handler: (tx: Tx, args: Args<C>, envelope: Envelope) => Value<C> | Refusal
): Execute =>
(state, server, envelope, name, args) => {
  if (name as string !== command) return execute(state, server, envelope, name, args)
  const tx = guard(state, envelope, server)
  if ("_tag" in tx) return tx
  const outcome = handler(tx, args, envelope)
  if ("_tag" in outcome) return outcome as Refusal
  return { _tag: "OK", now: tx.meta.now, high: tx.meta.high, log: tx.meta.log, idle: tx.idle, value: outcome }
}
