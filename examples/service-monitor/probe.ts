/**
 * One check of one service: an HTTP request, or a TCP connection, with a timeout.
 */
import { Data, Duration, Effect } from "effect"
import { connect, type Socket } from "node:net"

/** The service did not answer as it should: an observation, and no fault of the monitor. */
export class Down extends Data.TaggedError("Down")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

/** How long a service may take to answer. */
export const timeout = Duration.seconds(1)

/** What went wrong, in few words: `fetch` hides the code of the system's error one level below. */
const reasonOf = (error: unknown): string => {
  const { cause, code, message } = error as { cause?: unknown; code?: string; message?: string }
  return code ?? (cause === undefined ? message ?? String(error) : reasonOf(cause))
}

const down = (error: unknown): Down => new Down({ reason: reasonOf(error) })

const request = (url: string): Effect.Effect<void, Down> =>
  Effect.gen(function*() {
    const response = yield* Effect.tryPromise({
      try: (signal) => fetch(url, { signal, redirect: "manual" }),
      catch: down
    })
    // The body is of no interest, and an unread one would keep its connection busy.
    yield* Effect.tryPromise({ try: async () => response.body?.cancel(), catch: down })
    if (response.status >= 400) return yield* new Down({ reason: `HTTP ${response.status}` })
  })

const open = (url: string): Socket => {
  const { hostname, port } = new URL(url)
  return connect(Number(port), hostname.replace(/^\[|\]$/g, ""))
}

const connected = (socket: Socket): Effect.Effect<void, Down> =>
  Effect.async((resume) => {
    socket.once("connect", () => resume(Effect.void))
    socket.on("error", (error) => resume(Effect.fail(down(error))))
  })

const reach = (url: string): Effect.Effect<void, Down> =>
  Effect.acquireUseRelease(
    Effect.sync(() => open(url)),
    connected,
    (socket) => Effect.sync(() => socket.destroy())
  )

/** Checks a service once, and tells how many milliseconds it took to answer. */
export const probe = (url: string): Effect.Effect<number, Down> =>
  (url.startsWith("tcp:") ? reach(url) : request(url)).pipe(
    Effect.timeoutFail({
      duration: timeout,
      onTimeout: () => new Down({ reason: `no answer in ${Duration.format(timeout)}` })
    }),
    Effect.timed,
    Effect.map(([duration]) => Duration.toMillis(duration))
  )
