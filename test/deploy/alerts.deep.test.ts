/**
 * Alert rules and dashboard, by Prometheus' own judgement: its promtool reads them, and fires each alert from a series.
 */
import { beforeAll, describe, expect, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stringify } from "yaml"
import { locatePromtool } from "../../.ci/promtool.mjs"
import { folder, text } from "./support.js"

let program: string

beforeAll(async () => {
  program = await locatePromtool()
})

const promtool = (cwd: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(program, args, { cwd, encoding: "utf8" })
  return { status, said: `${stdout}${stderr}` }
}

/** Runs promtool in a folder with these files. */
const among = (files: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) => {
  const cwd = mkdtempSync(join(tmpdir(), "pogo-rules-"))
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(cwd, name), content)
    return promtool(cwd, ...args)
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

const rules = join(folder, "prometheus")

describe("alert rules", () => {
  it("are read, and so is the configuration that loads them", () => {
    expect(promtool(rules, "check", "config", "prometheus.yml")).toMatchObject({ status: 0 })
  })

  it("each is fired by its series, and none at rest or in a rollout", () => {
    expect(promtool(rules, "test", "rules", "alerts.test.yml")).toMatchObject({ status: 0 })
  })

  it.each([
    [
      "an alert that looks for a status that there is not",
      "status=\"failed\"",
      "status=\"failing\"",
      "PogoChildFailed"
    ],
    ["one without patience", "for: 2m", "for: 0m", "PogoChildPending"],
    ["a counter by another name", "pogo_leases_lost_total", "pogo_lost_leases_total", "PogoLeaseLost"]
  ])("%s is noticed", (_, from, to, named) => {
    const broken = text("prometheus/alerts.yml").replaceAll(from, to)
    const { said, status } = among(
      { "alerts.yml": broken, "alerts.test.yml": text("prometheus/alerts.test.yml") },
      "test",
      "rules",
      "alerts.test.yml"
    )
    expect(status).not.toBe(0)
    expect(said).toContain(named)
  })
})

describe("the dashboard", () => {
  it("asks what Prometheus understands", () => {
    const asked = [...text("grafana/pogo.json").matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, json]) =>
      (JSON.parse(json!) as string).replaceAll("$__rate_interval", "1m")
    )
    expect(asked.length).toBeGreaterThan(20)
    const file = stringify({ groups: [{ name: "d", rules: asked.map((expr, i) => ({ record: `panel:${i}`, expr })) }] })
    expect(among({ "panels.yml": file }, "check", "rules", "panels.yml")).toMatchObject({ status: 0 })
  })
})
