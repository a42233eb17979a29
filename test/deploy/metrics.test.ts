/**
 * Every metric that a file of `deploy/` names is one of ours, under the name that Prometheus reads; and the dashboard
 * shows all that there are.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { PogoMetrics } from "effect-pogo"
import { parse } from "yaml"
import { metricsText } from "../../src/internal/http/prometheus.js"
import { files, text } from "./support.js"

/** All metrics, each counted once, as Prometheus reads them. */
const exposed = Effect.runSync(
  Effect.gen(function*() {
    for (const metric of Object.values(PogoMetrics)) yield* Metric.update<number, unknown, unknown>(metric as never, 1)
    return metricsText(yield* Metric.snapshot)
  })
)

const known = new Set([...exposed.matchAll(/^(pogo_\w+)[{ ]/gm)].map(([, name]) => name!))

/** The metrics, by the names of their types' lines: without the endings of a histogram. */
const families = [...exposed.matchAll(/^# TYPE (pogo_\w+) /gm)].map(([, name]) => name!)

/** Series named in a file. Names of files and other words have no underscore after "pogo". */
const namedIn = (file: string): ReadonlyArray<string> =>
  [...text(file).matchAll(/\bpogo_[a-z_]+\b/g)].map(([name]) => name)

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly action: string }
}

const rules = (parse(text("prometheus/alerts.yml")) as { groups: ReadonlyArray<{ rules: ReadonlyArray<Rule> }> }).groups
  .flatMap((group) => group.rules)

describe("metrics named in deploy/", () => {
  it("are ours, every one", () => {
    expect(families.length).toBe(Object.keys(PogoMetrics).length)
    const unknown = files.flatMap((file) =>
      namedIn(file).filter((name) => !known.has(name)).map((name) => `${file}: ${name}`)
    )
    expect(unknown).toEqual([])
  })

  it("are all on the dashboard", () => {
    const shown = namedIn("grafana/pogo.json").join(" ")
    expect(families.filter((name) => !shown.includes(name))).toEqual([])
  })
})

describe("alert rules", () => {
  it("each says how bad it is, what happened, and what to do", () => {
    expect(rules.length).toBeGreaterThan(10)
    for (const { annotations, labels } of rules) {
      expect(["page", "ticket"]).toContain(labels.severity)
      expect(annotations.summary).not.toBe("")
      expect(annotations.action).not.toBe("")
    }
  })

  it("each is fired by a series of the tests beside it", () => {
    const fired = new Set(
      [...text("prometheus/alerts.test.yml").matchAll(/alertname="(\w+)"/g)].map(([, name]) => name)
    )
    expect(rules.filter(({ alert }) => !fired.has(alert)).map(({ alert }) => alert)).toEqual([])
  })
})
