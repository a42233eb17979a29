/**
 * Calls between real processes, one of which is killed. Other faults are in `callFaults.deep.test.ts`.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Counter } from "../rpc/support.js"
import { counterScene, end } from "./support/callScene.js"

describe("a call to a child of another process", () => {
  it.scopedLive("whose process is killed in the middle fails at once, and may have run; the next goes to the successor", () =>
    Effect.gen(function*() {
      const { counters, pogo, start } = yield* counterScene()
      const nodes = { a: yield* start("a"), b: yield* start("b") }
      yield* pogo.startChild(Counter.spec("x", {}))
      const { node } = yield* counters("x").where()
      const lost = yield* Effect.fork(Effect.flip(counters("x", { timeout: "20 seconds" }).wait({ millis: 15_000 })))
      const repeated = yield* Effect.fork(counters("x", { timeout: "20 seconds" }).get())
      yield* Effect.sleep("300 millis")
      yield* end(nodes[node as "a" | "b"], "SIGKILL")
      expect(yield* lost).toMatchObject({ _tag: "NodeUnreachable", node, mayHaveRun: true })
      const next = yield* counters("x", { timeout: "20 seconds" }).where()
      expect(next.node).not.toBe(node)
      expect(yield* repeated).toBe(0)
    }))
})
