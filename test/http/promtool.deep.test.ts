/**
 * What Prometheus' own checker says of the text of all metrics.
 */
import { expect, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { spawnSync } from "node:child_process"
import { locatePromtool } from "../../.ci/promtool.mjs"
import { metricsText } from "../../src/internal/http/prometheus.js"
import { touchAll } from "./touchMetrics.js"

it.effect("is content with the text", () =>
  Effect.gen(function*() {
    const promtool = yield* Effect.promise(() => locatePromtool())
    yield* touchAll("a \"quoted\" \\ scope\n")
    const text = metricsText((yield* Metric.snapshot).filter(({ metricKey }) => metricKey.name.startsWith("pogo_")))
    const { status, stderr } = spawnSync(promtool, ["check", "metrics"], { input: text, encoding: "utf8" })
    expect([status, stderr]).toEqual([0, ""])
  }))
