/**
 * How long the event loop of this process stands still: a timer that should fire every few milliseconds tells by how
 * much it is late. What of it the garbage collector took is told apart.
 */
import { readFileSync } from "node:fs"
import { PerformanceObserver } from "node:perf_hooks"

/** Milliseconds between two looks: what is shorter is not seen. */
const every = 8

interface Span {
  readonly from: number
  readonly to: number
}

/** A time in which no timer fired. */
interface Stall extends Span {
  /** CPU time that the main thread used meanwhile, and the collector's share of the time. Milliseconds. */
  readonly cpu: number
  collected: number
}

/** What was seen. Milliseconds. */
export interface Stalls {
  /** By the clock on the wall: other processes on the same cores are in it. */
  readonly longest: number
  /** What this process itself did without letting others have a turn: its CPU time, the collector apart. */
  readonly own: number
  readonly longestCollection: number
}

/**
 * CPU time of the thread that runs JavaScript. The collector has threads of its own, which stand in nobody's way; where
 * the system does not tell them apart they are in it.
 */
const cpuTime = (): number => {
  try {
    const [onCpu] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1").split(" ")
    return Number(onCpu) / 1e6
  } catch {
    const { system, user } = process.cpuUsage()
    return (user + system) / 1_000
  }
}

/** Begins to watch; the result ends it. */
export const watchStalls = (): () => Promise<Stalls> => {
  const collections: Array<Span> = []
  const stalls: Array<Stall> = []
  const observer = new PerformanceObserver((list) => {
    for (const { duration, startTime } of list.getEntries()) {
      collections.push({ from: startTime, to: startTime + duration })
    }
  })
  observer.observe({ entryTypes: ["gc"] })
  let last = performance.now()
  let used = cpuTime()
  const timer = setInterval(() => {
    const now = performance.now()
    const total = cpuTime()
    if (now - last > 2 * every) stalls.push({ from: last, to: now, cpu: total - used, collected: 0 })
    used = total
    last = now
  }, every)
  return async () => {
    // The observer is told of collections a little later.
    await new Promise((resolve) => setTimeout(resolve, 20))
    clearInterval(timer)
    observer.disconnect()
    return judge(stalls, collections)
  }
}

const judge = (stalls: ReadonlyArray<Stall>, collections: ReadonlyArray<Span>): Stalls => {
  let [longest, own, longestCollection] = [0, 0, 0]
  for (const { from, to } of collections) {
    longestCollection = Math.max(longestCollection, to - from)
    for (const stall of stalls) stall.collected += Math.max(0, Math.min(to, stall.to) - Math.max(from, stall.from))
  }
  for (const { collected, cpu, from, to } of stalls) {
    longest = Math.max(longest, to - from - every)
    own = Math.max(own, Math.min(to - from, cpu) - collected - every)
  }
  return { longest, own, longestCollection }
}
