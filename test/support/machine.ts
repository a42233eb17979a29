/** A machine of several processes, in one process. */
import type { ProcessId, Sight, Watch } from "../../src/internal/runtime/processTable.js"

/** A machine whose processes end when the test says so. */
export class Machine {
  readonly gone = new Set<number>()
  readonly hidden = new Set<number>()
  readonly proofs = new Set<string>()
  looks = 0

  /** `every`: between two looks at a process, milliseconds. */
  constructor(readonly host = "machine", private readonly every = 25) {}

  watch(pid: number): Watch {
    return {
      self: { host: this.host, pid, start: pid * 10 },
      look: (process) => this.look(process),
      every: this.every,
      proofs: {
        leave: () => {
          if (this.hidden.has(pid)) return undefined
          const name = `proof of ${pid}`
          this.proofs.add(name)
          return name
        },
        has: (name) => this.proofs.has(name),
        remove: (name) => void this.proofs.delete(name)
      }
    }
  }

  private look({ host, pid, start }: ProcessId): Sight {
    this.looks++
    if (this.hidden.has(pid)) return "unknown"
    return this.gone.has(pid) || host !== this.host || start !== pid * 10 ? "gone" : "alive"
  }
}
