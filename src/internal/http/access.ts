/**
 * Who may ask, and what: judged for every request before anything of it is read.
 *
 * Without `authorize` only this machine may ask, directly: a proxy would make everybody a caller from this machine, and
 * a name that resolves to it would make every page of the web one. A request that changes something needs a sign that no
 * other page can give: the browser's `Sec-Fetch-Site: same-origin`, or a bearer token.
 *
 * @internal
 */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { createHash, timingSafeEqual } from "node:crypto"
import { type ActionName, actions as allActions } from "../console/answers.js"
import { effectBy, logError, printCause } from "../runtime/userCode.js"
import { Forbidden, InternalError, InvalidRequest, type Problem, Unauthorized, Unavailable } from "./problems.js"

/**
 * Actions that are allowed: none, all, or those that are named.
 *
 * @since 0.2.0
 * @category models
 */
export type Actions = "none" | "all" | ReadonlyArray<ActionName>

/**
 * A request, as `authorize` sees it. Its body is not read yet.
 *
 * @since 0.2.0
 * @category models
 */
export interface AccessRequest {
  readonly method: string
  /** Path and query below the mount, such as `/api/children?q=status:failed`. */
  readonly url: string
  /** Headers by their names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Token of `Authorization: Bearer`. */
  readonly token: Redacted.Redacted | undefined
  /** Address of the other end of the connection, as far as it is known. */
  readonly remoteAddress: string | undefined
}

/**
 * Who asks: a name, which goes to the log and the history with what he does, and what he may do of what `actions` allow;
 * all of that by default.
 *
 * @since 0.2.0
 * @category models
 */
export type Operator = string | { readonly name: string; readonly actions?: Actions | undefined }

/**
 * Says who asks; `undefined` for somebody who may not. It may take 10 seconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Authorize {
  (
    request: AccessRequest
  ): Effect.Effect<Operator | undefined, unknown> | PromiseLike<Operator | undefined> | Operator | undefined
  /** `WWW-Authenticate` of a refusal. Default `Bearer`. */
  readonly challenge?: string | undefined
}

/** The rules of one interface. */
export interface AccessRules {
  readonly actions: ReadonlySet<ActionName>
  readonly authorize: Authorize | undefined
  /** Names in the `Host` header that are taken, in lower case and without ports. */
  readonly hosts: ReadonlySet<string> | undefined
}

/** Who asks, and what he may do. */
export interface Visitor {
  readonly name: string
  readonly actions: ReadonlySet<ActionName>
}

/** Address of whoever asks, where the request itself does not have it. */
export class RemoteAddress extends Context.Tag("effect-pogo/PogoHttp/RemoteAddress")<RemoteAddress, string>() {}

/** Time for `authorize`. Milliseconds. */
const authorizeTime = 10_000

/** Longest name of a caller, characters: it goes into the history. */
const maxName = 64

export const actionsOf = (actions: Actions): ReadonlySet<ActionName> =>
  new Set(actions === "none" ? [] : actions === "all" ? allActions : actions)

const isLoopback = (address: string): boolean => address === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/i.test(address)

const isLoopbackName = (name: string): boolean =>
  name === "localhost" || name.endsWith(".localhost") || name === "[::1]" || isLoopback(name)

/** Headers that a proxy leaves. */
const isOfProxy = (name: string): boolean =>
  name === "forwarded" || name.startsWith("x-forwarded-") || name === "x-real-ip" || name === "via"

