/**
 * A scope behind the HTTP interface of one of its processes.
 *
 * @internal
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ChildSpec } from "../../ChildSpec.js"
import { HistoryEntry, type HistoryOptions } from "../../PogoHistory.js"
import * as PogoHttp from "../../PogoHttp.js"
import type { ReconcilePlan } from "../reconcileErrors.js"
import { printError } from "../runtime/userCode.js"
import { Failed, LostAnswer, NotFound, Unreachable, Usage } from "./failures.js"
import type { HttpPlace } from "./place.js"
import type { HttpFailure, ScopeConsole, ScopeSource } from "./source.js"

/** How long an answer may take. */
const patience = "15 seconds"

/** What an answer of the interface says that is no success. */
interface HttpProblem {
  readonly error: string
  readonly message: string
  readonly remedy: string
}

const isProblem = (failure: unknown): failure is HttpProblem =>
  typeof failure === "object" && failure !== null && "remedy" in failure && "error" in failure && "message" in failure

const withRemedy = ({ message, remedy }: HttpProblem): string => {
  const text = message.replace(/\.$/, "")
  return remedy === "" ? text : `${text}; ${remedy.replace(/\.$/, "")}`
}

const ofProblem = (problem: HttpProblem): HttpFailure => {
  const sentence = withRemedy(problem)
  switch (problem.error) {
    case "InvalidRequest":
    case "TooLarge":
    case "WrongType":
      return new Usage({ sentence })
    case "NotFound":
      return new NotFound({ sentence })
    case "Unavailable":
      return new Unreachable({ sentence })
    case "Unanswered":
      return new LostAnswer({ sentence })
    default:
      return new Failed({ sentence })
  }
}

/** What went wrong with a request, in a sentence. */
const failureOf = (url: string) => (failure: unknown): HttpFailure => {
  if (isProblem(failure)) return ofProblem(failure)
  const tag = (failure as { readonly _tag?: string } | undefined)?._tag
  if (tag === "RequestError") {
    const { cause } = failure as { readonly cause?: { readonly cause?: unknown } }
    const why = printError(cause?.cause ?? cause ?? failure, 200)
    return new Unreachable({
      sentence: `nothing answers at ${url}: ${why}; is it running, and does it serve PogoHttp there?`
    })
  }
  return new Unreachable({
    sentence:
      `what answers at ${url} is not the HTTP interface of this version of effect-pogo; correct --http, which is ` +
      "where PogoHttp is mounted"
  })
}

/** Fields that are set: the interface takes none that are undefined. */
const given = <A extends object>(fields: A): { readonly [K in keyof A]?: Exclude<A[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never

const inputOf = ({ key, kind, payload, prefers, requires, restart, shutdown, type, version }: ChildSpec) => ({
  kind,
  key,
  ...given({ version, payload, type, restart, shutdown, requires, prefers })
})

const sinceOf = (since: HistoryOptions["since"]): Effect.Effect<Date | undefined> =>
  since === undefined || since instanceof Date
    ? Effect.succeed(since)
    : Effect.map(Clock.currentTimeMillis, (now) => new Date(now - Duration.toMillis(since)))

const decodeEntry = Schema.decode(Schema.parseJson(HistoryEntry))

/** How often a connection that broke off is tried anew, and for how long. */
const comingBack = Schedule.spaced("1 second").pipe(Schedule.upTo("1 minute"))

const brokenOff = new Unreachable({ sentence: "the server ended the stream of what happens, and did not come back" })

/** The data of events `entry`, with the id by which a reader goes on behind them; empty for none. */
const entriesIn = <E, R>(lines: Stream.Stream<string, E, R>) =>
  lines.pipe(
    Stream.mapAccum({ event: "", id: "" }, (read, line) => {
      const [, field, value = ""] = /^(event|id|data): (.*)$/.exec(line) ?? []
      return field === "data" && read.event === "entry"
        ? [read, Option.some({ id: read.id, data: value })]
        : [field === "event" || field === "id" ? { ...read, [field]: value } : read, Option.none()]
    }),
    Stream.filterMap((entry) => entry)
  )

/** What happens from now on. A connection that breaks off is made anew, and goes on where it was. */
const entriesOf = (url: string, token: Redacted.Redacted | undefined) =>
  Stream.unwrap(Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    let connected = false
    let last = ""
    const open = Effect.gen(function*() {
      const request = HttpClientRequest.get(`${url}/api/stream`).pipe(
        HttpClientRequest.setHeader("sec-fetch-site", "same-origin"),
        HttpClientRequest.setHeaders(last === "" ? {} : { "last-event-id": last }),
        token === undefined ? (same) => same : HttpClientRequest.bearerToken(token)
      )
      const { status, stream } = yield* client.execute(request)
      if (connected && status === 503) return yield* brokenOff
      if (status !== 200) {
        return yield* new Failed({ sentence: `${url} does not tell what happens: it answered ${status}` })
      }
      connected = true
      return stream.pipe(Stream.decodeText(), Stream.splitLines)
    })
    return entriesIn(Stream.unwrap(open)).pipe(
      Stream.mapEffect(({ data, id }) => Effect.map(decodeEntry(data), (entry) => ({ entry, id }))),
      Stream.map(({ entry, id }) => {
        last = id
        return entry
      }),
      Stream.concat(Stream.fail(brokenOff)),
      Stream.retry(Schedule.whileInput(comingBack, (failure) => connected && !(failure instanceof Failed)))
    )
  }))

