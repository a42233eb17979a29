/**
 * Options of the socket transport: checked, and with defaults.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { isIP } from "node:net"
import * as os from "node:os"
import { createSecureContext } from "node:tls"
import type { Options, TlsOptions } from "../../NodeTransportSocket.js"
import { InvalidConfig } from "../../PogoError.js"
import { keyOf } from "./tcp.js"

/** @internal */
export interface Settings {
  readonly host: string
  readonly port: number
  /** Host that others are told; empty for the one that is bound. */
  readonly advertiseHost: string
  /** 0 for the one that is bound. */
  readonly advertisePort: number
  readonly secrets: ReadonlyArray<string>
  readonly tls: TlsOptions | undefined
  readonly maxFrame: number
  /** Milliseconds. */
  readonly authTimeout: number
  readonly connections: number
}

/** @internal */
export const defaults = {
  host: "127.0.0.1",
  port: 0,
  maxFrame: 1024 * 1024,
  authTimeout: 5_000,
  connections: 512
}

const refuse = (setting: string, value: unknown, rule: string, remedy: string): Either.Either<never, InvalidConfig> =>
  Either.left(new InvalidConfig({ setting, value: String(value), rule, remedy }))

const whole = (setting: string, value: number, least: number, most: number): Either.Either<number, InvalidConfig> =>
  Number.isInteger(value) && value >= least && value <= most
    ? Either.right(value)
    : refuse(setting, value, `a whole number from ${least} to ${most}`, "leave it out for the default")

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/

const wildcards = new Set(["0.0.0.0", "::", ""])

/** An address of this machine that others may reach. */
const ownAddress = (): string | undefined => {
  const all = Object.values(os.networkInterfaces()).flatMap((list) => list ?? [])
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address
}

/** What is told to others when they cannot be told what is bound. */
const reachable = (host: string): Either.Either<string, InvalidConfig> => {
  if (!wildcards.has(host)) return Either.right(host)
  const own = ownAddress()
  return own === undefined
    ? refuse("advertise", "", "an address that other nodes can reach", "set POGO_RPC_ADVERTISE")
    : Either.right(own)
}

interface HostPort {
  readonly host: string
  readonly port: number
}

const parseAdvertised = (text: string): Either.Either<HostPort, InvalidConfig> => {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text)
  const bare = isIP(text) === 6 ? text : undefined
  const host = bare ?? match?.[1] ?? match?.[2]
  const port = bare === undefined ? Number(match?.[3] ?? 0) : 0
  return host === undefined || port > 65_535
    ? refuse("advertise", text, "host, host:port or [host]:port", "write it like 10.0.0.7:7600")
    : Either.right({ host, port })
}

const checkSecrets = (input: Options["secret"]): Either.Either<ReadonlyArray<string>, InvalidConfig> => {
  const list = input === undefined ? [] : Array.isArray(input) ? input : [input]
  const secrets = list.map((secret: string | Redacted.Redacted) =>
    Redacted.isRedacted(secret) ? Redacted.value(secret) : secret
  )
  return secrets.every((secret) => typeof secret === "string" && secret.length >= 16)
    ? Either.right(secrets)
    : refuse("secret", "<redacted>", "at least 16 characters", "make one like this: openssl rand -hex 32")
}

/** Whoever reaches the port may call every child: only those who prove that they belong here may reach it. */
const checkExposure = (
  host: string,
  secrets: ReadonlyArray<string>,
  tls: TlsOptions | undefined
): Either.Either<void, InvalidConfig> =>
  loopback.test(host) || secrets.length > 0 || tls?.ca !== undefined
    ? Either.right(undefined)
    : refuse(
      "host",
      host,
      "a port that others can reach has a secret, or asks for certificates",
      "set POGO_RPC_SECRET to the same secret on all nodes, or give tls with a ca"
    )

/** Keys and certificates that cannot be used would show at the first connection only. */
export const checkPem = (
  setting: string,
  what: string,
  { ca, cert, key }: { readonly key?: string; readonly cert?: string; readonly ca?: string | undefined }
): Either.Either<void, InvalidConfig> =>
  Either.try({
    try: () => {
      // Text that is no PEM at all is passed over in silence.
      const given = [key, cert, ca].filter((text) => text !== undefined)
      if (!given.every((text) => text.includes("-----BEGIN "))) throw new Error("it is no PEM")
      createSecureContext({ key, cert, ca })
    },
    catch: (error) =>
      new InvalidConfig({
        setting,
        value: "<redacted>",
        rule: `${what}, in PEM (${String(error)})`,
        remedy: "give the contents of the files, not their names"
      })
  })

const checkTls = (tls: TlsOptions | undefined): Either.Either<TlsOptions | undefined, InvalidConfig> => {
  if (tls === undefined) return Either.right(tls)
  const { ca, cert, key } = tls
  const what = "a key, its certificate, and certificates of authorities"
  return Either.map(checkPem("tls", what, { key: keyOf(key), cert, ca }), () => tls)
}

const wrongTimeout = (input: Duration.DurationInput): Either.Either<never, InvalidConfig> =>
  refuse("authTimeout", input, "a duration above 0, and finite", "write it like \"5 seconds\"")

const checkTimeout = (input: Duration.DurationInput): Either.Either<number, InvalidConfig> =>
  Option.match(Option.map(Duration.decodeUnknown(input), Duration.toMillis), {
    onSome: (millis) => Number.isFinite(millis) && millis > 0 ? Either.right(millis) : wrongTimeout(input),
    onNone: () => wrongTimeout(input)
  })

/** @internal */
export const resolve = (options: Options): Either.Either<Settings, InvalidConfig> =>
  Either.gen(function*() {
    const host = options.host ?? defaults.host
    const secrets = yield* checkSecrets(options.secret)
    yield* checkExposure(host, secrets, options.tls)
    const advertised = options.advertise === undefined
      ? { host: yield* reachable(host), port: 0 }
      : yield* parseAdvertised(options.advertise)
    return {
      host,
      port: yield* whole("port", options.port ?? defaults.port, 0, 65_535),
      advertiseHost: advertised.host,
      advertisePort: advertised.port,
      secrets,
      tls: yield* checkTls(options.tls),
      maxFrame: yield* whole("maxFrame", options.maxFrame ?? defaults.maxFrame, 1_024, 64 * 1024 * 1024),
      authTimeout: yield* checkTimeout(options.authTimeout ?? defaults.authTimeout),
      connections: yield* whole("connections", options.connections ?? defaults.connections, 1, 65_535)
    }
  })

/** An address as it is told to others, and back. */
export const formatAddress = (host: string, port: number, secure: boolean): string =>
  `${secure ? "tls" : "tcp"}://${host.includes(":") ? `[${host}]` : host}:${port}`

/** What is wrong with an address that cannot be read. */
export const noAddress = (address: string): string =>
  `"${address}" is no address of this transport, whose addresses look like tcp://10.0.0.7:7600; all nodes and clients ` +
  "of a scope use one transport"

/** @internal */
export const parseAddress = (address: string): (HostPort & { readonly secure: boolean }) | undefined => {
  const match = /^(tcp|tls):\/\/(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address)
  const host = match?.[2] ?? match?.[3]
  return match === null || host === undefined
    ? undefined
    : { host, port: Number(match[4]), secure: match[1] === "tls" }
}
