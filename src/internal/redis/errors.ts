/**
 * Failures of commands: what was wrong, whether the command may have had an effect, and the remedy.
 *
 * @internal
 */
import { RegistryUnavailable } from "../../PogoError.js"

/** Remedies, by the code of the reply with which a server refuses a command. */
const remedies: { readonly [code: string]: string } = {
  OOM: "the server's memory is full (maxmemory): raise the limit, or free memory",
  NOPERM:
    "the user lacks a permission: allow the keys and channels that begin with the key prefix and \"pogo1:\", and " +
    "+@connection +@hash +@sortedset +@stream +@scripting +del +publish +subscribe +unsubscribe +info +time",
  NOAUTH: "the server wants a password: set `password` (and `username`), or put them into the url",
  WRONGPASS: "the server does not know this username and password: correct `username` and `password`",
  READONLY: "this server is a replica: connect to the primary (it is looked for again, in case of a failover)",
  MISCONF: "the server cannot save its data to disk, and takes no writes until it can: look at its log",
  LOADING: "the server is starting and loads its data: wait",
  MASTERDOWN: "this server is a replica that lost its primary: connect to the primary",
  CLUSTERDOWN: "the cluster does not serve this scope's slot: look at CLUSTER INFO",
  NOREPLICAS: "too few replicas are connected (min-replicas-to-write): bring one back, or lower the number",
  BUSY: "another script blocks the server: wait, or end it with SCRIPT KILL",
  TRYAGAIN: "the cluster is moving this scope's slot: wait",
  CROSSSLOT: "the keys of a scope are in different slots: use a key prefix without braces",
  MOVED: "this is a node of a cluster: use the option `cluster`"
}

const codes = Object.keys(remedies)

/** What a registry needs, for whatever is something else. */
const needed = "Redis 6.2 or newer, or Valkey, is needed, with Lua scripts"

/** What answers at an address, and what is needed instead: by the error of the connection, of ioredis 5 and 6. */
const answers: ReadonlyArray<readonly [pattern: RegExp, sentence: string]> = [
  [/^Protocol error, got "H"|^Unknown RESP type 72 /, `an HTTP server answers there: ${needed}; correct host and port`],
  [
    /^Protocol error, got "\\u0015"|^Unknown RESP type 21 /,
    "the port speaks TLS only: set `tls: true`, or begin the url with rediss://"
  ],
  [
    /^Protocol error|^Unknown RESP type/,
    `what answers there does not speak Redis' protocol: ${needed}; correct host and port`
  ],
  [
    /wrong version number|packet length too long|http request|before secure TLS connection was established/,
    "the port does not speak TLS: leave `tls` out, begin the url with redis://, or give the port for TLS"
  ],
  [
    /certificate|CERT_|altnames/i,
    "the server's certificate is not trusted: give its authority as `tls.ca`, and the name it has as `tls.servername`"
  ],
  [
    /^closed before/,
    "the server took the connection and closed it before it answered: if the port speaks TLS only, set `tls: true`; " +
    "if it is no Redis server, correct host and port"
  ],
  [
    /^connect ETIMEDOUT|^no TLS handshake/,
    "nothing answered in time (connectTimeout): is it reachable from here, is the port right, and does it speak TLS " +
    "if the url begins with rediss://?"
  ],
  [
    /DB index is out of range|invalid DB index/,
    "the server has fewer databases: lower the number at the end of the url, or the option `db`"
  ]
]

