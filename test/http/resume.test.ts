/**
 * Streams of entries that break off, and go on where they were: by real sockets.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Pogo } from "effect-pogo"
import { eventually } from "../support/registryLive.js"
import { open, Vault } from "./scene.js"

interface Event {
  readonly event: string
  readonly id: string | undefined
  readonly data: { readonly what?: string; readonly id?: string; readonly position?: string; readonly after?: string }
}

const eventOf = (text: string): ReadonlyArray<Event> => {
  const fields = new Map(
    text.split("\n").map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)])
  )
  const event = fields.get("event")
  return event === undefined
    ? []
    : [{ event, id: fields.get("id"), data: JSON.parse(fields.get("data") ?? "") as Event["data"] }]
}

/** Reads the stream from the event of an id, until an event is there that is waited for; then hangs up. */
const read = (url: string, lastId: string | undefined, until: (event: Event) => boolean) =>
  Effect.promise(async (signal) => {
    const leaving = new AbortController()
    signal.addEventListener("abort", () => leaving.abort())
    const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId }
    const response = await fetch(`${url}/api/stream`, { headers, signal: leaving.signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ""
    for (;;) {
      const { done, value } = await reader.read()
      text += value ?? ""
      const events = text.split("\n\n").slice(0, -1).flatMap(eventOf)
      const found = events.findIndex(until)
      if (found < 0 && !done) continue
      leaving.abort()
      return found < 0 ? events : events.slice(0, found + 1)
    }
  })

/** Restarts a child until somebody has read of it. */
const restartUntil = <A>(pogo: Pogo.Service, reading: Effect.Effect<A>) =>
  Effect.raceFirst(
    reading,
    Effect.forever(Effect.zipRight(Effect.orDie(pogo.restartChild("Vault/a")), Effect.sleep("50 millis")))
  )

const isRestart = ({ data: { what } }: Event) => what === "restarted"

/** What the history has behind a position, as the stream tells it. */
const since = (pogo: Pogo.Service, position: string) =>
  Effect.map(
    Effect.orDie(pogo.history()),
    (entries) => entries.filter((entry) => entry.position > BigInt(position)).map(({ id, what }) => `${what} ${id}`)
  )

const brief = (events: ReadonlyArray<Event>) => events.map(({ data: { id, what } }) => `${what} ${id}`)

describe("api/stream", () => {
  it.scopedLive("goes on where its reader was, and tells nothing twice, whoever watches besides", () =>
    Effect.gen(function*() {
      const { pogo, url } = yield* open()
      let last = (yield* restartUntil(pogo, read(url, undefined, isRestart))).at(-1)!
      for (const others of [0, 1]) {
        if (others > 0) yield* Effect.forkScoped(read(url, undefined, () => false))
        expect(last.id).toBe(last.data.position)
        for (const key of ["c", "d"]) {
          yield* pogo.startChild(Vault.spec(`${key}${others}`, { secret: "x" }), { by: "mara" })
          yield* pogo.awaitChild(Vault.id(`${key}${others}`))
        }
        yield* pogo.terminateChild(Vault.id(`c${others}`))
        const isLast = ({ data: { id, what } }: Event) => what === "terminated" && id === `Vault/c${others}`
        const missed = yield* read(url, last.id, isLast)
        const known = yield* since(pogo, last.id!)
        expect(brief(missed)).toEqual(known.slice(0, known.indexOf(`terminated Vault/c${others}`) + 1))
        expect(missed.every(({ event }) => event === "entry")).toBe(true)
        // And then what comes, behind what it has read already.
        const next = yield* restartUntil(pogo, read(url, missed.at(-1)!.id, isRestart))
        const positions = [...missed, ...next].map(({ data: { position } }) => Number(position))
        expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b))
        last = next.at(-1)!
      }
    }))

  it.scopedLive("tells so much of it and no more, and says that others are missing", () =>
    Effect.gen(function*() {
      const { pogo, url } = yield* open()
      yield* pogo.cordon
      const specs = Array.from({ length: 1_100 }, (_, i) => Vault.spec(`k${i}`, { secret: "x" }))
      // What is still to be told of the two that run would come in between.
      const before = yield* eventually(
        Effect.orDie(pogo.history()),
        (entries) => entries.filter(({ what }) => what === "running").length === 2
      )
      const last = before.at(-1)!.position.toString()
      yield* pogo.startChildren(specs, { by: "mara" })
      const [gap, ...entries] = yield* read(url, last, ({ data: { id } }) => id === "Vault/k1099")
      expect(gap).toMatchObject({ event: "gap", id: undefined, data: { after: last } })
      expect(brief(entries)).toEqual(specs.slice(-1_000).map(({ key }) => `registered Vault/${key}`))
      expect(entries.at(-1)?.data).toMatchObject({ what: "registered", by: "mara" })
    }))

  it.scopedLive("begins with what comes for an id that is none, or of times to come", () =>
    Effect.gen(function*() {
      const { pogo, url } = yield* open()
      for (const id of ["x", "-1", "99999999999999999999", "9007199254740991"]) {
        const events = yield* restartUntil(pogo, read(url, id, isRestart))
        expect(events.every(({ data: { what } }) => what !== "joined" && what !== "era")).toBe(true)
      }
    }))
})
