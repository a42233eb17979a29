/**
 * What all parts of a history share.
 */
import { Effect } from "effect"
import type { ChildSpec, Pogo } from "effect-pogo"
import type { RegistryState } from "../../src/internal/registry/state.js"
import type { Dice } from "../../src/internal/testing/dice.js"
import type { RegistryServer } from "../../src/internal/testing/testRegistry.js"
import type { World } from "../../src/internal/testing/virtualWorld.js"
import type { Copies } from "./copies.js"
import type { Orders } from "./directives/orders.js"
import type { Ledger } from "./ledger.js"
import type { Code, Plan } from "./plan.js"
import type { RolloutAudit } from "./rollouts/audit.js"
import type { SetAudit } from "./sets/audit.js"
import type { ListAudit } from "./sets/listAudit.js"
import type { StateAudit } from "./states/audit.js"
import type { Stats } from "./stats.js"

export const scope = "default"

export interface Scene {
  readonly plan: Plan
  readonly world: World
  readonly dice: Dice
  readonly server: RegistryServer
  readonly copies: Copies
  readonly ledger: Ledger
  readonly orders: Orders
  readonly sets: SetAudit
  readonly lists: ListAudit
  readonly states: StateAudit
  readonly rollouts: RolloutAudit
  readonly stats: Stats
  readonly state: () => RegistryState
  readonly spec: (id: string, content: number, code: Code) => ChildSpec.Draft
  /** Writes a line of the history, if anybody reads it. */
  readonly log: (who: string, what: string) => void
  /** Something is wrong. */
  readonly fail: (check: string, message: string) => void
}

export const drain = (pogo: Pogo.Service): Effect.Effect<void> => Effect.asVoid(pogo.drain)
