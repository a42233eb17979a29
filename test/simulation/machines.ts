/**
 * The machines that the nodes of a history run on, and what a process can see of the others on its own.
 */
import { noProofs, type ProofStore } from "../../src/internal/runtime/processProof.js"
import type { ProcessId, Sight, Watch } from "../../src/internal/runtime/processTable.js"
import type { Process, World } from "../../src/internal/testing/virtualWorld.js"

/** Milliseconds between looks: fewer than in life, since each is a step of the history. */
const every = 200

/** One look out of so many fails: too many files are open, or it is not permitted. */
const failing = 16

/** One process out of so many does not know its true number, and tells one that nobody has. It leaves no proof. */
const mistaken = 7

const numberOf = (name: string): number => Number(/\d+/.exec(name)?.[0] ?? 0)

/** What a process sees, and what it must not conclude from. */
export interface MachineWatch extends Watch {
  /** It lives, and does not run. */
  readonly isFrozen: (process: ProcessId) => boolean
}

/** Numbers are used again as soon as they are free, and each machine has the same ones. */
export class Machines {
  private readonly ids = new Map<Process, ProcessId>()

  /** `count`: how many there are, 0 if nobody can see anybody. */
  constructor(private readonly world: World, private readonly count: number) {}

  private *on(host: string): Generator<readonly [Process, ProcessId], void> {
    for (const entry of this.ids) if (entry[1].host === host && !entry[0].dead) yield entry
  }

  private numbered(host: string, pid: number): readonly [Process, ProcessId] | undefined {
    for (const entry of this.on(host)) if (entry[1].pid === pid) return entry
    return undefined
  }

  private look(host: string, { pid, start }: ProcessId): Sight {
    if ((Math.floor(this.world.now / every) + pid) % failing === 0) return "unknown"
    return this.numbered(host, pid)?.[1].start === start ? "alive" : "gone"
  }

  /** Proofs that nodes have left, by machine. They outlive the processes. */
  private readonly proofs = new Map<string, Set<string>>()
  private left = 0

  private proofsOf(host: string): ProofStore {
    const here = this.proofs.get(host) ?? new Set()
    this.proofs.set(host, here)
    return {
      leave: () => {
        const name = `proof ${++this.left}`
        here.add(name)
        return name
      },
      has: (name) => here.has(name),
      remove: (name) => void here.delete(name)
    }
  }

  watch(process: Process): MachineWatch {
    const host = `machine ${this.count === 0 ? process.name : numberOf(process.name) % this.count}`
    const start = this.world.processes.indexOf(process)
    let pid = 1
    while (this.numbered(host, pid) !== undefined) pid++
    this.ids.set(process, { host, pid, start })
    const isMistaken = start % mistaken === mistaken - 1
    return {
      self: { host, pid: isMistaken ? 1_000 + start : pid, start },
      every,
      look: (id) => this.look(host, id),
      proofs: isMistaken ? noProofs : this.proofsOf(host),
      isFrozen: (id) => this.numbered(host, id.pid)?.[0].frozen === true
    }
  }
}
