/** What happened in the last hour, or in one minute of it. */
import { useRef, useState } from "preact/hooks"
import { toPage } from "./address.js"
import { BurstItems, EventRow } from "./eventRow.js"
import { useAnswer } from "./live.js"
import { Panel } from "./panel.js"
import { QueryBox } from "./queryBox.js"
import { question } from "./requests.js"
import { Say } from "./say.js"
import type { EventsSent } from "./sent.js"
import { Missing } from "./standIns.js"
import { inMinute, Strips } from "./strips.js"
import { clockOf, counted, grouped, minute, ms } from "./timeWords.js"

/** How many lines are shown at first, and how many more each time. */
const portion = 60

type Groups = EventsSent["groups"]

const newestOf = (groups: Groups) =>
  groups.reduce((most, { event }) => {
    const position = BigInt(event.position)
    return position > most ? position : most
  }, -1n)

/** How many events came since. */
const newSince = (groups: Groups, position: bigint) =>
  groups.reduce((sum, { count, event, items }) => {
    if (BigInt(event.position) <= position) return sum
    const fresh = items.filter((item) => BigInt(item.position) > position).length
    return sum + (fresh === items.length ? count : fresh)
  }, 0)

const Lines = ({ groups }: { readonly groups: Groups }) => (
  <>
    {groups.map(({ count, event, items, more, text }) => (
      <EventRow key={event.position} event={event} text={text} more={more}>
        {items.length > 1 && <BurstItems items={items} count={count} />}
      </EventRow>
    ))}
  </>
)

const Minutes = ({ at, go, of: { minutes } }: {
  readonly of: EventsSent
  readonly at: string
  readonly go: (at: string) => void
}) => {
  const from = ms(minutes.from)
  const chosen = at === "" ? -1 : Math.round((ms(at) - from) / minute)
  const timeOf = (i: number) => new Date(from + i * minute).toISOString()
  const said = (i: number) => `${clockOf(from + i * minute, 5)} to ${clockOf(from + (i + 1) * minute, 5)}`
  const busy = minutes.nodes.flatMap((_, i) => inMinute(minutes, i) > 0 || i === chosen ? [i] : []).toReversed()
  return (
    <Panel
      title="Last hour, by minute"
      right={
        <select
          aria-label="Minute"
          value={String(chosen)}
          onChange={({ currentTarget: { value } }) => go(+value < 0 ? "" : timeOf(+value))}
        >
          <option value="-1">Whole hour</option>
          {busy.map((i) => <option value={String(i)}>{said(i)} ({grouped(inMinute(minutes, i))})</option>)}
        </select>
      }
    >
      <Strips minutes={minutes} chosen={chosen} pick={(i) => go(i === chosen ? "" : timeOf(i))} />
    </Panel>
  )
}

const Nothing = ({ of, query }: { readonly of: EventsSent; readonly query: string }) => (
  <div class="none-box">
    <h2>Nothing happened{query !== "" && " that matches"}</h2>
    <p>
      {of.hint !== undefined
        ? <Say words={of.hint} />
        : query === ""
        ? "It was quiet."
        : "Take a term out of the query."}
    </p>
  </div>
)

/** The page of events. New ones wait behind a button: nothing moves under the hand. */
export const EventsPage = ({ params }: { readonly params: URLSearchParams }) => {
  const query = params.get("q") ?? ""
  const at = params.get("at") ?? ""
  const [limit, setLimit] = useState(portion)
  const path = question("events", { q: query, minute: at, limit })
  const shown = useAnswer<EventsSent>(path)
  const held = useRef<{ readonly path: string; readonly groups: Groups } | undefined>(undefined)
  const [, again] = useState(0)
  const of = shown.data
  const to = (next: { readonly q?: string; readonly at?: string }) => toPage("events", { q: query, at, ...next })
  if (of !== undefined && shown.path !== held.current?.path) held.current = { path: shown.path, groups: of.groups }
  const groups = held.current?.groups ?? []
  const late = of === undefined ? 0 : newSince(of.groups, newestOf(groups))
  const showNew = () => {
    held.current = undefined
    again((count) => count + 1)
  }
  return (
    <>
      <h1 class="sr">Events</h1>
      <QueryBox
        query={query}
        change={(q) => location.replace(to({ q }))}
        where="events"
        placeholder="Find by id, cause or person, or what:failed node:worker-2"
      />
      {of?.problem !== undefined && (
        <p class="notice">
          <Say words={of.problem} />
        </p>
      )}
      {of === undefined ? <Missing of={shown} /> : (
        <>
          <Minutes of={of} at={at} go={(next) => location.replace(to({ at: next }))} />
          <section class="panel" aria-label="What happened">
            {late > 0 && (
              <div class="day">
                <button class="btn" onClick={showNew}>Show {counted(late, "new event")}</button>
              </div>
            )}
            {groups.length === 0 ? <Nothing of={of} query={query} /> : <Lines groups={groups} />}
            {(groups.length >= limit || of.truncated) && (
              <div class="pager">
                <span>{counted(of.total, "event")}{of.truncated && ", and more that were not read"}</span>
                {groups.length >= limit && (
                  <div class="right">
                    <button class="btn" onClick={() => setLimit(limit + portion)}>Show older</button>
                  </div>
                )}
              </div>
            )}
          </section>
        </>
      )}
    </>
  )
}