const onlyPlans = "the HTTP interface shows what a reconcile would do, and does not do it; to do it, give --redis in " +
  "place of --http"

type HttpConsole = Effect.Effect.Success<ReturnType<typeof PogoHttp.client>>

/** Bounds requests, and says in a sentence what went wrong with one. */
const makeAsker = (url: string) => {
  const orFail = failureOf(url)
  const bounded = <A, E>(request: Effect.Effect<A, E>, late: HttpFailure): Effect.Effect<A, HttpFailure> =>
    Effect.timeoutFail(Effect.mapError(request, orFail), { duration: patience, onTimeout: () => late })
  const silence = `${url} did not answer within ${patience}`
  const ask = <A, E>(request: Effect.Effect<A, E>) => bounded(request, new Unreachable({ sentence: silence }))
  return {
    orFail,
    ask,
    /** For what changes something. */
    change: <A, E>(request: Effect.Effect<A, E>) =>
      bounded(
        request,
        new LostAnswer({ sentence: `${silence}: it may or may not have been done; to ask again is safe` })
      ),
    /** `None` for what is not there. */
    find: <A, E>(request: Effect.Effect<A, E>): Effect.Effect<Option.Option<A>, HttpFailure> =>
      Effect.catchAll(
        Effect.asSome(ask(request)),
        (failure) => failure._tag === "NotFound" ? Effect.succeedNone : Effect.fail(failure)
      )
  }
}

type Asker = ReturnType<typeof makeAsker>

const consoleOf = (client: HttpConsole, { ask, change, find }: Asker): ScopeConsole => ({
  overview: ask(client.overview()),
  children: ({ limit, offset, q, sort }) =>
    ask(client.children({ urlParams: given({ q, sort: sort as "id" | undefined, offset, limit }) })),
  child: (id) => find(client.child({ urlParams: { id } })),
  node: (name) => find(client.node({ urlParams: { name } })),
  events: ({ limit, minute, q }) => ask(client.events({ urlParams: given({ q, minute, limit }) })),
  plan: ({ add, drain, remove }) =>
    ask(client.plan({
      payload: {
        drain,
        remove,
        add: add.map(({ kinds, labels, name, weight }) => ({ name, ...given({ kinds, labels, weight }) }))
      }
    })),
  preview: (target) => ask(client.preview({ payload: target })),
  act: (target, { reason }) => change(client.act({ payload: { ...target, ...given({ reason }) } }))
})

/** Asks the process for the scope; fails where it does not answer. */
export const openHttp = ({ token, url }: HttpPlace): Effect.Effect<ScopeSource, HttpFailure> =>
  Effect.gen(function*() {
    const client = yield* PogoHttp.client(url, { token })
    const http = yield* HttpClient.HttpClient
    const asker = makeAsker(url)
    const { ask, change, orFail } = asker
    const { scope } = yield* ask(client.about())
    const source: ScopeSource = {
      scope,
      by: "",
      console: consoleOf(client, asker),
      history: (id, { limit, since }) =>
        Effect.flatMap(
          sinceOf(since),
          (from) => ask(client.history({ urlParams: given({ id, since: from, limit }) }))
        ),
      happenings: entriesOf(url, token).pipe(
        Stream.provideService(HttpClient.HttpClient, http),
        Stream.mapError((failure) => failure instanceof Failed || failure === brokenOff ? failure : orFail(failure))
      ),
      start: (spec, reason) =>
        Effect.map(
          change(client.startChild({ payload: { ...inputOf(spec), ...given({ reason }) } })),
          ({ result }) => ({ _tag: result })
        ),
      replace: (spec, reason) =>
        Effect.map(
          change(client.replaceChild({ payload: { ...inputOf(spec), ...given({ reason }) } })),
          ({ result }) => ({ _tag: result })
        ),
      onlyPlans,
      reconcile: (kind, specs, { dryRun, set }) =>
        dryRun === true
          ? Effect.map(
            ask(client.reconcile({ payload: { kind, ...given({ set }), specs: specs.map(inputOf) } })),
            (plan) => plan as ReconcilePlan
          )
          : Effect.fail(new Failed({ sentence: onlyPlans }))
    }
    return source
  }).pipe(Effect.provide(FetchHttpClient.layer))
