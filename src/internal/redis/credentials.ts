/**
 * Credentials that are asked for before every attempt to connect: passwords are rotated, and tokens expire.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { attempt } from "../runtime/userCode.js"
import { messageOf } from "./errors.js"
import type { RedisSecret, RedisSecretSource } from "./redisOptions.js"

/** Credentials as ioredis takes them. */
export interface Credentials {
  readonly username: string | undefined
  readonly password: string | undefined
}

/** Where credentials come from, each of them fixed or asked for. */
export interface CredentialSources {
  readonly username: RedisSecretSource | undefined
  readonly password: RedisSecretSource | undefined
  /** Time limit of one question, milliseconds. */
  readonly connectTimeout: number
  /** Values that no message may show; what is asked for is added. */
  readonly secrets: Array<string>
}

/** Runs what a connection asks, in the scope of its registry. */
export type AskCredentials = (asked: Effect.Effect<Credentials>) => Promise<Credentials>

/** The used part of a connection that is about to be made. */
interface Attempting {
  connect: () => Promise<unknown>
  disconnect: (reconnect?: boolean) => void
  readonly emit: (event: "error", error: Error) => unknown
}

/** The most secrets that are remembered: a rotation leaves an old one behind. */
const maxSecrets = 16

const remember = (secrets: Array<string>, secret: string): void => {
  for (const form of [secret, encodeURIComponent(secret)]) {
    if (form !== "" && !secrets.includes(form)) secrets.push(form)
  }
  if (secrets.length > maxSecrets) secrets.splice(0, secrets.length - maxSecrets)
}

type AnswerOfUser = Exclude<ReturnType<Extract<RedisSecretSource, () => unknown>>, RedisSecret>

const isPromise = (value: RedisSecret | AnswerOfUser): value is PromiseLike<RedisSecret> =>
  typeof (value as { readonly then?: unknown }).then === "function"

const asked = (source: RedisSecretSource): Effect.Effect<RedisSecret, unknown> =>
  Effect.suspend(() => {
    const given = typeof source === "function" ? source() : source
    if (typeof given === "string" || Redacted.isRedacted(given)) return Effect.succeed(given)
    if (Effect.isEffect(given)) return given
    return isPromise(given) ? Effect.tryPromise({ try: () => given, catch: (error) => error }) : Effect.succeed(given)
  })

/** A user's error may be of any form, and its getters may throw. */
const problemOf = (option: string, error: unknown, secrets: ReadonlyArray<string>): Error => {
  const found = Either.getOrElse(attempt(() => messageOf(error, secrets)), () => "an error that cannot be shown")
  return new Error(`the option ${option} gave no value (${found}): it is asked again before each attempt to connect`)
}

const textOf = (option: string, value: unknown): Effect.Effect<string | undefined, Error> => {
  const text: unknown = Redacted.isRedacted(value) ? Redacted.value(value) : value
  if (typeof text === "string") return Effect.succeed(text === "" ? undefined : text)
  return Effect.fail(new Error(`the option ${option} gave a ${typeof text}, and a text is needed`))
}

const one = (
  option: string,
  source: RedisSecretSource | undefined,
  { connectTimeout, secrets }: CredentialSources
): Effect.Effect<string | undefined, Error> =>
  source === undefined
    ? Effect.succeed(undefined)
    : asked(source).pipe(
      Effect.timeoutFail({
        duration: connectTimeout,
        onTimeout: () => new Error(`no answer within ${connectTimeout} ms, the connectTimeout`)
      }),
      Effect.catchAllCause((cause) => Effect.fail(problemOf(option, Cause.squash(cause), secrets))),
      Effect.flatMap((value) => textOf(option, value))
    )

/** Asks for credentials, once. */
export const credentialsOf = (sources: CredentialSources): Effect.Effect<Credentials, Error> =>
  Effect.all({
    username: one("username", sources.username, sources),
    password: one("password", sources.password, sources)
  }, { concurrency: 2 }).pipe(
    Effect.tap(({ password }) => Effect.sync(() => remember(sources.secrets, password ?? "")))
  )

/** Puts credentials among the options of a connection, which it reads at every attempt. */
const put = (options: ReadonlyArray<object>, { password, username }: Credentials): void => {
  for (const one of options) Object.assign(one, { username, password })
}

/**
 * Has a connection that was made with `lazyConnect` ask for its credentials before every attempt to connect, and begins
 * the first. An answer that fails is the connection's problem, and asked for again, with pauses.
 */
export const askFirst = (
  connection: Attempting,
  options: ReadonlyArray<object>,
  sources: CredentialSources,
  ask: AskCredentials,
  delay: (attempt: number) => number
): void => {
  const connect = connection.connect.bind(connection)
  const disconnect = connection.disconnect.bind(connection)
  let closed = false
  const credentials = credentialsOf(sources).pipe(
    Effect.tapError((error) => Effect.sync(() => !closed && connection.emit("error", error))),
    Effect.retry(Schedule.addDelay(Schedule.forever, (attempt) => delay(attempt + 1))),
    Effect.orDie
  )
  connection.disconnect = (reconnect = false) => {
    closed ||= !reconnect
    disconnect(reconnect)
  }
  connection.connect = () =>
    ask(credentials).then((found) => {
      put(options, found)
      return closed ? undefined : connect()
    })
  connection.connect().catch(() => {})
}

/** Asks for credentials once, for connections that are made later with the same options. */
export const refresh = (options: ReadonlyArray<object>, sources: CredentialSources, ask: AskCredentials): void => {
  ask(Effect.orDie(credentialsOf(sources))).then((found) => put(options, found), () => {})
}
