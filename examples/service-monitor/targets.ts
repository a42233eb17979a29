/**
 * Which services are monitored: those that are named on the command line, else those of `services.json`, which are
 * served right here.
 */
import { Data, Duration, Effect, Schema, type Scope } from "effect"
import { readFileSync } from "node:fs"
import { serve, Service } from "./servers.js"

export interface Target {
  readonly name: string
  readonly url: string
  readonly every: Duration.Duration
}

export class BadUrl extends Data.TaggedError("BadUrl")<{ readonly text: string }> {
  override get message(): string {
    return `cannot monitor "${this.text}": give http://, https:// or tcp://host:port`
  }
}

const fromUrl = (text: string): Effect.Effect<Target, BadUrl> =>
  Effect.suspend(() => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    const good = url?.protocol === "tcp:" ? url.port !== "" : /^https?:$/.test(url?.protocol ?? "")
    return url !== undefined && good
      ? Effect.succeed({ name: text, url: text, every: Duration.seconds(1) })
      : Effect.fail(new BadUrl({ text }))
  })

const Services = Schema.parseJson(Schema.Array(Service))

/** Serves the services of `services.json` on loopback until the scope is closed. */
const ownServices: Effect.Effect<ReadonlyArray<Target>, never, Scope.Scope> = Effect.gen(function*() {
  const text = readFileSync(new URL("services.json", import.meta.url), "utf8")
  const services = yield* Schema.decode(Services)(text)
  return yield* Effect.forEach(
    services,
    (service) => Effect.map(serve(service), (url) => ({ name: service.name, url, every: service.every }))
  )
}).pipe(Effect.orDie)

/** The services to monitor. `args` are URLs, each of which counts once. */
export const targetsOf = (args: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Target>, BadUrl, Scope.Scope> =>
  args.length === 0 ? ownServices : Effect.forEach(new Set(args), fromUrl)
