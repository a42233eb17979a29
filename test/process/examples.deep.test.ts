/**
 * Examples with kills and losses of data, and one that is looked at from outside.
 */
import { expect, it } from "@effect/vitest"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { example } from "./support/example.js"

it("counter: what was acknowledged was counted, nothing twice, through kills, drains and pauses", async () => {
  const lines = (await example("counter/demo.ts", { args: ["2"] })).trim().split("\n")
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ duplicates: 0, lost: 0, denied: 0 })
})

it("partition-consumers: no acknowledged offset goes back, through kills, a freeze and a loss of all data", async () => {
  expect(await example("partition-consumers/demo.ts")).toMatch(/ 0 went back, 0 messages missed/)
})

it("service-monitor: in a rollout each monitor moves once", async () => {
  const told = await example("service-monitor/demo-rollout.ts", { env: { DEMO_PATIENCE: "20" } })
  expect(told).toMatch(/All as promised/)
})

it("traces: a call to a child of another node is one trace, seen at a collector", async () => {
  interface Span {
    readonly traceId: string
    readonly spanId: string
    readonly parentSpanId?: string
    readonly name: string
  }
  interface Export {
    readonly resourceSpans: ReadonlyArray<{
      readonly resource: { readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: object }> }
      readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
    }>
  }
  const spans: Array<Span & { readonly service: string }> = []
  const receive = ({ resourceSpans }: Export) => {
    for (const { resource, scopeSpans } of resourceSpans) {
      const { value } = resource.attributes.find(({ key }) => key === "service.name")!
      const service = (value as { readonly stringValue: string }).stringValue
      spans.push(...scopeSpans.flatMap((scope) => scope.spans).map((span) => ({ ...span, service })))
    }
  }
  // The least that a collector is: OTLP over HTTP, as JSON.
  const collector = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      if (request.url === "/v1/traces") receive(JSON.parse(Buffer.concat(chunks).toString()) as Export)
      response.setHeader("content-type", "application/json").end("{}")
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve))
  try {
    const { port } = collector.address() as AddressInfo
    expect(await example("traces.ts", { env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` } })).toContain(
      "21.5"
    )
    const root = spans.find(({ name }) => name === "GET /wine")!
    const names = new Map(spans.map((span) => [span.spanId, `${span.service}: ${span.name}`]))
    const path = (span: Span | undefined): ReadonlyArray<string> =>
      span === undefined
        ? []
        : [...path(spans.find(({ spanId }) => spanId === span.parentSpanId)), names.get(span.spanId)!]
    const leaf = spans.find(({ name }) => name === "ask the sensor")!
    expect(leaf.traceId).toBe(root.traceId)
    expect(path(leaf)).toEqual([
      "front: GET /wine",
      "front: call Thermometer.celsius",
      "cellar: Thermometer.celsius",
      "cellar: ask the sensor"
    ])
  } finally {
    collector.close()
  }
})
