/** The statuses of children, worst first: the order of lists and chips. */
import type { Status } from "../console/answers.js"

/** Worst first. */
export const statuses: ReadonlyArray<Status> = [
  "Failed",
  "Overdue",
  "Pending",
  "Restarting",
  "Starting",
  "Stopping",
  "Running"
]
