/**
 * Bodies of web-standard requests: bounded in size and time.
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { readBody } from "../../src/internal/http/requestBody.js"

/** A request with a body that comes in parts, and may never end. */
const streamed = (parts: ReadonlyArray<string>, ends: boolean) => {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
      if (ends) controller.close()
    }
  })
  const headers = { "content-type": "application/json; charset=utf-8" }
  const init = { method: "POST", headers, body, duplex: "half" }
  return HttpServerRequest.fromWeb(new Request("http://localhost/api/act", init as RequestInit))
}

it.effect("a body is read to its end", () =>
  Effect.gen(function*() {
    const request = yield* readBody(streamed(["{\"a\"", ":1}"], true), 7)
    expect(yield* request.json).toEqual({ a: 1 })
    expect(request.url).toBe("/api/act")
    expect(yield* Effect.flip(readBody(streamed(["{\"a\"", ":12}"], true), 7))).toMatchObject({ error: "TooLarge" })
  }))

it.effect("one that does not end in time is given up", () =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(Effect.flip(readBody(streamed(["{"], false), 100)))
    yield* TestClock.adjust("9 seconds")
    expect((yield* Fiber.poll(fiber))._tag).toBe("None")
    yield* TestClock.adjust("1 second")
    expect(yield* Fiber.join(fiber)).toMatchObject({ error: "TooSlow" })
  }))

it.effect("one that does not end at all is read no further than a little above the bound", () =>
  Effect.gen(function*() {
    const parts = Array.from({ length: 30 }, () => "x".repeat(40_000))
    expect(yield* Effect.flip(readBody(streamed(parts, false), 100))).toMatchObject({ error: "TooLarge" })
  }))
