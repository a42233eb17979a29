import { describe, expect, it } from "@effect/vitest"
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Proofs } from "../../../src/internal/runtime/processProof.js"

const within = (test: (folder: string, proofs: Proofs) => void) => () => {
  const folder = mkdtempSync(join(tmpdir(), "pogo-proofs-"))
  try {
    test(folder, new Proofs(folder))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe("proofs of a machine", () => {
  it(
    "are found where they were left, by their names, until they are removed",
    within((_, proofs) => {
      const name = proofs.leave()!
      expect(proofs.leave()).not.toBe(name)
      expect(proofs.has(name)).toBe(true)
      proofs.remove(name)
      expect(proofs.has(name)).toBe(false)
      proofs.remove(name)
    })
  )

  it(
    "are for nobody else to read, and nothing without their content",
    within((folder, proofs) => {
      const name = proofs.leave()!
      const [file] = readdirSync(folder) as [string]
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600)
      expect(name).not.toContain(readFileSync(join(folder, file)).toString("hex"))
      writeFileSync(join(folder, file), "made up by somebody who knows the name")
      expect(proofs.has(name)).toBe(false)
    })
  )

  it(
    "are not looked for outside of their folder",
    within((folder, proofs) => {
      writeFileSync(join(folder, "effect-pogo-x"), "x")
      for (const name of ["x", "", "../../etc/passwd", "a".repeat(63), "z".repeat(64)]) {
        expect(proofs.has(name)).toBe(false)
      }
    })
  )

  it(
    "of processes that were killed long ago are swept away; younger ones and other files stay",
    within((folder, proofs) => {
      const [old, young] = [proofs.leave()!, proofs.leave()!]
      const twoDaysAgo = new Date(Date.now() - 2 * 24 * 3_600_000)
      writeFileSync(join(folder, "another"), "")
      for (const file of ["another", `effect-pogo-${old}`]) utimesSync(join(folder, file), twoDaysAgo, twoDaysAgo)
      proofs.leave()
      expect([proofs.has(old), proofs.has(young)]).toEqual([false, true])
      expect(readdirSync(folder)).toContain("another")
    })
  )

  it("cannot be left where there is no folder", () => {
    expect(new Proofs("/nowhere/at/all").leave()).toBeUndefined()
  })
})
