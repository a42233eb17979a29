/**
 * What is told on the screen: events of the supervisor, and lines of the journal, in words.
 */
import type { PogoEvent } from "effect-pogo"
import type { Line } from "./Journal.js"

const keyOf = (id: string): string => id.slice(id.indexOf("/") + 1)

/** `undefined`: not worth a line. */
export const describeEvent = (event: PogoEvent.PogoEvent): string | undefined => {
  switch (event._tag) {
    case "ChildStarted":
      return event.attempt === 1
        ? `${event.node} runs ${keyOf(event.id)}`
        : `${event.node} restarts ${keyOf(event.id)}`
    case "ChildExited": {
      const [cause] = event.cause.split("\n")
      const next = event.restartIn === undefined ? "for good" : `until its restart in ${event.restartIn.toFixed(0)} ms`
      return `${event.node}: the monitor of ${keyOf(event.id)} ended, ${next}: ${cause}`
    }
    case "ChildStopped":
      return event.reason === "moved" ? `${event.node} hands ${keyOf(event.id)} over` : undefined
    case "ChildOverdue":
      return `${event.node}: ${keyOf(event.id)} does not end: ${event.cause}`
    case "ChildFailed":
      return `${event.node} gave ${keyOf(event.id)} up: ${event.cause}`
    case "LeaseLost":
      return `${event.node} lost its lease: ${event.reason}`
    default:
      return undefined
  }
}

/** The same for what comes from other processes, by way of the journal. */
export const describeLine = (line: Line): string | undefined => {
  switch (line._tag) {
    case "Start":
      return `${line.node} runs ${keyOf(line.id)}`
    case "Stop":
      return line.crashed
        ? `${line.node}: the monitor of ${keyOf(line.id)} failed`
        : `${line.node} stopped ${keyOf(line.id)}`
    default:
      return undefined
  }
}
