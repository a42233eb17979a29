import { describe, expect, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { Processes, type ProcessId, type Watch } from "../../../src/internal/runtime/processTable.js"

const watch: Watch = Context.get(Context.empty() as Context.Context<Processes>, Processes)

/** A process of which its parent has not asked how it ended: the kernel keeps it as a zombie. */
const script = "const { spawn } = require('child_process'); const c = spawn('sleep', ['60']); " +
  "process.stdout.write(c.pid + '\\n'); process.on('SIGUSR2', () => {}); setInterval(() => {}, 1000)"

const started = async (child: ChildProcess): Promise<number> => {
  await once(child, "spawn")
  return child.pid!
}

/** What its own watch would tell of it. */
const idOf = (pid: number): ProcessId => {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1")
  const start = Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19])
  return { host: watch.self!.host, pid, start }
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe.runIf(process.platform === "linux")("processes of this machine", () => {
  it("this one is known, and alive", () => {
    expect(watch.self?.pid).toBe(process.pid)
    expect(watch.look(watch.self!)).toBe("alive")
    expect(watch.self).toEqual(idOf(process.pid))
  })

  it("one that runs or is stopped is alive; one that was killed is gone", async () => {
    const child = spawn("sleep", ["60"])
    const id = idOf(await started(child))
    expect(watch.look(id)).toBe("alive")
    child.kill("SIGSTOP")
    expect(watch.look(id)).toBe("alive")
    child.kill("SIGKILL")
    await once(child, "exit")
    expect(watch.look(id)).toBe("gone")
  })

  it("one whose parent does not ask for its end is gone, too", async () => {
    const parent = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] })
    const [line] = await once(parent.stdout, "data") as [Buffer]
    const id = idOf(Number(line.toString()))
    expect(watch.look(id)).toBe("alive")
    // The parent is stopped: it cannot ask.
    parent.kill("SIGSTOP")
    process.kill(id.pid, "SIGKILL")
    await until(() => watch.look(id) === "gone")
    expect(readFileSync(`/proc/${id.pid}/stat`, "latin1")).toContain(") Z ")
    parent.kill("SIGKILL")
    await once(parent, "exit")
  })

  it("one whose number belongs to another now is gone", () => {
    const self = watch.self!
    expect(watch.look({ ...self, start: self.start - 1 })).toBe("gone")
  })

  it("one that the kernel has never heard of is gone", () => {
    expect(watch.look({ ...watch.self!, pid: 2 ** 22 + 1 })).toBe("gone")
  })

  it("is known by the effect that asks for it", () => {
    expect(Effect.runSync(Processes)).toBe(Effect.runSync(Processes))
  })
})
