/** The whole page: which part of it the address shows. */
import { useEffect, useRef, useState } from "preact/hooks"
import { Talk } from "./actions.js"
import { type PageAddress, placeOf } from "./address.js"
import { ChildDetail } from "./childPage.js"
import { ChildrenPage } from "./childrenPage.js"
import { EventsPage } from "./eventsPage.js"
import { ConnectionNotice, Foot, TopBar } from "./frame.js"
import { Help } from "./help.js"
import { listenToKeys } from "./keyboard.js"
import { about, connection, failedCount, isOld } from "./live.js"
import { NodeDetail } from "./nodePage.js"
import { OverviewPage } from "./overviewPage.js"

/** The tab that a page belongs to. */
const tabOf = (page: string) => page === "child" ? "children" : page === "node" ? "overview" : page

const Page = ({ name, page, params }: PageAddress) => {
  switch (page) {
    case "children":
      return <ChildrenPage params={params} />
    case "child":
      return <ChildDetail key={name} id={name} />
    case "node":
      return <NodeDetail key={name} name={name} />
    case "events":
      return <EventsPage params={params} />
    default:
      return <OverviewPage />
  }
}

/** A hook: what the address names; another page begins at its top, and has the focus. */
const usePlace = (main: { readonly current: HTMLElement | null }) => {
  const [place, setPlace] = useState(() => placeOf(location.hash))
  useEffect(() => {
    const listen = () => setPlace(placeOf(location.hash))
    addEventListener("hashchange", listen)
    return () => removeEventListener("hashchange", listen)
  }, [])
  const first = useRef(true)
  useEffect(() => {
    if (!first.current) {
      scrollTo(0, 0)
      // What asked for the page may have the focus in it already: the box for a query.
      if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true })
    }
    first.current = false
  }, [place.page, place.name])
  return place
}

/** Everything between `<body>` and `</body>`. */
export const App = () => {
  const main = useRef<HTMLElement>(null)
  const place = usePlace(main)
  const [helping, setHelping] = useState(false)
  const failed = failedCount.use()
  const scope = about.use()?.scope ?? ""
  connection.use()
  useEffect(() => listenToKeys(() => setHelping(true)), [])
  useEffect(() => {
    document.title = `${failed > 0 ? `(${failed} failed) ` : ""}${place.name || place.page} · pogo ${scope}`
  }, [failed, place, scope])
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the content
      </a>
      <TopBar here={tabOf(place.page)} help={() => setHelping(true)} />
      <ConnectionNotice />
      <main id="main" class={isOld() ? "old" : ""} ref={main} tabIndex={-1}>
        <Page {...place} />
      </main>
      <Foot />
      <Talk />
      {helping && <Help close={() => setHelping(false)} />}
    </>
  )
}
