/**
 * Metrics as Prometheus' text: the names of this package's metrics, and what names, labels and values may hold.
 */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Metric, MetricBoundaries, MetricLabel } from "effect"
import { PogoMetrics } from "effect-pogo"
import { metricsText } from "../../src/internal/http/prometheus.js"
import { type PromFamily, readPrometheus } from "./promText.js"
import { touchAll } from "./touchMetrics.js"

/** The families of all metrics as they are now. */
const read = Effect.map(Metric.snapshot, (pairs) => readPrometheus(metricsText(pairs)))

const samplesOf = (families: ReadonlyMap<string, PromFamily>, name: string, label: string, value: string) =>
  families.get(name)?.samples.filter(({ labels }) => labels[label] === value) ?? []

describe("Prometheus", () => {
  it.effect("tells every metric of this package, by names as the convention has them", () =>
    Effect.gen(function*() {
      yield* touchAll("all of them")
      const families = yield* read
      const told = Array.from(families)
        .filter(([, { samples }]) => samples.some(({ labels }) => labels["scope"] === "all of them"))
        .map(([name, { type }]) => `${name} ${type}`)
      expect(told).toHaveLength(Object.keys(PogoMetrics).length)
      expect(told).toEqual([
        "pogo_call_latency_seconds histogram",
        "pogo_calls_in_flight gauge",
        "pogo_calls_serving gauge",
        "pogo_calls_total counter",
        "pogo_calls_served_total counter",
        "pogo_child_failures_total counter",
        "pogo_child_moves_total counter",
        "pogo_child_overdue_total counter",
        "pogo_child_restarts_total counter",
        "pogo_child_starts_total counter",
        "pogo_children gauge",
        "pogo_children_held_back_total counter",
        "pogo_claims gauge",
        "pogo_connections_total counter",
        "pogo_history_dropped_total counter",
        "pogo_lease_remaining_seconds gauge",
        "pogo_leases_lost_total counter",
        "pogo_nodes gauge",
        "pogo_reconciles_total counter",
        "pogo_registry_failures_total counter",
        "pogo_scope_children gauge",
        "pogo_serve_latency_seconds histogram",
        "pogo_state_writes_total counter"
      ].sort())
      for (const [name, { help }] of families) if (name.startsWith("pogo_")) expect(help).not.toMatch(/millisecond/)
    }))

  it.effect("keeps hostile names, labels and helps from breaking a line", () =>
    Effect.gen(function*() {
      const evil = "a\"b\\c\nd} 1\n# TYPE x counter\uD800"
      const counter = Metric.counter("9 evil-name\n", { description: "line\nnext \\ \"x\"", incremental: true })
      counter.unsafeUpdate(1, [MetricLabel.make("__name__", "x"), MetricLabel.make("0-\nkey", evil)])
      const families = yield* read
      const family = families.get("_9_evil_name__total")
      expect(family).toMatchObject({ type: "counter", help: "line\nnext \\ \"x\"" })
      expect(family?.samples[0]?.labels).toEqual({ tag___name__: "x", _0__key: evil.toWellFormed() })
    }))

  it.effect("has cumulative buckets that end in +Inf, a sum and a count", () =>
    Effect.gen(function*() {
      const sizes = Metric.tagged(Metric.histogram("t_sizes", MetricBoundaries.fromIterable([1, 10])), "le", "taken")
      for (const size of [0.5, 1, 7, 100, 1_000]) yield* Metric.update(sizes, size)
      const found = samplesOf(yield* read, "t_sizes", "tag_le", "taken")
      expect(found.map(({ labels, name, value }) => [name, labels["le"], value])).toEqual([
        ["t_sizes_bucket", "1", 2],
        ["t_sizes_bucket", "10", 3],
        ["t_sizes_bucket", "+Inf", 5],
        ["t_sizes_sum", undefined, 1_108.5],
        ["t_sizes_count", undefined, 5]
      ])
    }))

  it.effect("tells Effect's timers in seconds", () =>
    Effect.gen(function*() {
      const timer = Metric.timerWithBoundaries("t_work", [0.3, 250])
      yield* Metric.update(timer, Duration.millis(100))
      const family = (yield* read).get("t_work_seconds")
      expect(family?.samples.map(({ labels, value }) => [labels, value])).toEqual([
        [{ le: "0.0003" }, 0],
        [{ le: "0.25" }, 1],
        [{ le: "+Inf" }, 1],
        [{}, 0.1],
        [{}, 1]
      ])
    }))

  it.effect("tells counters that may fall as gauges, frequencies by their words, summaries by quantiles", () =>
    Effect.gen(function*() {
      yield* Metric.incrementBy(Metric.counter("t_open"), -3)
      yield* Metric.incrementBy(Metric.counter("t_big", { bigint: true, incremental: true }), 2n ** 60n)
      yield* Metric.update(Metric.frequency("t_words"), "a \"word\"")
      const summary = { name: "t_ages", maxAge: "1 day", maxSize: 10, error: 0, quantiles: [0.5, 0.99] } as const
      yield* Metric.update(Metric.summary(summary), 7)
      yield* Metric.set(Metric.gauge("t_level"), -Infinity)
      const families = yield* read
      expect(families.get("t_open")).toMatchObject({ type: "gauge", samples: [{ value: -3 }] })
      expect(families.get("t_big_total")).toMatchObject({ type: "counter", samples: [{ value: 2 ** 60 }] })
      expect(families.get("t_words_total")?.samples).toEqual([
        { name: "t_words_total", labels: { value: "a \"word\"" }, value: 1 }
      ])
      expect(families.get("t_ages")?.type).toBe("summary")
      expect(families.get("t_ages")?.samples.map(({ labels }) => labels["quantile"])).toEqual([
        "0.5",
        "0.99",
        undefined,
        undefined
      ])
      expect(families.get("t_level")?.samples).toMatchObject([{ value: -Infinity }])
    }))

  it.effect("tells one type of a name, and a series once", () =>
    Effect.gen(function*() {
      yield* Metric.set(Metric.gauge("t_same-name"), 1)
      yield* Metric.set(Metric.gauge("t_same.name"), 2)
      yield* Metric.update(Metric.histogram("t_same name", MetricBoundaries.fromIterable([1])), 3)
      expect((yield* read).get("t_same_name")).toMatchObject({ type: "gauge", samples: [{ name: "t_same_name" }] })
    }))
})
