/**
 * How long the event loop of this process stands still: a timer that should fire every few milliseconds tells by how
 * much it is late. What of it the garbage collector took is told apart.
 */
import { PerformanceObserver } from "node:perf_hooks"

/** Milliseconds between two looks: what is shorter is not seen. */
const every = 4

interface Span {
  readonly from: number
  readonly to: number
}

/** What was seen. Milliseconds. */
export interface Stalls {
  readonly longest: number
  /** Without the collector's share of each stall. */
  readonly apart: number
  readonly longestCollection: number
  /** CPU time of this process within the longest stall: much less means that the machine was busy with others. */
  readonly cpu: number
}

/** Begins to watch; the result ends it. */
export const watchStalls = (): () => Promise<Stalls> => {
  const collections: Array<Span> = []
  const stalls: Array<Span & { readonly cpu: number }> = []
  const observer = new PerformanceObserver((list) => {
    for (const { duration, startTime } of list.getEntries()) {
      collections.push({ from: startTime, to: startTime + duration })
    }
  })
  observer.observe({ entryTypes: ["gc"] })
  let last = performance.now()
  let used = process.cpuUsage()
  const timer = setInterval(() => {
    const now = performance.now()
    const cpu = process.cpuUsage(used)
    if (now - last > 2 * every) stalls.push({ from: last + every, to: now, cpu: (cpu.user + cpu.system) / 1_000 })
    used = process.cpuUsage()
    last = performance.now()
  }, every)
  return async () => {
    // The observer is told of collections a little later.
    await new Promise((resolve) => setTimeout(resolve, 20))
    clearInterval(timer)
    observer.disconnect()
    return judge(stalls, collections)
  }
}

const judge = (stalls: ReadonlyArray<Span & { readonly cpu: number }>, collections: ReadonlyArray<Span>): Stalls => {
  let [longest, apart, cpu, longestCollection] = [0, 0, 0, 0]
  for (const { from, to } of collections) longestCollection = Math.max(longestCollection, to - from)
  for (const stall of stalls) {
    const length = stall.to - stall.from
    let collected = 0
    for (const { from, to } of collections) {
      collected += Math.max(0, Math.min(to, stall.to) - Math.max(from, stall.from))
    }
    if (length > longest) cpu = stall.cpu
    longest = Math.max(longest, length)
    apart = Math.max(apart, length - collected)
  }
  return { longest, apart, longestCollection, cpu }
}
