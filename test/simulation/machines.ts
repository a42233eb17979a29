/**
 * The machines that the nodes of a history run on, and what a process can see of the others on its own.
 */
import type { ProcessId, Watch } from "../../src/internal/node/processes.js"
import type { Process } from "../../src/internal/testing/process.js"
import type { World } from "../../src/internal/testing/world.js"

/** Milliseconds between looks: fewer than in life, since each is a step of the history. */
const every = 200

const numberOf = (name: string): number => Number(/\d+/.exec(name)?.[0] ?? 0)

/** What a process sees of its machine; `machines` is how many there are, 0 if nobody can see anybody. */
export const watchOf = (world: World, machines: number, process: Process): Watch => {
  const host = `machine ${machines === 0 ? process.name : numberOf(process.name) % machines}`
  const self: ProcessId = { host, pid: world.processes.indexOf(process) + 1, start: 0 }
  return { self, every, look: ({ pid }) => (world.processes[pid - 1]?.dead === false ? "alive" : "gone") }
}
