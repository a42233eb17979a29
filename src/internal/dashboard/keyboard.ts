/** Keys of the whole page. None works while somebody types, in a dialog, or with Ctrl, Alt or Meta. */
import { placeOf, toPage } from "./address.js"

/** The keys, and what each does, as the help lists them. */
export const keys: { readonly [key: string]: string } = {
  "/": "find",
  "j k": "next, previous row",
  Enter: "open the row",
  Esc: "close, clear, or go back",
  "[ ]": "previous, next page",
  r: "restart the child that is open",
  "g o": "overview",
  "g c": "children",
  "g e": "events",
  "?": "this list"
}

/** How long the second key of two is waited for, in milliseconds. */
const second = 1_200

/** What was typed for a box that is still to be drawn. */
let typed: string | undefined

const queryBox = (): HTMLInputElement | null => document.querySelector("#q")

/** Goes to the box for a query, on the page of children unless this one has a box. */
export const goToQuery = (): void => {
  const box = queryBox()
  if (box) box.select()
  else findChild()
}

/** Goes to the box for a query about children: the one on the page of events is about those. */
export const findChild = (): void => {
  const before = queryBox()
  if (before && placeOf(location.hash).page !== "events") return before.select()
  location.hash = toPage("children")
  typed = ""
  const waiting = setInterval(() => {
    const now = queryBox()
    const drawn = now === before ? null : now
    if (!drawn && placeOf(location.hash).page === "children") return
    clearInterval(waiting)
    if (drawn) {
      drawn.select()
      if (typed) document.execCommand("insertText", false, typed)
    }
    typed = undefined
  }, 20)
}

const step = (by: number) => () => {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")]
  const at = rows.findIndex((row) => row === document.activeElement)
  const row = rows.at(at < 0 ? Math.min(0, by) : Math.max(0, Math.min(rows.length - 1, at + by)))
  row?.focus()
  row?.scrollIntoView({ block: "nearest" })
}

const press = (selector: string) => () => document.querySelector<HTMLElement>(selector + ":enabled")?.click()

const leave = () => {
  const row = document.querySelector<HTMLElement>("[data-row]:focus")
  const { page } = placeOf(location.hash)
  if (row) row.blur()
  else if (page !== "child" && page !== "node") return
  else if (history.length > 1) history.back()
  else location.hash = toPage(page === "child" ? "children" : "")
}

/**
 * Listens to the keys of the whole page.
 *
 * @param help opens the list of them
 */
export const listenToKeys = (help: () => void): void => {
  let until = 0
  const actions: { readonly [key: string]: () => void } = {
    "/": goToQuery,
    j: step(1),
    k: step(-1),
    g: () => {
      until = Date.now() + second
    },
    "[": press("#prev"),
    "]": press("#next"),
    r: press(".title [data-action=restart]"),
    "?": help,
    Escape: leave
  }
  const places: { readonly [key: string]: string } = { o: "", c: "children", e: "events" }
  addEventListener("keydown", (event) => {
    const { altKey, ctrlKey, key, metaKey } = event
    if (altKey || ctrlKey || metaKey || document.querySelector("dialog[open], :is(input, select):focus")) return
    if (typed !== undefined && key.length === 1) {
      typed += key
      return event.preventDefault()
    }
    const place = Date.now() < until ? places[key] : undefined
    until = 0
    if (place !== undefined) location.hash = toPage(place)
    else if (actions[key]) actions[key]()
    else return
    event.preventDefault()
  })
}
