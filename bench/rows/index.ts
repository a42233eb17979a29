/**
 * All groups of rows, in the order in which they are measured.
 */
import type { Group } from "../support/bench.js"
import { starting } from "./starting.js"

export const groups: ReadonlyArray<Group> = [starting]
