/**
 * The processes of this machine, told apart for certain: a node that knows that another node's process is gone need not
 * wait for its lease to end. Linux only, since it takes a file system that shows each process with the time at which it
 * began; elsewhere no process is identified and none watched.
 *
 * @internal
 */
import * as Context from "effect/Context"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { noProofs, Proofs, type ProofStore } from "./processProof.js"

/** The identity of a process. No two processes have the same, not even one after the other. */
export interface ProcessId {
  /** Digest of the kernel's boot and of the namespace in which `pid` has its meaning. */
  readonly host: string
  readonly pid: number
  /** Begin of the process. Ticks of the kernel's clock. */
  readonly start: number
  /** Name of the proof that a node of the process left on its machine, if it did: see `processProof.ts`. */
  readonly proof?: string | undefined
}

/** The state of a process, as far as it is known. `gone`: it will never run another instruction. */
export type Sight = "alive" | "gone" | "unknown"

/** The process table, as a node sees it. */
export interface Watch {
  /** This process; `undefined` where processes cannot be told apart. */
  readonly self: ProcessId | undefined
  readonly look: (process: ProcessId) => Sight
  /** Time between two looks. Milliseconds. */
  readonly every: number
  /** The proofs that nodes leave on this machine. */
  readonly proofs: ProofStore
}

interface Stat {
  readonly state: string
  readonly start: number
}

/** Reads a stat file. Its fields follow the command's name in parentheses, which may hold any character: proc_pid_stat(5). */
const readStat = (path: string): Stat => {
  const text = readFileSync(path, "latin1")
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return { state: fields[0] ?? "", start: Number(fields[19]) }
}

/** True if a task is a zombie or dead: the kernel keeps its number for whoever waits for it, and runs nothing of it. */
const hasEnded = ({ state }: Stat): boolean => state === "Z" || state === "X" || state === "x"

/** True if all threads of a process have ended: the first may end before the others. */
const haveThreadsEnded = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/task`).every((tid) => hasEnded(readStat(`/proc/${pid}/task/${tid}/stat`)))

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined)

/** True if the kernel itself knows no such process: files may be hidden from us, or be another namespace's. */
const isUnknownToKernel = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return codeOf(error) === "ESRCH"
  }
}

const look = ({ pid, start }: ProcessId): Sight => {
  try {
    const stat = readStat(`/proc/${pid}/stat`)
    if (!Number.isSafeInteger(stat.start)) return "unknown"
    if (stat.start !== start) return "gone"
    return hasEnded(stat) && haveThreadsEnded(pid) ? "gone" : "alive"
  } catch (error) {
    const code = codeOf(error)
    return (code === "ENOENT" || code === "ESRCH") && isUnknownToKernel(pid) ? "gone" : "unknown"
  }
}

const identify = (): ProcessId | undefined => {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()
    const namespace = readlinkSync("/proc/self/ns/pid")
    // The file system must show the numbers of this process's own namespace.
    if (boot === "" || Number(readlinkSync("/proc/self")) !== process.pid) return undefined
    const { start } = readStat("/proc/self/stat")
    if (!Number.isSafeInteger(start)) return undefined
    const host = createHash("sha256").update(`${boot} ${namespace}`).digest("hex").slice(0, 32)
    return { host, pid: process.pid, start }
  } catch {
    return undefined
  }
}

const ofThisMachine = (): Watch => {
  const self = process.platform === "linux" ? identify() : undefined
  return { self, look, every: 25, proofs: self === undefined ? noProofs : new Proofs(tmpdir()) }
}

/** The process table that nodes look at; by default the machine's. */
export class Processes extends Context.Reference<Processes>()("effect-pogo/internal/Processes", {
  defaultValue: ofThisMachine
}) {}
