/** Where the page begins. */
import { render } from "preact"
import { App } from "./app.js"
import { wearStored } from "./frame.js"
import { begin } from "./live.js"

wearStored()
begin()
render(<App />, document.body)
