/**
 * Directives as a node knows them. Within an era the registry is right; across a loss of its data the higher stamp wins,
 * and what this node knows better is given back.
 *
 * @internal
 */
import type { DirectiveItem, Fact } from "../registry/commands.js"
import { type DirectiveRecord, parseDirective } from "../registry/state.js"

/** Directive that a node knows. */
export interface KnownDirective extends DirectiveRecord {
  readonly raw: string
  /** Counter value up to which it is known to stand. */
  readonly knownAt: number
}

/** Reads a text that a record holds percent-encoded. One of another form is shown as it is. */
export const decodeText = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Directives of a scope, by node name. */
export class KnownDirectives {
  private readonly known = new Map<string, KnownDirective>()
  /** Names of which this node knows better than the registry, until that is given back. */
  private readonly unmerged = new Set<string>()
  /** Counter value of the newest complete read. */
  readAt = 0

  /** The newest directive for a name; it may be an undo. */
  of(name: string): KnownDirective | undefined {
    return this.known.get(name)
  }

  /**
   * Takes over all that the registry told when its counter stood at `at`. `merging`: its data set is new, and has not
   * been given back yet what this node remembers.
   */
  update(items: ReadonlyArray<DirectiveItem>, at: number, merging: boolean): void {
    const told = new Set<string>()
    for (const { name, record } of items) {
      const known = this.known.get(name)
      const directive = parseDirective(record)
      if (directive === undefined) continue
      if (known !== undefined && known.stamp > directive.stamp && (merging || at < known.knownAt)) continue
      told.add(name)
      this.known.set(name, { ...directive, raw: record, knownAt: at })
      this.unmerged.delete(name)
    }
    for (const [name, { knownAt }] of this.known) {
      if (told.has(name) || at < knownAt) continue
      if (merging) this.unmerged.add(name)
      else this.known.delete(name)
    }
    this.readAt = at
  }

  /** Takes over one record that a command returned when the counter stood at `at`. */
  learn(name: string, record: string, at: number): void {
    const directive = parseDirective(record)
    if (directive === undefined || directive.stamp < (this.known.get(name)?.stamp ?? 0)) return
    this.known.set(name, { ...directive, raw: record, knownAt: at })
    this.unmerged.delete(name)
  }

  /** Facts still to be given back. */
  get pending(): ReadonlyArray<Fact> {
    return Array.from(this.unmerged, (name) => ({ id: name, kind: "direct", value: this.known.get(name)!.raw }))
  }

  /** Notes that the registry has taken facts when its counter stood at `at`. */
  settle(facts: ReadonlyArray<Fact>, at: number): void {
    for (const { id: name, value } of facts) {
      const known = this.known.get(name)
      if (known?.raw !== value) continue
      this.known.set(name, { ...known, knownAt: at })
      this.unmerged.delete(name)
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.known.clear()
    this.unmerged.clear()
  }
}
