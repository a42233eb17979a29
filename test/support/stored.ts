/**
 * What a registry really holds, read past all supervisors.
 */
import { Effect } from "effect"
import type { GroupRegistry } from "effect-pogo"
import type { Registry } from "./cluster.js"

export interface Stored {
  readonly specs: ReadonlyArray<string>
  readonly tombs: ReadonlyArray<string>
  readonly claims: ReadonlyArray<string>
}

const envelope = (scope: string, era: string): GroupRegistry.Envelope => ({
  scope,
  era,
  notAfter: Number.MAX_SAFE_INTEGER,
  high: 0,
  seconds: 0,
  bits: "test",
  ttl: 15_000,
  maxStep: 2_500
})

export const readStored = (registry: Registry, scope = "default"): Effect.Effect<Stored> =>
  Effect.gen(function*() {
    const probe = yield* registry.nodes(envelope(scope, ""), {})
    const era = probe._tag === "ERA" ? probe.era : ""
    const items = new Map<string, GroupRegistry.Item>()
    let cursor = ""
    do {
      const page = yield* registry.snap(envelope(scope, era), { cursor })
      if (page._tag !== "OK") return yield* Effect.die(new Error(`snap answered ${page._tag}`))
      for (const item of page.value.items) items.set(item.id, item)
      cursor = page.value.next
    } while (cursor !== "")
    const having = (part: "spec" | "tomb" | "claim") =>
      Array.from(items.values()).filter((item) => typeof item[part] === "string").map(({ id }) => id).sort()
    return { specs: having("spec"), tombs: having("tomb"), claims: having("claim") }
  }).pipe(Effect.orDie)
