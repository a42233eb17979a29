/**
 * The connection to the server: whether it holds, when it is tried again, what time it is there, and when what is shown
 * may have changed.
 */
import { useEffect, useRef, useState } from "preact/hooks"
import { ask, type NoAnswer, patience, question } from "./requests.js"
import type { AboutSent, ChangeSent, ChildrenSent } from "./sent.js"
import { ms } from "./timeWords.js"
import { watched } from "./watched.js"

/** How the connection stands. Of a lost one: when something was heard last, and when it is tried again. */
export type ConnectionState = {
  readonly state: "connecting" | "live" | "lost"
  readonly since: number
  readonly next: number
}

/** How the connection stands. */
export const connection = watched<ConnectionState>({ state: "connecting", since: 0, next: 0 })

/** What this server is, and what may be done here. */
export const about = watched<AboutSent | undefined>(undefined)

/** How many children have failed. */
export const failedCount = watched(0)

/** Grows when what is shown may have changed. */
const version = watched(0)

/** Milliseconds without news after which the page asks by itself: leases and clocks go on while nothing changes. */
const quiet = 5_000

/** How often a page that nobody sees asks for the number in its title, in milliseconds. */
const glance = 30_000

/** Less than this is the way of a message, and no difference of clocks. */
const tolerance = 1_500

let source: EventSource | undefined
let timer = 0
let tries = 0
let heardAt = Date.now()
let ahead = 0

/** Whether what is shown is old, so that nothing may be done. */
export const isOld = (): boolean => connection.get().state === "lost" || !!about.get()?.staleSince

/** The server's present, in milliseconds since 1970. */
export const present = (): number => Date.now() + ahead

/** The present of what is shown, in milliseconds since 1970: the server's, but it stands still while that is old. */
export const now = (): number => {
  const { since, state } = connection.get()
  const stale = about.get()?.staleSince
  return stale ? ms(stale) : state === "lost" ? since + ahead : present()
}

/** Counts seconds: one clock for all that runs in the page. */
const clock = watched(0)

/** A hook: the server's present, once a second. */
export const useNow = (): number => {
  clock.use()
  return now()
}

const after = (ms: number, then: () => void) => {
  clearTimeout(timer)
  timer = setTimeout(then, ms)
}

const close = () => {
  clearTimeout(timer)
  source?.close()
}

/** Asks for what is shown, and again after a while of quiet. */
const look = () => {
  after(quiet, look)
  version.set(version.get() + 1)
}

const askAbout = async () => {
  const reply = await ask<AboutSent>("api/about")
  if (reply.ok) about.set(reply.data)
}

const heard = ({ at, failed, ready, staleSince }: ChangeSent) => {
  heardAt = Date.now()
  const difference = ms(at) - heardAt
  ahead = Math.abs(difference) < tolerance ? 0 : difference
  failedCount.set(failed)
  const known = about.get()
  if (known?.staleSince !== staleSince || known?.ready !== ready) void askAbout()
  look()
}

/** The connection is tried anew, later each time, ten seconds at most. */
const lose = () => {
  if (document.hidden) return
  close()
  const wait = Math.min(10, 2 ** tries++) * 1_000
  const { since, state } = connection.get()
  connection.set({ state: "lost", since: state === "lost" ? since : heardAt, next: Date.now() + wait })
  after(wait, connect)
}

/** Connects, at once. */
export const connect = (): void => {
  close()
  source = new EventSource("api/changes")
  after(patience, lose)
  source.addEventListener("open", () => {
    tries = 0
    connection.set({ state: "live", since: 0, next: 0 })
    void askAbout()
    look()
  })
  source.addEventListener("change", (event) => heard(JSON.parse(event.data)))
  source.addEventListener("error", lose)
}

const count = async () => {
  const reply = await ask<ChildrenSent>(question("children", { q: "status:failed", limit: 1 }))
  if (reply.ok) failedCount.set(reply.data.total)
  if (document.hidden) after(glance, count)
}

/** Connects. A hidden page lets go: browsers allow six connections to a server, and there may be more pages than that. */
export const begin = (): void => {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return connect()
    close()
    after(glance, count)
  })
  setInterval(() => clock.set(clock.get() + 1), 1_000)
  connect()
}

/** An answer that is asked for again and again. */
export interface Shown<A> {
  /** Missing until the first answer. */
  readonly data?: A
  /** Why there is none, or why it is not newer. */
  readonly refused?: NoAnswer | undefined
  /** The question that `data` answers, and when it did, in milliseconds since 1970. */
  readonly path: string
  readonly asked: number
}

/**
 * A hook: the answer to a question, asked again when something has changed, once a second at most. When the question
 * changes, the earlier answer stays until there is another one.
 *
 * @param path as `question` makes it
 * @param isHeld whether what is shown shall stay as it is for the moment
 */
export const useAnswer = <A>(path: string, isHeld: () => boolean = () => false): Shown<A> => {
  const at = version.use()
  const [turn, setTurn] = useState(at)
  const [done, setDone] = useState<Shown<A> & { readonly turn: number }>({ path: "", asked: 0, turn: -1 })
  const begun = useRef(0)
  useEffect(() => {
    const stop = new AbortController()
    begun.current = Date.now()
    void ask<A>(path, stop.signal).then((reply) => {
      if (stop.signal.aborted) return
      if (reply.ok) heardAt = Date.now()
      else if (!reply.status) lose()
      setDone((before) =>
        reply.ok ? { data: reply.data, path, asked: now(), turn } : { ...before, refused: reply, turn }
      )
    })
    return () => stop.abort()
  }, [path, turn])
  useEffect(() => {
    // While an answer is awaited, no other is asked for.
    if (turn === at || turn !== done.turn) return
    let id = 0
    const next = () => {
      if (isHeld()) id = setTimeout(next, 500)
      else setTurn(at)
    }
    id = setTimeout(next, begun.current + 1_000 - Date.now())
    return () => clearTimeout(id)
  }, [at, done])
  return done
}

/** How long a list is held for a pointer, or a focus, that moves no more, in milliseconds: then nobody's hand is there. */
const rest = 30_000

/** A hook: whether pointer or focus is in a list, and what the list listens to for that. Either holds it. */
export const useHold = () => {
  const until = useRef([0, 0])
  const holds = (which: number, millis: number) => () => {
    until.current[which] = Date.now() + millis
  }
  return {
    isHeld: () => Date.now() < Math.max(...until.current),
    listeners: {
      onPointerMove: holds(0, rest),
      onPointerLeave: holds(0, 0),
      onFocusIn: holds(1, rest),
      onFocusOut: holds(1, 0)
    }
  }
}
