/** The box for a query, with suggestions from the server. */
import { useEffect, useRef, useState } from "preact/hooks"
import { Glyph } from "./glyphs.js"
import { completed } from "./queryTerms.js"
import { ask, question } from "./requests.js"
import type { SuggestionsSent } from "./sent.js"

/** How long after the last letter the list is asked, in milliseconds. */
const pause = 150

/** At most so many suggestions. */
const most = 10

/** What may follow in a query, as long as the menu is open. */
const useSuggestions = (q: string, where: string, open: boolean): SuggestionsSent => {
  const [options, set] = useState<SuggestionsSent>([])
  useEffect(() => {
    if (!open) return set([])
    const stop = new AbortController()
    void ask<SuggestionsSent>(question("suggest", { q, where }), stop.signal).then((reply) => {
      if (!stop.signal.aborted) set(reply.ok ? reply.data.slice(0, most) : [])
    })
    return () => stop.abort()
  }, [q, where, open])
  return options
}

/** The query of the address in a box of one's own: the address follows when the hand rests. */
const useDraft = (query: string, change: (query: string) => void) => {
  const [draft, setDraft] = useState(query)
  const timer = useRef(0)
  const sent = useRef(query)
  useEffect(() => {
    // Somebody else wrote it: a chip, a link, the back key.
    if (query !== sent.current) setDraft(sent.current = query)
  }, [query])
  // A page that is left stays left.
  useEffect(() => () => clearTimeout(timer.current), [])
  const write = (text: string, wait = pause) => {
    setDraft(text)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => {
      sent.current = text.trim()
      if (sent.current !== query) change(sent.current)
    }, wait)
  }
  return { draft, write }
}

const Menu = ({ at, options, take }: {
  readonly options: SuggestionsSent
  readonly at: number
  readonly take: (text: string) => void
}) => (
  <ul class="menu" id="q-list" role="listbox" aria-label="Suggestions" hidden={options.length === 0}>
    {options.map(({ hint, text }, i) => (
      <li
        id={"q-" + i}
        role="option"
        aria-selected={i === at}
        onMouseDown={(event) => {
          event.preventDefault()
          take(text)
        }}
      >
        <span class="mono">{text}</span>
        <span class="muted">{hint}</span>
      </li>
    ))}
  </ul>
)

/** The box: arrows and Enter take a suggestion, Enter alone goes to the first row, Esc closes, then clears, then leaves. */
export const QueryBox = ({ change, placeholder, query, where }: {
  readonly query: string
  readonly change: (query: string) => void
  readonly where: "children" | "events"
  readonly placeholder: string
}) => {
  const input = useRef<HTMLInputElement>(null)
  const { draft, write } = useDraft(query, change)
  const [open, setOpen] = useState(false)
  const [at, setAt] = useState(-1)
  const options = useSuggestions(draft, where, open)
  const count = options.length
  const chosen = options[at]
  const take = (text: string) => {
    write(text)
    setOpen(true)
    setAt(-1)
  }
  const clear = () => write("", 0)
  const keys: { readonly [key: string]: () => void } = {
    ArrowDown: () => setAt((at + 1) % count),
    ArrowUp: () => setAt((at < 1 ? count : at) - 1),
    Enter: () => {
      if (chosen) return take(completed(draft, chosen.text))
      setOpen(false)
      write(draft, 0)
      document.querySelector<HTMLElement>("[data-row]")?.focus()
    },
    Escape: () => count > 0 ? setOpen(false) : draft ? clear() : input.current?.blur()
  }
  return (
    <div class="query" role="search">
      <Glyph of="find" />
      <input
        ref={input}
        id="q"
        role="combobox"
        aria-label="Query"
        aria-expanded={count > 0}
        aria-controls="q-list"
        aria-autocomplete="list"
        aria-activedescendant={chosen && "q-" + at}
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        value={draft}
        placeholder={placeholder}
        onInput={(event) => take(event.currentTarget.value)}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={(event) => {
          const act = keys[event.key]
          if (!act || (count === 0 && event.key.startsWith("A"))) return
          event.preventDefault()
          act()
        }}
      />
      {draft
        ? (
          <button
            onClick={() => {
              clear()
              input.current?.focus()
            }}
          >
            Clear
          </button>
        )
        : <kbd aria-hidden="true">/</kbd>}
      <Menu options={options} at={at} take={(text) => take(completed(draft, text))} />
    </div>
  )
}
