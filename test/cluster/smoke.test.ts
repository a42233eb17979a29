import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeCluster } from "../support/cluster.js"
import { Journal } from "../support/journal.js"
import { Worker, workerLive } from "../support/worker.js"
import { memoryWorld as world } from "../support/world.js"

it.scoped("failover", () =>
  Effect.gen(function*() {
    const journal = new Journal()
    const cluster = yield* makeCluster(yield* world.registry, workerLive(journal), world.options)
    const a = yield* cluster.add("a")
    const b = yield* cluster.add("b")
    for (let i = 0; i < 10; i++) yield* a.pogo.startChild(Worker.spec(`w${i}`, {}))
    for (let i = 0; i < 10; i++) yield* b.pogo.awaitChild(Worker.id(`w${i}`))
    console.log(journal.places())
    const t0 = Date.now()
    yield* b.crash
    console.log(journal.places())
    yield* world.until("all on a", Effect.sync(() => journal.running().length === 10))
    console.log(journal.places(), Date.now() - t0)
    const c = yield* cluster.add("b")
    yield* world.pass("3 seconds")
    console.log(journal.places(), Date.now() - t0)
    yield* c.stop
    console.log(journal.places(), Date.now() - t0)
    expect(journal.violations()).toEqual([])
  }))
