/**
 * Bodies of requests, read whole and within bounds before anybody looks at them, whatever server they come from.
 *
 * @internal
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InvalidRequest, type Problem, TooLarge, TooSlow, WrongType } from "./problems.js"

/** How much more than is taken is read and thrown away, bytes: whoever sends a little too much hears why. */
const tolerated = 1_000_000

/** Time for a body to come. Milliseconds. */
const bodyTime = 10_000

const tooLarge = (limit: number) =>
  new TooLarge({ message: `The body has more than ${limit} bytes.`, remedy: "send less at a time" })

const unreadable = () =>
  new InvalidRequest({ message: "The body could not be read to its end.", remedy: "send it again" })

/** The bytes of a body. */
const bytesOf = (request: HttpServerRequest.HttpServerRequest, limit: number): Effect.Effect<Uint8Array, Problem> => {
  const declared = request.headers["content-length"]
  if (declared === "0") return Effect.succeed(new Uint8Array())
  if (declared !== undefined && Number(declared) > limit) return Effect.fail(tooLarge(limit))
  const parts: Array<Uint8Array> = []
  let size = 0
  return request.stream.pipe(
    Stream.mapError(unreadable),
    Stream.runForEach((part) => {
      size += part.length
      if (size <= limit) parts.push(part)
      else parts.length = 0
      // To stop reading here is to hang up.
      return size > limit + tolerated ? Effect.fail(tooLarge(limit)) : Effect.void
    }),
    Effect.filterOrFail(() => size <= limit, () => tooLarge(limit)),
    Effect.map(() => Buffer.concat(parts)),
    Effect.timeoutFail({
      duration: bodyTime,
      onTimeout: () => new TooSlow({ message: "The body did not come in 10 seconds.", remedy: "send it again" })
    })
  )
}

const isJson = (type: string | undefined): boolean => /^application\/json *(;|$)/i.test(type ?? "")

/** The same request with its body in memory. */
export const readBody = (
  request: HttpServerRequest.HttpServerRequest,
  limit: number
): Effect.Effect<HttpServerRequest.HttpServerRequest, Problem> => {
  const { headers, method, url } = request
  if (!isJson(headers["content-type"])) {
    const remedy = "send JSON, and `Content-Type: application/json`"
    return Effect.fail(new WrongType({ message: "The body is not told to be JSON.", remedy }))
  }
  return Effect.map(bytesOf(request, limit), (body) => {
    const whole = new Request(`http://localhost${url}`, {
      method,
      body,
      headers: { "content-type": "application/json" }
    })
    return HttpServerRequest.fromWeb(whole).modify({ url, headers })
  })
}
