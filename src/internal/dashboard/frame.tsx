/** What is around every page: the bar, the lines about the connection, the foot. */
import { useState } from "preact/hooks"
import { toPage } from "./address.js"
import { Glyph } from "./glyphs.js"
import { findChild } from "./keyboard.js"
import { about, connect, connection, failedCount, useNow } from "./live.js"
import { Say } from "./say.js"
import { clockOf } from "./timeWords.js"

const themes = ["auto", "light", "dark"]

const themeKey = "pogo.theme"

const wear = (theme = "auto") => {
  document.documentElement.style.colorScheme = theme === "auto" ? "light dark" : theme
  return theme
}

/** Wears the theme that was chosen before, if any. */
export const wearStored = (): string => {
  try {
    return wear(localStorage[themeKey])
  } catch {
    // Storage may be closed to a page.
    return wear()
  }
}

const ThemeButton = () => {
  const [theme, setTheme] = useState(wearStored)
  const said = "Theme: " + theme
  const next = () => {
    const other = themes[themes.indexOf(theme) + 1] ?? "auto"
    setTheme(wear(other))
    try {
      localStorage[themeKey] = other
    } catch {
      // It lasts as long as the page, then.
    }
  }
  return (
    <button class="icon" aria-label={said + ". Change"} title={said} onClick={next}>
      <Glyph of="Starting" />
    </button>
  )
}

const states: { readonly [state: string]: readonly [glyph: string, tone: string, text: string] } = {
  live: ["Running", "fine", "Live"],
  connecting: ["Starting", "", "Connecting"],
  stale: ["warn", "Overdue", "Stale"],
  lost: ["no", "Failed", "Disconnected"]
}

const ConnectionMark = () => {
  const { state } = connection.use()
  const stale = about.use()?.staleSince
  const [glyph = "", tone = "", text] = states[state === "live" && stale ? "stale" : state] ?? []
  return (
    <span class="link-state" role="status">
      <Glyph of={glyph} tone={tone} />
      <span>{text}</span>
    </span>
  )
}

/** The bar above every page. */
export const TopBar = ({ help, here }: { readonly here: string; readonly help: () => void }) => {
  const failed = failedCount.use()
  return (
    <header class="top">
      <div>
        <a class="brand" href="#/">
          <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
            <path class="lines" d="M3 1.8h10M8 1.8v3M4.4 6.4L11.6 5M4.4 9L11.6 7.6M4.4 11.6l7.2-1.4M8 11.4V15" />
          </svg>
          pogo<span class="cut">{about.use()?.scope}</span>
        </a>
        <nav class="tabs" aria-label="Pages">
          {["Overview", "Children", "Events"].map((text, i) => {
            const page = text.toLowerCase()
            return (
              <a href={toPage(i ? page : "")} aria-current={here === page ? "page" : undefined}>
                {text}
                {i === 1 && failed > 0 && (
                  <b>
                    {failed}
                    <span class="sr">failed</span>
                  </b>
                )}
              </a>
            )
          })}
        </nav>
        <div class="right">
          <button class="find" onClick={findChild} aria-label="Find a child">
            <Glyph of="find" />
            <span>Find a child</span>
            <kbd>/</kbd>
          </button>
          <ConnectionMark />
          <ThemeButton />
          <button class="icon" aria-label="Keyboard and queries" onClick={help}>?</button>
        </div>
      </div>
    </header>
  )
}

/** A line about a connection that is lost, or a server that knows nothing new. */
export const ConnectionNotice = () => {
  useNow()
  const { next, since, state } = connection.use()
  const stale = about.use()?.stale
  const lost = state === "lost"
  const left = Math.ceil((next - Date.now()) / 1_000)
  return lost || stale
    ? (
      <div class={"notice " + (lost ? "bad" : "")} role="alert">
        <Glyph of="warn" />
        <span>
          {lost
            ? (
              <>
                <b>Connection lost at {clockOf(since)}.</b> What you see is from then.{" "}
                <span aria-live="off">{left > 0 ? `Next try in ${left} s.` : "Trying now."}</span>
              </>
            )
            : <Say words={stale} live />}
        </span>
        {lost && <button class="btn" onClick={connect}>Try now</button>}
      </div>
    )
    : null
}

/** The foot of every page. */
export const Foot = () => {
  const { client, node, version } = about.use() ?? {}
  return (
    <footer>
      <span>{node && `effect-pogo ${version}, served by ${client ? "the client " : ""}${node}`}</span>
      <a href="openapi.json">openapi.json</a>
    </footer>
  )
}