/** Code of an error reply. Redis before 7 wraps the refusal of a script's first write into other words. */
const codeOf = (message: string): string | undefined => {
  const first = message.replace(/^PARTIAL /, "").split(" ", 1)[0] ?? ""
  if (codes.includes(first)) return first
  if (/ACL failure in script|user executing the script can't/.test(message)) return "NOPERM"
  return codes.find((code) => message.includes(`-${code} `))
}

/** Names the command that a server does not offer; `undefined` for another refusal. */
const missingCommand = (message: string): string | undefined => {
  if (/Unknown Redis command called from/i.test(message)) return "a command that scripts use"
  return /unknown (?:sub)?command [`'"]?([\w|]+)/i.exec(message)?.[1]?.toUpperCase()
}

const missing = (command: string): string =>
  `it does not offer ${command} (rename-command, or a service that forbids it): ${needed}; EVAL, EVALSHA, INFO and the ` +
  "commands on hashes, sorted sets and streams must have their own names"

/** What is wrong with a connection, and what is needed, in one sentence; `undefined` where no more is known. */
const sentenceOf = (problem: string): string | undefined => {
  const found = answers.find(([pattern]) => pattern.test(problem))
  if (found !== undefined) return found[1]
  const command = missingCommand(problem)
  if (command !== undefined) return missing(command)
  const code = codeOf(problem.replace(/^Ready check failed: /, ""))
  return code === undefined ? undefined : remedies[code]
}

/** Problem of a connection: what is wrong in one sentence, if that is known, and what was said by the other end. */
export const explained = (problem: string): string => {
  const sentence = sentenceOf(problem)
  return sentence === undefined ? problem : `${sentence}; it said: ${problem}`
}

/** The oldest release that will do. */
const oldest = [6, 2] as const

/** Why a server will not do, by the text of its INFO; `undefined` if it will, or does not say. */
export const unfitOf = (info: string): string | undefined => {
  const [version, major, minor] = /^redis_version:(\d+)\.(\d+)[^\r\n]*/m.exec(info) ?? []
  if (version === undefined) return undefined
  const isOld = Number(major) < oldest[0] || (Number(major) === oldest[0] && Number(minor) < oldest[1])
  return isOld ? `this is Redis ${version.replace("redis_version:", "")}: ${needed}` : undefined
}

/** Message of an error, without secrets. Node's error for a name with several addresses has it in the inner errors. */
export const messageOf = (error: unknown, secrets: ReadonlyArray<string>): string => {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error
  const coded = inner as { readonly message?: unknown; readonly code?: unknown } | undefined
  // ioredis asks for reports of what is no error of its own.
  let message = String(coded?.message || coded?.code || inner).replace(/\.? Please report this\.?$/, "")
  for (const secret of secrets) message = message.replaceAll(secret, "***")
  return message
}

const isReply = (error: unknown): boolean => error instanceof Error && error.name === "ReplyError"

/** Errors of ioredis for a command that was not written to a socket. */
const unsent = /^(Stream isn't writeable|Cluster isn't ready|Too many Cluster redirections)/

const timedOut = /^Command timed out/

/** Circumstances of a failure. */
export interface Circumstance {
  readonly description: string
  readonly secrets: ReadonlyArray<string>
  /** Time limit of a command, milliseconds. */
  readonly commandTimeout: number
  /** Whether the command failed before anything could have been sent. */
  readonly atOnce: boolean
}

/** Failure for lack of a connection: nothing was sent. */
export const disconnected = (operation: string, description: string, problem: string | undefined) =>
  new RegistryUnavailable({
    operation,
    reason: "Disconnected",
    detail: `no connection to ${description}${problem === undefined ? "" : ` (${explained(problem)})`}; ` +
      (problem === undefined || sentenceOf(problem) === undefined
        ? "is it running, reachable from here, and are the credentials right? "
        : "") +
      "It is tried again all the time",
    sent: false
  })

/** Failure of a command that was not sent, since the server will not do. */
export const unfit = (operation: string, description: string, reason: string): RegistryUnavailable =>
  new RegistryUnavailable({ operation, reason: "Refused", detail: `${description}: ${reason}`, sent: false })

/**
 * Failure by an error reply: nothing was written, since scripts check everything before the first write, and mark an
 * error that comes after it.
 */
const refused = (operation: string, message: string, description: string): RegistryUnavailable => {
  const code = codeOf(message)
  const command = missingCommand(message)
  const remedy = command !== undefined
    ? missing(command)
    : code === undefined
    ? `no Redis of today refuses this: ${needed}`
    : remedies[code]!
  return new RegistryUnavailable({
    operation,
    reason: "Refused",
    detail: `${description} answered "${message}"; ${remedy}`,
    sent: message.startsWith("PARTIAL ")
  })
}

/** Failure by a reply that no script of ours gives: the command may have been executed. */
export const unreadable = (operation: string, error: unknown, description: string): RegistryUnavailable =>
  new RegistryUnavailable({
    operation,
    reason: "Refused",
    detail:
      `${description} gave ${messageOf(error, [])}; is it a Redis or Valkey server, and are all nodes of the scope ` +
      `of one version?`,
    sent: true
  })

/** Failure of a command, by the error that ioredis rejects it with. */
export const failureOf = (operation: string, error: unknown, at: Circumstance): RegistryUnavailable => {
  const message = messageOf(error, at.secrets)
  if (isReply(error)) return refused(operation, message, at.description)
  if (timedOut.test(message)) {
    return new RegistryUnavailable({
      operation,
      reason: "Timeout",
      detail: `${at.description} did not answer within ${at.commandTimeout} ms (commandTimeout)`,
      sent: true
    })
  }
  if (at.atOnce || unsent.test(message)) return disconnected(operation, at.description, message)
  return new RegistryUnavailable({
    operation,
    reason: "Disconnected",
    detail: `the connection to ${at.description} was lost before the answer came (${message})`,
    sent: true
  })
}