/** The name in the `Host` header, in lower case; `undefined` where there is none, or more than a name and a port. */
const hostOf = (request: HttpServerRequest.HttpServerRequest): string | undefined => {
  const told = request.headers["host"] ?? /^https?:\/\/([^/?#]*)/i.exec(request.originalUrl)?.[1]
  return /^(\[[0-9a-f:.]+\]|[^\s:/@[\]]+)(?::\d{1,5})?$/i.exec(told ?? "")?.[1]?.toLowerCase()
}

const checkHost = (
  { authorize, hosts }: AccessRules,
  request: HttpServerRequest.HttpServerRequest
): Problem | undefined => {
  const host = hostOf(request)
  if (host === undefined) {
    return new InvalidRequest({ message: "The Host header is missing, or is no name.", remedy: "send a Host header" })
  }
  if (hosts === undefined ? authorize !== undefined || isLoopbackName(host) : hosts.has(host) || isLoopbackName(host)) {
    return undefined
  }
  return new Forbidden({
    message: "The Host header names another host than this one.",
    remedy: hosts === undefined
      ? "ask by localhost, or give `hosts` or `authorize` to the server"
      : "ask by one of the server's `hosts`"
  })
}

const checkDirect = (
  request: HttpServerRequest.HttpServerRequest,
  address: string | undefined
): Problem | undefined => {
  const remedy = "give `authorize` to the server, so that it knows who asks"
  if (Object.keys(request.headers).some(isOfProxy)) {
    return new Forbidden({ message: "The request came by a proxy, and nobody says who may ask.", remedy })
  }
  if (address === undefined) {
    return new Forbidden({ message: "It is not known where the request comes from.", remedy })
  }
  return isLoopback(address)
    ? undefined
    : new Forbidden({ message: "Only this machine may ask, since nobody says who else may.", remedy })
}

/** Whether a method changes nothing. */
export const isSafe = (method: string): boolean => method === "GET" || method === "HEAD"

const tokenOf = (headers: AccessRequest["headers"]): string | undefined =>
  /^Bearer +([^\s]+)$/i.exec(headers["authorization"] ?? "")?.[1]

/** Refuses what another page may have had a browser send. */
const checkOrigin = (
  request: HttpServerRequest.HttpServerRequest,
  { authorize }: AccessRules
): Problem | undefined => {
  const { headers, method } = request
  const site = headers["sec-fetch-site"]
  if (isSafe(method)) {
    // A link to here from elsewhere is no harm; a page elsewhere that asks is up to something.
    return site === "cross-site" && headers["sec-fetch-mode"] !== "navigate"
      ? new Forbidden({ message: "Another site's page asked.", remedy: "open the page of this server itself" })
      : undefined
  }
  if (site === "same-origin" || (authorize !== undefined && tokenOf(headers) !== undefined)) return undefined
  return new Forbidden({
    message: "The request does not show that it comes from this server's own page.",
    remedy: "send `Authorization: Bearer` with a token that `authorize` knows, or, from a program, " +
      "`Sec-Fetch-Site: same-origin`"
  })
}

const isNoName = (name: unknown): boolean =>
  typeof name !== "string" || name === "" || name.length > maxName || /[\p{Cc}\p{Cs}]/u.test(name)

const callerOf = (operator: Operator, rules: AccessRules): Effect.Effect<Visitor, Problem> => {
  const { actions = "all", name } = typeof operator === "string" ? { name: operator } : operator
  if (isNoName(name)) {
    const remedy = `let authorize give 1 to ${maxName} characters without control characters`
    return Effect.zipRight(
      logError(`HTTP: authorize gave a name that is none; ${remedy}`),
      Effect.fail(new InternalError({ message: "The name of whoever asks is none.", remedy: "see the server's log" }))
    )
  }
  const own = actionsOf(actions)
  return Effect.succeed({ name, actions: new Set([...rules.actions].filter((action) => own.has(action))) })
}

const runAuthorize = (authorize: Authorize, request: AccessRequest): Effect.Effect<Operator | undefined, Problem> =>
  effectBy(() => {
    const answer = authorize(request)
    if (Effect.isEffect(answer)) return answer
    return typeof answer === "object" && "then" in answer
      ? Effect.tryPromise({ try: async () => await answer, catch: (error) => error })
      : Effect.succeed(answer)
  }).pipe(
    Effect.sandbox,
    Effect.catchAll((cause) =>
      Effect.zipRight(
        logError(`HTTP: authorize failed: ${printCause(cause)}`),
        Effect.fail(new InternalError({ message: "Who asks could not be found out.", remedy: "see the server's log" }))
      )
    ),
    Effect.timeoutFail({
      duration: authorizeTime,
      onTimeout: () => new Unavailable({ message: "Who asks was not found out in 10 seconds.", remedy: "try it again" })
    })
  )

/** Who asks, if he may. */
export const admit = (
  request: HttpServerRequest.HttpServerRequest,
  rules: AccessRules
): Effect.Effect<Visitor, Problem> =>
  Effect.gen(function*() {
    const wrongHost = checkHost(rules, request)
    if (wrongHost !== undefined) return yield* Effect.fail(wrongHost)
    const given = yield* Effect.serviceOption(RemoteAddress)
    const remoteAddress = Option.getOrUndefined(Option.orElse(request.remoteAddress, () => given))
    const { authorize } = rules
    let caller: Visitor = { name: "localhost", actions: rules.actions }
    if (authorize === undefined) {
      const indirect = checkDirect(request, remoteAddress)
      if (indirect !== undefined) return yield* Effect.fail(indirect)
    } else {
      const { headers, method, url } = request
      const token = tokenOf(headers)
      const operator = yield* runAuthorize(authorize, {
        method,
        url,
        headers,
        token: token === undefined ? undefined : Redacted.make(token),
        remoteAddress
      })
      if (operator === undefined || operator === null) {
        return yield* Effect.fail(
          new Unauthorized({ message: "Who asks is not known here.", remedy: "send what `authorize` asks for" })
        )
      }
      caller = yield* callerOf(operator, rules)
    }
    const foreign = checkOrigin(request, rules)
    return foreign === undefined ? caller : yield* Effect.fail(foreign)
  })

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** The password of `Authorization: Basic`, as browsers send it when they are asked for one. */
const passwordOf = (headers: AccessRequest["headers"]): string | undefined => {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(headers["authorization"] ?? "")?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, "base64").toString("utf8")
  const colon = text.indexOf(":")
  return colon < 0 ? undefined : text.slice(colon + 1)
}

/** An `authorize` that knows tokens by the names of those who have them. */
export const tokens = (
  known: Readonly<Record<string, Redacted.Redacted | { readonly token: Redacted.Redacted; readonly actions?: Actions }>>
): Authorize => {
  const all = Object.entries(known).map(([name, given]) => {
    const { actions = "all", token } = Redacted.isRedacted(given) ? { token: given } : given
    return { operator: { name, actions }, digest: digest(Redacted.value(token)) }
  })
  const authorize = ({ headers, token }: AccessRequest): Operator | undefined => {
    const told = token === undefined ? passwordOf(headers) : Redacted.value(token)
    if (told === undefined || told === "") return undefined
    const own = digest(told)
    // Each is compared, so that the time tells nothing.
    return all.filter((one) => timingSafeEqual(one.digest, own))[0]?.operator
  }
  return Object.assign(authorize, { challenge: "Basic realm=\"effect-pogo\", charset=\"UTF-8\"" })
}
