/**
 * The shortest program: a kind of children, a supervisor, two children, and where they run.
 *
 *     npx tsx examples/quick-start.ts
 */
import { Console, Duration, Effect, Layer, Schedule, Schema } from "effect"
import { Child, GroupRegistry, Pogo, PogoLive, Restart } from "effect-pogo"

// A kind: a name, and what each child of it is told. Declared once, for those who run it and those who start it.
const Greeter = Child.make("Greeter", {
  payload: { greeting: Schema.String, every: Schema.DurationFromMillis }
})

// Its code. Each child runs on exactly one node, and is restarted when it fails.
const GreeterLive = Greeter.toLayer(
  ({ every, greeting }) =>
    Effect.gen(function*() {
      const self = yield* Child.Current
      yield* Effect.schedule(Console.log(`${greeting} from ${self.id}`), Schedule.spaced(every))
    }),
  { restart: Restart.permanent(Schedule.exponential("100 millis")), shutdown: "2 seconds" }
)

// The supervisor, and what the nodes share. Across processes: GroupRegistryRedis.layer({ url }).
const AppLive = GreeterLive.pipe(Layer.provideMerge(PogoLive), Layer.provide(GroupRegistry.layerMemory))

const program = Effect.gen(function*() {
  for (const name of ["ada", "grace"]) {
    yield* Pogo.startChild(Greeter.spec(name, { greeting: "hello", every: Duration.millis(300) }))
    const { id, node, token } = yield* Pogo.awaitChild(Greeter.id(name))
    yield* Console.log(`${id} runs on ${node}, with fencing token ${token}`)
  }
  yield* Effect.sleep("700 millis")
})

await Effect.runPromise(Effect.provide(program, AppLive))
