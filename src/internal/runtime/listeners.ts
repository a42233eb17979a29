/**
 * Those who are told of news of single children.
 *
 * @internal
 */
import type { Listeners } from "./waitUntil.js"

/** @internal */
export class Watchers {
  private readonly byId = new Map<string, Set<() => void>>()

  /** `began` is told when somebody begins to watch. */
  constructor(private readonly began: () => void) {}

  /** The place for listeners of one child. Both of its steps are one: nothing can come between them. */
  of(id: string): Listeners {
    return {
      add: (listener) => {
        const listeners = this.byId.get(id)
        if (listeners === undefined) this.byId.set(id, new Set([listener]))
        else listeners.add(listener)
        this.began()
      },
      delete: (listener) => {
        const listeners = this.byId.get(id)
        listeners?.delete(listener)
        if (listeners?.size === 0) this.byId.delete(id)
      }
    }
  }

  tell(id: string): void {
    for (const listener of this.byId.get(id) ?? []) listener()
  }

  tellAll(): void {
    for (const listeners of Array.from(this.byId.values())) for (const listener of listeners) listener()
  }

  /** How many children somebody watches. */
  get size(): number {
    return this.byId.size
  }
}
