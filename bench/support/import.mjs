// Time and memory of one import, and of building the supervisor on the memory registry: `node import.mjs effect|pogo`.
const what = process.argv[2]
globalThis.gc?.()
const before = process.memoryUsage().heapUsed
const began = performance.now()
const { Effect, Layer, Logger } = await import("effect")
if (what === "pogo") {
  const { GroupRegistry, PogoLive } = await import("effect-pogo")
  const live = PogoLive.pipe(
    Layer.provide(GroupRegistry.layerMemory),
    Layer.provide(Logger.remove(Logger.defaultLogger))
  )
  await Effect.runPromise(Effect.scoped(Layer.build(live)))
} else await Effect.runPromise(Effect.scoped(Layer.build(Logger.remove(Logger.defaultLogger))))
const millis = performance.now() - began
globalThis.gc?.()
console.log(JSON.stringify({ millis, bytes: process.memoryUsage().heapUsed - before }))
process.exit(0)
