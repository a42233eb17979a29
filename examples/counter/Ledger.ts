/**
 * Where the counters keep what they count: a store outside of the cluster, which refuses a run of a counter that is older
 * than one that it has seen. Any database can do that with one condition in an update.
 */
import { Context, Data, Effect, Layer, type Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"
import { createInterface } from "node:readline"

/** A run of a counter, as its `Child.Current` has it: the token names its claim, and the attempt its run under that. */
export interface Run {
  readonly token: bigint
  readonly attempt: number
}

/** A run of a counter that is not the latest one. */
export class Fenced extends Data.TaggedError("Fenced")<{ readonly key: string }> {}

export class Ledger extends Context.Tag("counter/Ledger")<Ledger, {
  /** Writes a call down, and tells how many there are. Without a call it only tells. */
  readonly write: (key: string, run: Run, call?: string) => Effect.Effect<number, Fenced>
}>() {}

interface Ask {
  readonly n: number
  readonly key: string
  readonly token: string
  readonly attempt: number
  readonly call?: string
}

interface Answer {
  readonly n: number
  readonly count: number
}

/** What was written, by key. */
export type Pages = Map<string, { run: Run; readonly calls: Array<string> }>

const isBefore = (one: Run, other: Run) =>
  one.token === other.token ? one.attempt < other.attempt : one.token < other.token

const apply = (pages: Pages, { attempt, call, key, token }: Ask): number => {
  const run = { token: BigInt(token), attempt }
  const page = pages.get(key) ?? { run, calls: [] }
  pages.set(key, page)
  if (isBefore(run, page.run)) return -1
  page.run = run
  if (call !== undefined) page.calls.push(call)
  return page.calls.length
}

/** Serves a ledger: the pages, and the port. */
export const serve: Effect.Effect<{ readonly pages: Pages; readonly port: number }, never, Scope.Scope> = Effect.gen(
  function*() {
    const pages: Pages = new Map()
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {}).on("close", () => sockets.delete(socket))
      createInterface({ input: socket }).on("error", () => {}).on("line", (line) => {
        const ask = JSON.parse(line) as Ask
        socket.write(JSON.stringify({ n: ask.n, count: apply(pages, ask) } satisfies Answer) + "\n")
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          server.close()
        })
    )
    const address = server.address()
    return { pages, port: typeof address === "object" && address !== null ? address.port : 0 }
  }
)

/** The way to a ledger of another process. */
export const layer = (port: number): Layer.Layer<Ledger> =>
  Layer.scoped(
    Ledger,
    Effect.gen(function*() {
      const waiting = new Map<number, (count: number) => void>()
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => connect(port, "127.0.0.1")),
        (socket) => Effect.sync(() => socket.destroy())
      )
      socket.on("error", () => {})
      createInterface({ input: socket }).on("error", () => {}).on("line", (line) => {
        const { count, n } = JSON.parse(line) as Answer
        waiting.get(n)?.(count)
        waiting.delete(n)
      })
      let asked = 0
      return {
        write: (key, { attempt, token }, call) =>
          Effect.async<number, Fenced>((resume) => {
            const n = ++asked
            waiting.set(n, (count) => resume(count < 0 ? Effect.fail(new Fenced({ key })) : Effect.succeed(count)))
            const ask: Ask = { n, key, token: String(token), attempt, ...(call === undefined ? {} : { call }) }
            socket.write(JSON.stringify(ask) + "\n")
          })
      }
    })
  )
