/**
 * Metrics in the text format of Prometheus, version 0.0.4: those of this package, and all others of the process, as
 * Effect keeps them. Effect 3 has no module for it.
 *
 * @internal
 */
import type * as MetricKey from "effect/MetricKey"
import * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"

/** Content type of the format. */
export const metricsType = "text/plain; version=0.0.4; charset=utf-8"

type SeriesLabels = ReadonlyMap<string, string>

type FamilyType = "counter" | "gauge" | "histogram" | "summary"

/** All series of one name. */
interface Family {
  readonly type: FamilyType
  readonly help: string
  readonly lines: Array<string>
  /** SeriesLabels of the series that it has, as text. */
  readonly series: Set<string>
}

/** The label by which Effect's own timers say that they count in milliseconds. */
const unitLabel = "time_unit"

const inMilliseconds = ({ tags }: MetricKey.MetricKey.Untyped): boolean =>
  tags.some(({ key, value }) => key === unitLabel && value === "milliseconds")

const metricName = (name: string): string => name.replace(/[^a-zA-Z0-9_:]/g, "_").replace(/^(?=\d)|^$/, "_")

/** Names that begin with two underscores are Prometheus' own, and so are those of a histogram and a summary. */
const labelName = (name: string): string => {
  const plain = name.replace(/[^a-zA-Z0-9_]/g, "_").replace(/^(?=\d)|^$/, "_")
  return plain.startsWith("__") || plain === "le" || plain === "quantile" ? `tag_${plain}` : plain
}

const withSuffix = (name: string, suffix: string): string => (name.endsWith(suffix) ? name : `${name}${suffix}`)

const escapeHelp = (text: string): string => text.toWellFormed().replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const escapeLabel = (text: string): string => escapeHelp(text).replaceAll("\"", "\\\"")

const numberText = (value: number | bigint): string => {
  if (typeof value === "bigint" || Number.isFinite(value)) return value.toString()
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"
}

const labelsText = (labels: SeriesLabels): string => {
  if (labels.size === 0) return ""
  return `{${Array.from(labels, ([name, value]) => `${name}="${escapeLabel(value)}"`).join(",")}}`
}

const line = (name: string, labels: SeriesLabels, value: number | bigint, more?: readonly [string, string]): string =>
  `${name}${labelsText(more === undefined ? labels : new Map([...labels, more]))} ${numberText(value)}`

/** A boundary or a sum in seconds, without the last digits that a division makes. */
const toSeconds = (millis: number): number => Number((millis / 1_000).toPrecision(15))

/** What a metric becomes: its name, its type, and the lines of its series. */
interface Rendered {
  readonly name: string
  readonly type: FamilyType
  readonly lines: (labels: SeriesLabels) => ReadonlyArray<string>
}

const asCounter = (key: string, state: MetricState.MetricState.Counter<number | bigint>): Rendered => {
  const name = withSuffix(key, "_total")
  return { name, type: "counter", lines: (labels) => [line(name, labels, state.count)] }
}

const asGauge = (name: string, value: number | bigint): Rendered => ({
  name,
  type: "gauge",
  lines: (labels) => [line(name, labels, value)]
})

const asFrequency = (key: string, { occurrences }: MetricState.MetricState.Frequency): Rendered => {
  const name = withSuffix(key, "_total")
  return {
    name,
    type: "counter",
    lines: (labels) => Array.from(occurrences, ([word, count]) => line(name, labels, count, ["value", word]))
  }
}

const asHistogram = (
  key: string,
  { buckets, count, sum }: MetricState.MetricState.Histogram,
  millis: boolean
): Rendered => {
  const name = millis ? withSuffix(key, "_seconds") : key
  const unit = millis ? toSeconds : (value: number) => value
  return {
    name,
    type: "histogram",
    lines: (labels) => [
      ...Array.from(buckets)
        .filter(([boundary]) => Number.isFinite(boundary))
        .map(([boundary, upTo]) => line(`${name}_bucket`, labels, upTo, ["le", numberText(unit(boundary))])),
      line(`${name}_bucket`, labels, count, ["le", "+Inf"]),
      line(`${name}_sum`, labels, unit(sum)),
      line(`${name}_count`, labels, count)
    ]
  }
}

const asSummary = (name: string, { count, quantiles, sum }: MetricState.MetricState.Summary): Rendered => ({
  name,
  type: "summary",
  lines: (labels) => [
    ...Array.from(
      quantiles,
      ([quantile, value]) => line(name, labels, Option.getOrElse(value, () => NaN), ["quantile", numberText(quantile)])
    ),
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, count)
  ]
})

const render = ({ metricKey: key, metricState: state }: MetricPair.MetricPair.Untyped): Rendered | undefined => {
  const name = metricName(key.name)
  const { keyType } = key
  if (MetricState.isCounterState(state)) {
    // A counter that may go down is none to Prometheus.
    const grows = MetricKeyType.isCounterKey(keyType) && keyType.incremental
    return grows ? asCounter(name, state) : asGauge(name, state.count)
  }
  if (MetricState.isGaugeState(state)) return asGauge(name, state.value)
  if (MetricState.isFrequencyState(state)) return asFrequency(name, state)
  if (MetricState.isHistogramState(state)) return asHistogram(name, state, inMilliseconds(key))
  if (MetricState.isSummaryState(state)) return asSummary(name, state)
  return undefined
}

const labelsOf = (key: MetricKey.MetricKey.Untyped, { type }: Rendered): SeriesLabels => {
  const told = type === "histogram" && inMilliseconds(key)
  const tags = key.tags.filter((tag) => !(told && tag.key === unitLabel))
  return new Map(tags.map((tag) => [labelName(tag.key), tag.value] as const).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * The text of metrics, by name. Counters end in `_total`; Effect's timers, and what else is tagged as milliseconds, are
 * told in seconds and end in `_seconds`. Of two that would be the same series, or of one name and two types, the first
 * is told.
 */
export const metricsText = (pairs: ReadonlyArray<MetricPair.MetricPair.Untyped>): string => {
  const families = new Map<string, Family>()
  for (const pair of pairs) {
    const rendered = render(pair)
    if (rendered === undefined) continue
    const { metricKey: key } = pair
    let family = families.get(rendered.name)
    if (family === undefined) {
      const help = Option.getOrElse(key.description, () => key.name)
      family = { type: rendered.type, help, lines: [], series: new Set() }
      families.set(rendered.name, family)
    }
    const labels = labelsOf(key, rendered)
    const series = labelsText(labels)
    if (family.type !== rendered.type || family.series.has(series)) continue
    family.series.add(series)
    family.lines.push(...rendered.lines(labels))
  }
  return Array.from(families)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { help, lines, type }]) =>
      `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join("\n")}\n`
    )
    .join("")
}
