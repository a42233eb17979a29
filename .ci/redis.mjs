/** Finds a Redis server, fetching one when the machine has none, and starts throw-away servers with it. */
import { execFile, spawn } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, realpathSync, writeFileSync } from "node:fs"
import { createConnection, createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { isProgram, onPath } from "./lib.mjs"
import { cached, fetchHost, fetchVariant, variants } from "./redis-fetch.mjs"

const exec = promisify(execFile)

export { variants }

/** @typedef {import("./redis-fetch.mjs").Variant} Variant */

/**
 * @typedef {object} Located
 * @property {string} server
 * @property {string} cli
 * @property {string | undefined} sentinel undefined: start the server with `--sentinel`
 * @property {Record<string, string>} env to be added to the environment of the programs
 * @property {string} version
 * @property {string} how where it came from, in words
 */

/**
 * The client beside a server, else the one on PATH.
 *
 * @param {string} server
 */
const clientOf = (server) => {
  const names = ["redis-cli", "valkey-cli"]
  const beside = [dirname(server), dirname(realpathSync(server))].flatMap((dir) => names.map((name) => join(dir, name)))
  const found = beside.find(isProgram) ?? names.map(onPath).find((path) => path !== undefined)
  if (found === undefined) throw new Error(`found ${server}, but no redis-cli beside it or on PATH`)
  return found
}

/**
 * @param {{ server: string, cli?: string, sentinel?: string }} programs
 * @param {string} how
 * @returns {Promise<Located>}
 */
const located = async (programs, how) => {
  const { stdout } = await exec(programs.server, ["--version"], { timeout: 120_000 })
  const version = /\bv=(\S+)/.exec(stdout)?.[1]
  if (version === undefined) throw new Error(`${programs.server} --version answered: ${stdout.trim()}`)
  return {
    server: programs.server,
    cli: programs.cli ?? clientOf(programs.server),
    sentinel: programs.sentinel,
    env: {},
    version,
    how
  }
}

const remedy =
  "No Redis server. Install redis-server, or set POGO_REDIS_SERVER=/path/to/redis-server, or POGO_REDIS_URL=redis://host:port"

/** @param {string} what */
const say = (what) => process.stderr.write(`${what}\n`)

/** @returns {Promise<Located>} */
const locateAny = async () => {
  const named = process.env["POGO_REDIS_SERVER"]
  if (named !== undefined && named !== "") {
    if (!isProgram(named)) throw new Error(`POGO_REDIS_SERVER=${named} is not a program. ${remedy}`)
    return located({ server: named }, "POGO_REDIS_SERVER")
  }
  for (const name of ["redis-server", "valkey-server"]) {
    const server = onPath(name)
    if (server !== undefined) return located({ server }, "on PATH")
  }
  const kept = cached()
  if (kept !== undefined) return located(kept, "Debian's package, from the cache")
  say("fetching Redis from Debian's packages ...")
  try {
    return await located(await fetchHost(), "Debian's package, fetched now")
  } catch (error) {
    throw new Error(
      `${remedy}\nFetching Debian's package failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error }
    )
  }
}

/**
 * Looks in this order: POGO_REDIS_SERVER, PATH, the cache, Debian's packages. With a `version` it is always that
 * release, from Debian's packages. Fails with the remedy when there is none.
 *
 * @param {{ version?: Variant }} [options]
 * @returns {Promise<Located>}
 */
export const locateRedis = async (options = {}) => {
  const { version } = options
  if (version === undefined) return locateAny()
  if (!(version in variants)) {
    throw new Error(`no variant "${version}"; there are: ${Object.keys(variants).join(", ")}`)
  }
  return located(await fetchVariant(version), `Debian's package of ${variants[version].suite}`)
}

/**
 * Ports below those that systems give to connections by themselves (from 32,768 on Linux): a connection of anybody's
 * would otherwise take a port between the look and the bind, or while a server restarts.
 */
const ports = { first: 15_000, count: 17_000 }

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer()
    server.on("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })

/**
 * A port that was free a moment ago, and that no outgoing connection takes.
 *
 * @returns {Promise<number>}
 */
export const freePort = async () => {
  for (;;) {
    const port = ports.first + Math.floor(Math.random() * ports.count)
    if (await isFree(port)) return port
  }
}

/**
 * @typedef {object} StartOptions
 * @property {Variant} [version] a certain release; else whatever `locateRedis` finds
 * @property {ReadonlyArray<string>} [args] further arguments; they win over the defaults
 * @property {string} [config] text of a configuration file
 * @property {boolean} [sentinel] start a Sentinel
 * @property {boolean} [unixSocket] listen on a socket in `dir` instead of a port
 * @property {number} [port] a fixed port instead of a free one
 * @property {number} [readyTimeout] milliseconds; two minutes unless set
 */

/**
 * @typedef {object} RedisServer
 * @property {string} url for ioredis: `redis://127.0.0.1:port`, or the path of the socket
 * @property {number} port 0 with a unix socket
 * @property {string} dir
 * @property {number} pid of the present process; a restart changes it
 * @property {boolean} running
 * @property {string} version
 * @property {(signal?: NodeJS.Signals) => Promise<void>} stop ends it (SIGTERM unless told) and waits for the end
 * @property {() => Promise<void>} restart stops it if it runs, and starts it on the same address and folder
 * @property {(signal: NodeJS.Signals) => void} kill sends a signal and waits for nothing: SIGSTOP and SIGCONT freeze and thaw
 * @property {(...args: Array<string>) => Promise<string>} cli runs redis-cli against it
 * @property {() => string} log
 */

/**
 * A server's replies to INFO and PING; fails when it cannot be reached.
 *
 * @param {{ port: number, host: string } | { path: string }} address
 * @returns {Promise<string>}
 */
const probe = (address) =>
  new Promise((resolve, reject) => {
    const socket = createConnection(address)
    socket.setTimeout(1_000, () => socket.destroy(new Error("no answer")))
    socket.on("error", reject)
    socket.on("connect", () => socket.write("INFO server\r\nPING\r\n"))
    let text = ""
    socket.on("data", (chunk) => {
      text += chunk.toString()
      if (!/^[+-].*\r\n$/m.test(text)) return
      socket.destroy()
      resolve(text)
    })
    socket.on("close", () => reject(new Error("closed without an answer")))
  })

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * A shell that waits for the end of this process, however it ends, then kills the server and removes its folder. It is
 * told the present process id on its standard input, or an empty line when there is none.
 *
 * @param {string} dir
 */
const guard = (dir) => {
  const script = "while read -r line; do pid=$line; done; [ -n \"$pid\" ] && kill -9 \"$pid\"; rm -rf \"$1\""
  const child = spawn("/bin/sh", ["-c", script, "redis-guard", dir], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true
  })
  child.unref()
  const { stdin } = child
  // The pipe must not keep this process alive.
  if ("unref" in stdin && typeof stdin.unref === "function") stdin.unref()
  stdin.on("error", () => {})
  /** @param {number | undefined} pid */
  return (pid) => void stdin.write(`${pid ?? ""}\n`)
}

/**
 * Starts a server of its own folder and address, and waits until it answers. It ends with this process at the latest.
 *
 * @param {StartOptions} [options]
 * @returns {Promise<RedisServer>}
 */
export const startRedis = async (options = {}) => {
  const programs = await locateRedis(options.version === undefined ? {} : { version: options.version })
  const dir = mkdtempSync(join(tmpdir(), "pogo-redis-"))
  const socketPath = join(dir, "redis.sock")
  const logFile = join(dir, "redis.log")
  const tellGuard = guard(dir)
  const env = { ...process.env, ...programs.env }
  const unixSocket = options.unixSocket === true
  let port = options.port ?? 0
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let child
  /** @type {Promise<void>} */
  let ended = Promise.resolve()

  const log = () => {
    try {
      return readFileSync(logFile, "utf8")
    } catch {
      return ""
    }
  }

  const arguments_ = () => {
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir]
    if (unixSocket) args.push("--unixsocket", socketPath)
    if (options.sentinel !== true) args.push("--save", "", "--appendonly", "no")
    args.push(...options.args ?? [])
    if (options.sentinel === true) args.push("--sentinel")
    if (options.config === undefined && options.sentinel !== true) return args
    // A Sentinel insists on a file that it can write.
    const file = join(dir, "redis.conf")
    if (child === undefined) writeFileSync(file, options.config ?? "")
    return [file, ...args]
  }

  const launch = () => {
    const output = openSync(logFile, "a")
    const started = spawn(programs.server, arguments_(), { env, stdio: ["ignore", output, output], detached: true })
    closeSync(output)
    child = started
    started.unref()
    tellGuard(started.pid)
    ended = new Promise((resolve) => {
      const over = () => {
        if (child === started) {
          child = undefined
          tellGuard(undefined)
        }
        resolve()
      }
      started.once("exit", over)
      started.once("error", over)
    })
  }

  const awaitReady = async () => {
    const deadline = Date.now() + (options.readyTimeout ?? 120_000)
    const address = unixSocket ? { path: socketPath } : { port, host: "127.0.0.1" }
    for (;;) {
      const reply = await probe(address).catch((error) => String(error))
      if (child === undefined) throw new Error(`redis-server ended at its start:\n${log()}`)
      // The answer may come from another server that took the port; with a password set, only the log tells.
      const { pid } = child
      if (/^\+PONG/m.test(reply) && new RegExp(`process_id:${pid}\\b`).test(reply)) return
      if (reply.startsWith("-NOAUTH") && new RegExp(`^${pid}:.* Ready to accept connections`, "m").test(log())) return
      if (Date.now() > deadline) throw new Error(`redis-server did not get ready (${reply.trim()}):\n${log()}`)
      await pause(10)
    }
  }

  /** @param {NodeJS.Signals} [signal] */
  const stop = async (signal = "SIGTERM") => {
    const running = child
    if (running === undefined) return
    running.kill(signal)
    // A frozen server would not notice.
    running.kill("SIGCONT")
    const timer = setTimeout(() => running.kill("SIGKILL"), 5_000)
    await ended
    clearTimeout(timer)
  }

  const start = async () => {
    launch()
    try {
      await awaitReady()
    } catch (error) {
      await stop("SIGKILL")
      throw error
    }
  }

  const chosen = options.port !== undefined || unixSocket
  for (let attempt = 1;; attempt++) {
    if (!chosen) port = await freePort()
    try {
      await start()
      break
    } catch (error) {
      // Between the look for a free port and the bind, another process may have taken it.
      if (chosen || attempt === 5 || !/already in use/i.test(log())) throw error
    }
  }

  return {
    url: unixSocket ? socketPath : `redis://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return child?.pid ?? -1
    },
    get running() {
      return child !== undefined
    },
    version: programs.version,
    stop,
    restart: async () => {
      await stop()
      await start()
    },
    kill: (signal) => void child?.kill(signal),
    cli: async (...args) => {
      const address = unixSocket ? ["-s", socketPath] : ["-h", "127.0.0.1", "-p", String(port)]
      const { stdout } = await exec(programs.cli, [...address, ...args], { env, timeout: 120_000, maxBuffer: 64 << 20 })
      return stdout.trim()
    },
    log
  }
}
