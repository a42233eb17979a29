/**
 * A small server for tests of the page: it serves the built page as the product does, and answers about a made-up scope.
 * Its state can be switched while a page is open.
 */
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import * as Answers from "../../../src/internal/console/answers.js"
import { childOf, childrenOf, eventsOf, nodeOf, overviewOf, previewOf, suggestionsOf } from "./madeAnswers.js"
import { type MadeScope, makeScope } from "./scope.js"

/** What the server is like. */
export interface MadeState {
  /** A scope without children, or one where all of them run; else with some in trouble, on six nodes or on thirty. */
  readonly scope: "troubled" | "empty" | "well" | "large"
  readonly readOnly: boolean
  /** The serving node has no lease. */
  readonly stale: boolean
  /** Answers do not come. */
  readonly silent: boolean
  /** Actions get no answer, or are refused. */
  readonly acts: "well" | "never" | "refused"
}

const usual: MadeState = { scope: "troubled", readOnly: false, stale: false, silent: false, acts: "well" }

/** The policy that the product sends. */
export const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"

const built = fileURLToPath(new URL("../../../dist/dashboard/", import.meta.url))

const files: { readonly [path: string]: readonly [file: string, type: string] } = {
  "": ["index.html", "text/html; charset=utf-8"],
  "app.js": ["app.js", "text/javascript; charset=utf-8"],
  "app.css": ["app.css", "text/css; charset=utf-8"]
}

/** A node of many, with the name of a pod. */
const pod = (of: MadeScope["nodes"][number], i: number): MadeScope["nodes"][number] => {
  const name = `ingest-workers-7d9f5b6c8-${(i * 7_919 + 46_656).toString(36)}`
  const { leaseLeft: _, ...node } = { ...of, name, session: `${name}#a`, self: false, cordoned: false, trouble: 0 }
  return { ...node, draining: i === 17, children: 40 + ((i * 11) % 30), sessions: [{ session: `${name}#a` }] }
}

const shaped = (scope: MadeScope, kind: MadeState["scope"]): MadeScope => {
  const [first] = scope.nodes
  if (kind === "large" && first !== undefined) {
    return { ...scope, nodes: [...scope.nodes, ...Array.from({ length: 24 }, (_, i) => pod(first, i))] }
  }
  if (kind === "empty") {
    const nodes = scope.nodes.slice(0, 1).map((node) => ({ ...node, children: 0, trouble: 0, fair: 0 }))
    return { ...scope, children: new Map(), nodes, moves: [], bursts: [] }
  }
  if (kind === "troubled") return scope
  const well = [...scope.children].filter(([, { line }]) => line.status === "Running")
  const nodes = scope.nodes.filter(({ live }) => live).map((node) => ({ ...node, trouble: 0 }))
  return { ...scope, children: new Map(well), nodes }
}

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  let text = ""
  for await (const chunk of request) text += String(chunk)
  return JSON.parse(text)
}

/** The server, and what a test does to it. */
export interface DashboardServer {
  /** Address of the page; it ends in a slash, below a path of its own. */
  readonly url: string
  readonly set: (next: Partial<MadeState>) => void
  /** Changes what is known of the scope, and tells all pages that something has changed. */
  readonly change: (alter: (scope: MadeScope) => MadeScope) => void
  /** Ends all connections, and takes none for so long as it is down. */
  readonly down: () => Promise<void>
  readonly up: () => Promise<void>
  /** What was asked to be done. */
  readonly asked: Array<unknown>
  /** Requests for data so far, by path. */
  readonly requests: Array<string>
  readonly close: () => Promise<void>
}

/**
 * Starts such a server.
 *
 * @param options a fixed `now`, in milliseconds since 1970, and what is out of the ordinary
 */
