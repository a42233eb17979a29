/**
 * A profile of this process: which functions the time goes to.
 */
import { Session } from "node:inspector/promises"

/** A function and its share of the busy time. */
export interface Hot {
  readonly where: string
  readonly share: number
}

/** Begins a profile; the result ends it and tells the functions with most self time. */
export const startProfile = async (): Promise<(top: number) => Promise<ReadonlyArray<Hot>>> => {
  const session = new Session()
  session.connect()
  await session.post("Profiler.enable")
  await session.post("Profiler.setSamplingInterval", { interval: 500 })
  await session.post("Profiler.start")
  return async (top) => {
    const { profile } = await session.post("Profiler.stop")
    session.disconnect()
    const names = new Map(profile.nodes.map(({ callFrame, id }) => [id, nameOf(callFrame)]))
    const times = new Map<string, number>()
    let busy = 0
    for (const [i, sample] of (profile.samples ?? []).entries()) {
      const name = names.get(sample) ?? ""
      const time = profile.timeDeltas?.[i] ?? 0
      if (ignored.has(name)) continue
      busy += time
      times.set(name, (times.get(name) ?? 0) + time)
    }
    return [...times].sort((a, b) => b[1] - a[1]).slice(0, top).map(([where, time]) => ({ where, share: time / busy }))
  }
}

/** Not work, or the profiler's own. */
const ignored = new Set(["(idle)", "(program)", "(root)", "dispatch"])

const nameOf = (
  { functionName, lineNumber, url }: { functionName: string; lineNumber: number; url: string }
): string => {
  const file = url.split("/").slice(-2).join("/")
  return file === "" ? functionName : `${functionName || "(anonymous)"} ${file}:${lineNumber + 1}`
}
