/**
 * The workflows do what CONTRIBUTING.md says: nothing is published that the tests have not seen, and no token is needed.
 */
import { expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"
import { root } from "./support.js"

interface Workflow {
  readonly on: { readonly push: { readonly tags?: ReadonlyArray<string> } }
  readonly jobs: Readonly<
    Record<string, {
      readonly needs?: string
      readonly permissions?: Readonly<Record<string, string>>
      readonly steps: ReadonlyArray<{ readonly run?: string; readonly uses?: string }>
    }>
  >
}

const source = (name: string) => readFileSync(join(root, ".github", "workflows", `${name}.yml`), "utf8")

const workflow = (name: string) => parse(source(name)) as Workflow

const commands = (name: string, job: string) => workflow(name).jobs[job]!.steps.flatMap(({ run }) => run ?? [])

it("the tests come first, on the commit that is published", () => {
  const { jobs, on } = workflow("release")
  expect(on).toEqual({ push: { tags: ["v*"] } })
  expect(commands("release", "test")).toEqual(["bash .ci/run"])
  expect(jobs["publish"]!.needs).toBe("test")
  expect(commands("ci", "test")).toEqual(["bash .ci/run"])
})

it("publishing signs where the tarball comes from, and needs no secret", () => {
  expect(workflow("release").jobs["publish"]!.permissions).toEqual({ contents: "read", "id-token": "write" })
  expect(commands("release", "publish").at(-1)).toBe("npm publish --provenance --access public")
  expect(source("release")).not.toMatch(/secrets\.|https?:/)
})

it("what a tag is compared with are the version and the changesets", () => {
  const [check] = commands("release", "publish")
  expect(check).toContain("require(\"./package.json\").version")
  expect(check).toContain("find .changeset")
})
