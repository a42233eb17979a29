/**
 * The kind `Counter`: each of its children counts, on exactly one node, for callers on all of them.
 */
import { Rpc } from "@effect/rpc"
import { Effect, Schema } from "effect"
import { Child } from "effect-pogo"
import { Ledger } from "./Ledger.js"

export const Counter = Child.make("Counter", {
  payload: {},
  protocol: [
    /** Counts one, under the name that the caller gave to the call. Not to be repeated: it would count twice. */
    Rpc.make("add", { payload: { call: Schema.String }, success: Schema.Number }),
    /** Tells the count, and where it is kept. Asking twice does no harm. */
    Child.idempotent(Rpc.make("total", { success: Schema.Struct({ total: Schema.Number, node: Schema.String }) }))
  ]
})

export const CounterLive = Counter.toLayer(() =>
  Effect.gen(function*() {
    const self = yield* Child.Current
    const ledger = yield* Ledger
    // From now on no older run writes here: neither one of an earlier owner, nor one before a restart in place.
    let total = yield* ledger.write(self.key, self)
    return {
      // Calls come one at a time, so that nothing else needs to be locked.
      add: ({ call }) => Effect.map(Effect.orDie(ledger.write(self.key, self, call)), (count) => (total = count)),
      total: () => Effect.succeed({ total, node: self.node })
    }
  })
)
