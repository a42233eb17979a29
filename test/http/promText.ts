/**
 * A strict reader of Prometheus' text format, version 0.0.4: it takes what the format's page allows, and nothing else.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface PromFamily {
  readonly type: string
  readonly help: string
  readonly samples: Array<Sample>
}

const unescape = (text: string): string =>
  text.replace(/\\(.?)/g, (_, one: string) => {
    if (one === "n") return "\n"
    if (one === "\\" || one === "\"") return one
    throw new Error(`bad escape \\${one}`)
  })

const readLabels = (text: string): Record<string, string> => {
  const labels: Record<string, string> = {}
  let rest = text
  while (rest !== "") {
    const found = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/.exec(rest)
    if (found === null) throw new Error(`bad labels: ${rest}`)
    const [whole, name = "", value = ""] = found
    if (name.startsWith("__")) throw new Error(`reserved label ${name}`)
    if (name in labels) throw new Error(`label twice: ${name}`)
    labels[name] = unescape(value)
    rest = rest.slice(whole.length)
  }
  return labels
}

const readValue = (text: string): number => {
  if (text === "+Inf") return Infinity
  if (text === "-Inf") return -Infinity
  if (text === "NaN") return NaN
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw new Error(`bad value ${text}`)
  return Number(text)
}

/** The names that the samples of a family may have. */
const namesOf = (family: string, type: string): ReadonlyArray<string> =>
  type === "histogram"
    ? ["_bucket", "_sum", "_count"].map((suffix) => family + suffix)
    : type === "summary"
    ? ["", "_sum", "_count"].map((suffix) => family + suffix)
    : [family]

/** Buckets only grow, the last is `+Inf`, and it is the count. */
const checkHistogram = (name: string, samples: ReadonlyArray<Sample>): void => {
  const byLabels = new Map<string, Array<Sample>>()
  for (const sample of samples) {
    const { le: _, ...others } = sample.labels
    const key = JSON.stringify(others)
    byLabels.set(key, [...byLabels.get(key) ?? [], sample])
  }
  for (const [key, series] of byLabels) {
    const buckets = series.filter((one) => one.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => readValue(labels["le"] ?? ""))
    const counts = buckets.map(({ value }) => value)
    const count = series.find((one) => one.name === `${name}_count`)?.value
    const grows = (values: ReadonlyArray<number>, strictly: boolean) =>
      values.every((value, i) => i === 0 || value > values[i - 1]! || (!strictly && value === values[i - 1]))
    if (bounds.at(-1) !== Infinity || !grows(bounds, true) || !grows(counts, false) || counts.at(-1) !== count) {
      throw new Error(`bad histogram ${name}${key}`)
    }
    if (!series.some((one) => one.name === `${name}_sum`)) throw new Error(`no sum of ${name}${key}`)
  }
}

/** Reads a text; throws where it breaks a rule. */
export const readPrometheus = (text: string): ReadonlyMap<string, PromFamily> => {
  const families = new Map<string, PromFamily>()
  const seen = new Set<string>()
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line does not end")
  const lines = text.split("\n").slice(0, -1)
  for (let i = 0; i < lines.length;) {
    const [, name = "", help = ""] = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(lines[i]!) ?? []
    const [, again, type = ""] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(lines[i + 1] ?? "") ?? []
    if (name === "" || again !== name) throw new Error(`not HELP and TYPE of one name: ${lines[i]}`)
    if (families.has(name)) throw new Error(`family twice: ${name}`)
    const family: PromFamily = { type, help: unescape(help), samples: [] }
    families.set(name, family)
    for (i += 2; i < lines.length && !lines[i]!.startsWith("#"); i++) {
      const found = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(lines[i]!)
      if (found === null) throw new Error(`bad sample: ${lines[i]}`)
      const [, sample = "", labels = "", value = ""] = found
      if (!namesOf(name, type).includes(sample)) throw new Error(`${sample} is none of ${name}`)
      const read = { name: sample, labels: readLabels(labels), value: readValue(value) }
      const series = JSON.stringify([read.name, Object.entries(read.labels).sort(([a], [b]) => (a < b ? -1 : 1))])
      if (seen.has(series)) throw new Error(`series twice: ${lines[i]}`)
      seen.add(series)
      family.samples.push(read)
    }
    if (type === "counter" && !name.endsWith("_total")) throw new Error(`${name} does not end in _total`)
    if (type === "histogram") checkHistogram(name, family.samples)
  }
  return families
}
