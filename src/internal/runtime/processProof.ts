/**
 * Proofs of being on the same machine. A node that starts on a machine finds the session of its predecessor, whose process
 * is not there. That alone proves nothing: on a copy of the machine, made while it ran, the process is not there either,
 * and goes on where it is. So each node leaves a file with random content, and publishes the digest of it. Who can read
 * that very file is where the process was.
 *
 * @internal
 */
import { createHash, randomBytes } from "node:crypto"
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** The proofs of a machine. A proof is named by the digest of its content. */
export interface ProofStore {
  /** Leaves a proof, and returns its name; `undefined` where none can be left. */
  readonly leave: () => string | undefined
  /** Whether the proof of a name is here. */
  readonly has: (name: string) => boolean
  readonly remove: (name: string) => void
}

/** Where processes cannot be told apart there is nothing to prove. */
export const noProofs: ProofStore = { leave: () => undefined, has: () => false, remove: () => {} }

const prefix = "effect-pogo-"

/** Age from which a proof is of no use any more: no lease lasts as long. Milliseconds. */
const maxAge = 24 * 3_600_000

/** Old proofs that are removed at a time. */
const maxSwept = 1_000

const digestOf = (content: Buffer): string => createHash("sha256").update(content).digest("hex")

/** Does something with a file; where that cannot be done, there is no proof. */
const attempt = <A, B>(act: () => A, otherwise: B): A | B => {
  try {
    return act()
  } catch {
    return otherwise
  }
}

/** Proofs in a folder, which others may write to as well. */
export class Proofs implements ProofStore {
  constructor(private readonly folder: string) {}

  private pathOf(name: string): string {
    return join(this.folder, `${prefix}${name}`)
  }

  leave(): string | undefined {
    return attempt(() => {
      const content = randomBytes(32)
      const name = digestOf(content)
      // Fails if the file is there: it would be somebody else's.
      writeFileSync(this.pathOf(name), content, { flag: "wx", mode: 0o600 })
      this.sweep()
      return name
    }, undefined)
  }

  has(name: string): boolean {
    return /^[0-9a-f]{64}$/.test(name) && attempt(() => digestOf(readFileSync(this.pathOf(name))) === name, false)
  }

  remove(name: string): void {
    attempt(() => rmSync(this.pathOf(name), { force: true }), undefined)
  }

  /** Removes what processes left that were killed long ago. */
  private sweep(): void {
    const old = Date.now() - maxAge
    const names = readdirSync(this.folder).filter((name) => name.startsWith(prefix)).slice(0, maxSwept)
    for (const name of names) {
      const path = join(this.folder, name)
      attempt(() => statSync(path).mtimeMs < old && rmSync(path), undefined)
    }
  }
}
