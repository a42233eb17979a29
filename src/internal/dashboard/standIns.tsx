/** What stands where an answer should: nothing yet, nothing there, nothing to see. */
import type { ComponentChildren } from "preact"
import { useEffect, useState } from "preact/hooks"
import { toPage } from "./address.js"
import type { Shown } from "./live.js"
import { Say } from "./say.js"

const widths = [64, 48, 72, 56, 80, 44, 68, 52]

/** A wait shorter than this, in milliseconds, shows nothing: bars that flash say less than none. */
const unnoticed = 150

/** Grey bars in place of rows. */
export const Loading = () => {
  const [late, set] = useState(false)
  useEffect(() => {
    const id = setTimeout(() => set(true), unnoticed)
    return () => clearTimeout(id)
  }, [])
  return late
    ? (
      <>
        <h1 class="sr">Loading</h1>
        <section class="panel" aria-busy="true" aria-label="Loading">
          {widths.map((width) => (
            <div class="pad line">
              <svg class="sk" width={`${width}%`} height="10" aria-hidden="true" />
            </div>
          ))}
        </section>
      </>
    )
    : <div aria-busy="true" />
}

/** A panel with a sentence in its middle. */
export const Notice = ({ children, title }: { readonly title: string; readonly children: ComponentChildren }) => (
  <section class="panel none-box">
    <h1>{title}</h1>
    {children}
  </section>
)

/** What to say of a child or a node that is not there. */
export const Gone = ({ name, query, what }: {
  readonly what: string
  readonly name: string
  /** Finds its events. */
  readonly query: string
}) => (
  <Notice title={`There is no ${what} ${name}`}>
    <p>
      It may have {what === "child" ? "been terminated" : "left more than an hour ago"}, or never was.{" "}
      <a href={toPage("events", { q: query })}>Look in the events</a> of the last hour.
    </p>
    <a class="btn" href="#/children">All children</a>
  </Notice>
)

/** What is shown until there are data, or when there will be none. */
export const Missing = ({ of: { refused } }: { readonly of: Shown<unknown> }) => {
  if (refused === undefined || refused.status === 0) return <Loading />
  return (
    <Notice title={refused.status === 401 || refused.status === 403 ? "This server does not let you in" : "No data"}>
      <p>{refused.text}</p>
    </Notice>
  )
}

/** An empty scope: how a child is started. Lines that are indented are code. */
export const EmptyScope = ({ words = "" }: { readonly words?: string | undefined }) => (
  <Notice title="No children yet">
    {words.split("\n").filter((line) => line.trim() !== "").map((line) =>
      /^\s/.test(line)
        ? (
          <pre>
            <Say words={line.trim()} />
          </pre>
        )
        : (
          <p>
            <Say words={line} />
          </p>
        )
    )}
  </Notice>
)
