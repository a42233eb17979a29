/**
 * The list of children that a node keeps as a whole set (`Pogo.exactly`), and whether there is anything new about it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { EncodedList } from "../kind/exactList.js"

/** A node's list. */
export class OwnList {
  /** Open while something that concerns the list has not been looked at. */
  readonly news = Effect.unsafeMakeLatch(true)

  constructor(readonly what: EncodedList) {}

  /** Something about a child is new. `set`: the one that it is a member of. */
  touched(id: string, set: string | undefined): void {
    const { listed, set: ours } = this.what
    if (set === ours || (listed as ReadonlyMap<string, string>).has(id)) this.news.unsafeOpen()
  }
}
