/**
 * Puts what the registry does into words.
 */
import type { RegistryExecution } from "../../src/internal/testing/testRegistry.js"

const silent: ReadonlySet<string> = new Set(["changes", "snap", "nodes"])

const short = (value: unknown): string => {
  const text = JSON.stringify(value)
  return text.length > 260 ? `${text.slice(0, 260)}...` : text
}

export const observe = {
  execution: (
    { args, envelope, era, name, reply, state }: RegistryExecution,
    log: (who: string, what: string) => void
  ): void => {
    if (state.meta?.era !== era) log("registry", `new era ${state.meta?.era}, counter at ${state.meta?.high}`)
    if (silent.has(name) || (name === "tick" && reply._tag === "OK")) return
    const answer = reply._tag === "OK" ? short(reply.value) : reply._tag
    log("registry", `${name} ${short(args)} of era ${envelope.era.slice(0, 12)} -> ${answer}`)
  }
}
