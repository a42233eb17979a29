/** Requests to the server that serves this page. All addresses are relative: the page works below any path. */
import { withParams } from "./address.js"

/** Why there are no data: the number of the HTTP answer, or 0 if none came, and a sentence. */
export interface NoAnswer {
  readonly ok?: undefined
  readonly status: number
  readonly text: string
}

/** What came back. */
export type Answered<A> = { readonly ok: true; readonly data: A } | NoAnswer

/** How long an answer is waited for, in milliseconds. */
export const patience = 5_000

const asked = async <A>(path: string, signal?: AbortSignal, init?: RequestInit): Promise<Answered<A>> => {
  const limit = AbortSignal.timeout(patience)
  try {
    const response = await fetch(path, { ...init, signal: signal ? AbortSignal.any([signal, limit]) : limit })
    // What is no JSON, as a proxy's own page, says nothing to an operator.
    const data = await response.json().catch(() => undefined)
    const { status } = response
    const text = [data?.message || "The server answered " + status, data?.remedy ?? ""].join(" ").trim()
    return response.ok ? { ok: true, data } : { status, text }
  } catch {
    return { status: 0, text: "No answer" }
  }
}

/**
 * The address of a question.
 *
 * @param name below `api/`
 * @param params what is asked; empty ones are left out
 */
export const question = (name: string, params: { readonly [name: string]: string | number }): string =>
  withParams("api/" + name, params)

/**
 * Asks the server.
 *
 * @param path as `question` makes it
 * @param signal ends the wait
 */
export const ask = <A>(path: string, signal?: AbortSignal): Promise<Answered<A>> => asked(path, signal)

/**
 * Hands something to the server.
 *
 * @param path below the page
 * @param body becomes JSON
 */
export const post = <A>(path: string, body: unknown): Promise<Answered<A>> =>
  asked(path, undefined, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
