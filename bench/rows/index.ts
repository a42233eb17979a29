/**
 * All groups of rows, in the order in which they are measured.
 */
import type { Group } from "../support/bench.js"
import { calls } from "./calls.js"
import { crowded } from "./crowded.js"
import { heap } from "./heap.js"
import { importing } from "./importing.js"
import { nodes } from "./nodes.js"
import { placement } from "./placement.js"
import { reconciling } from "./reconciling.js"
import { restarting } from "./restarting.js"
import { rollingOut } from "./rollingOut.js"
import { scale } from "./scale.js"
import { starting } from "./starting.js"
import { states } from "./states.js"
import { takeover } from "./takeover.js"

export const groups: ReadonlyArray<Group> = [
  starting,
  reconciling,
  scale,
  takeover,
  heap,
  nodes,
  rollingOut,
  crowded,
  placement,
  restarting,
  calls,
  states,
  importing
]