export const startDashboardServer = async (
  { now, ...given }: Partial<MadeState> & { readonly now?: number } = {}
): Promise<DashboardServer> => {
  const present = () => now ?? Date.now()
  let state = { ...usual, ...given }
  let made = makeScope(present())
  const watchers = new Set<ServerResponse>()
  const asked: Array<unknown> = []
  const requests: Array<string> = []
  const scope = () => shaped(made, state.scope)
  const staleSince = () => state.stale ? { staleSince: new Date(made.now) } : {}

  const change = () => {
    const failed = [...scope().children.values()].filter(({ line }) => line.status === "Failed").length
    const data = Schema.encodeSync(Answers.Change)({ at: new Date(present()), failed, ready: true, ...staleSince() })
    return `event: change\ndata: ${JSON.stringify(data)}\n\n`
  }
  const tell = () => {
    for (const watcher of watchers) watcher.write(change())
  }

  const answers: { readonly [name: string]: (q: URLSearchParams) => unknown } = {
    about: () =>
      Schema.encodeSync(Answers.About)({
        scope: "production",
        node: "worker-0",
        client: false,
        version: "0.3.0",
        actions: state.readOnly ? [] : Answers.actions,
        payload: !state.readOnly,
        state: !state.readOnly,
        ready: true,
        ...(state.stale
          ? {
            stale:
              `As {node worker-0} last knew it, {ago ${new Date(made.now).toISOString()}} ago: it has no lease at ` +
              "the moment and hears nothing of the others. Actions wait until it does.",
            ...staleSince()
          }
          : {})
      }),
    overview: () => Schema.encodeSync(Answers.Overview)(overviewOf(scope())),
    children: (q) =>
      Schema.encodeSync(Answers.ChildList)(childrenOf(scope(), {
        q: q.get("q") ?? "",
        sort: q.get("sort") ?? "status",
        offset: Number(q.get("offset") ?? 0),
        limit: Number(q.get("limit") ?? 50)
      })),
    child: (q) => {
      const page = childOf(scope(), q.get("id") ?? "", !state.readOnly)
      return page === undefined ? undefined : Schema.encodeSync(Answers.ChildPage)(page)
    },
    node: (q) => {
      const page = nodeOf(scope(), q.get("name") ?? "")
      return page === undefined ? undefined : Schema.encodeSync(Answers.NodePage)(page)
    },
    events: (q) =>
      Schema.encodeSync(Answers.EventList)(eventsOf(scope(), {
        q: q.get("q") ?? "",
        minute: q.get("minute") ?? undefined,
        limit: Number(q.get("limit") ?? 60)
      })),
    suggest: (q) => suggestionsOf(scope(), q.get("q") ?? "")
  }

  const json = (response: ServerResponse, status: number, body: unknown) => {
    response.writeHead(status, { "content-type": "application/json" })
    response.end(JSON.stringify(body))
  }

  const act = async (name: string, request: IncomingMessage, response: ServerResponse) => {
    const body = await bodyOf(request)
    const target = Schema.decodeUnknownSync(Answers.ActionTarget)(body)
    if (name === "preview") return json(response, 200, Schema.encodeSync(Answers.Preview)(previewOf(scope(), target)))
    asked.push(body)
    if (state.acts === "never") return
    if (state.acts === "refused") return json(response, 409, { message: "The node {worker-0} has no lease." })
    const ids = target.ids ?? []
    json(response, 200, {
      ids: ids.map((id) => ({ id, ok: true, text: "asked" })),
      text: ids.length === 1 ? `{child ${ids[0]}}: asked.` : `${ids.length} children: asked.`
    })
  }

  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost")
    const path = pathname.replace(/^\/ops\/pogo\//, "")
    const file = files[path]
    if (file !== undefined) {
      response.writeHead(200, { "content-type": file[1], "content-security-policy": policy })
      response.end(readFileSync(`${built}${file[0]}`))
      return
    }
    const name = path.replace(/^api\//, "")
    requests.push(name)
    if (state.silent) return
    if (name === "changes") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" })
      response.write(change())
      watchers.add(response)
      response.on("close", () => watchers.delete(response))
    } else if (request.method === "POST") {
      void act(name, request, response)
    } else {
      const body = answers[name]?.(searchParams)
      json(response, body === undefined ? 404 : 200, body ?? { message: "There is no such thing." })
    }
  }

  const server = createServer(serve)
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const down = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    url: `http://127.0.0.1:${port}/ops/pogo/`,
    set: (next) => {
      state = { ...state, ...next }
      tell()
    },
    change: (alter) => {
      made = alter(made)
      tell()
    },
    down,
    up: () => listen(port),
    asked,
    requests,
    close: () => server.listening ? down() : Promise.resolve()
  }
}
