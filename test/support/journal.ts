/**
 * The overlap checker: every child writes when it starts and when its finalizers have run, with its token.
 */
import { Clock, Effect, type Scope } from "effect"
import { Child } from "effect-pogo"

export interface Line {
  readonly id: string
  readonly node: string
  readonly token: bigint
  readonly generation: bigint
  readonly attempt: number
  readonly what: "start" | "stop"
  readonly at: number
}

export class Journal {
  readonly lines: Array<Line> = []

  /** Writes the start now, and the stop when the scope closes. */
  readonly record: Effect.Effect<void, never, Child.Current | Scope.Scope> = Effect.gen(this, function*() {
    const { attempt, generation, id, node, token } = yield* Child.Current
    const write = (what: Line["what"]) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        this.lines.push({ id, node, token, generation, attempt, what, at })
      })
    yield* Effect.acquireRelease(write("start"), () => write("stop"))
  })

  /** Runs of a child that have not ended. */
  running(id?: string): ReadonlyArray<Line> {
    const open = new Map<string, Line>()
    for (const line of this.lines) {
      const key = `${line.id} ${line.token} ${line.attempt}`
      if (line.what === "start") open.set(key, line)
      else open.delete(key)
    }
    return Array.from(open.values()).filter((line) => id === undefined || line.id === id)
  }

  /** Which child runs where, sorted. */
  places(): ReadonlyArray<string> {
    return this.running().map(({ id, node }) => `${id}@${node}`).sort()
  }

  starts(id: string): ReadonlyArray<Line> {
    return this.lines.filter((line) => line.id === id && line.what === "start")
  }

  /** Two copies at once, or a token that went back. Empty when all is well. */
  violations(): ReadonlyArray<string> {
    const problems: Array<string> = []
    const open = new Map<string, Line>()
    const tokens = new Map<string, bigint>()
    for (const line of this.lines) {
      const { id, node, token, what } = line
      if (what === "stop") {
        if (open.get(id)?.token === token) open.delete(id)
        continue
      }
      const other = open.get(id)
      if (other !== undefined) {
        problems.push(`${id}: ${node} (token ${token}) started at ${line.at} while ${other.node} (${other.token}) ran`)
      }
      if (token < (tokens.get(id) ?? 0n)) problems.push(`${id}: token ${token} after ${tokens.get(id)}`)
      tokens.set(id, token)
      open.set(id, line)
    }
    return problems
  }
}
