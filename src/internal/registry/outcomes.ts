/**
 * What the registry answers about one id of a command.
 *
 * @internal
 */

/** Outcome of `direct`; `record` is the stored record. */
export type DirectResult =
  | { readonly _tag: "STORED"; readonly record: string }
  /** Another directive was given since the caller had looked: nothing was changed. */
  | { readonly _tag: "NEWER"; readonly record: string }
  | { readonly _tag: "TOO_MANY" }

/** Outcome of `begin`. */
export type BeginResult =
  | { readonly _tag: "BEGUN"; readonly round: number }
  /** One with a higher fence has begun: this one is by a copy that has been replaced. Nothing was changed. */
  | { readonly _tag: "FENCED"; readonly fence: number }
  /**
   * The session that the caller named is not live, or another round than it has read of is the youngest: `round`, 0 for
   * none. Nothing was changed.
   */
  | { readonly _tag: "UNSEEN"; readonly round: number }

/** Outcome of `put` for one id; `spec` and `tomb` are the stored records. */
export type PutResult =
  | { readonly _tag: "CREATED"; readonly spec: string }
  | { readonly _tag: "SAME"; readonly spec: string }
  | { readonly _tag: "CONFLICT"; readonly spec: string }
  | { readonly _tag: "TERMINATED"; readonly tomb: string }
  | { readonly _tag: "DONE"; readonly tomb: string }
  | { readonly _tag: "ABSENT" }
  | { readonly _tag: "QUARANTINE" }
  | { readonly _tag: "MALFORMED" }

/** Outcome of `del` for one id. */
export type DelResult =
  | { readonly _tag: "GONE"; readonly tomb: string }
  | { readonly _tag: "ABSENT" }
  | { readonly _tag: "QUARANTINE" }
  | { readonly _tag: "NEWER"; readonly spec: string }
  | { readonly _tag: "MALFORMED" }

/**
 * Outcome of `claim` for one id. `birth`: of the life that the child is in. `state`: the record of its state, `null` for
 * none, `undefined` where it did not fit: `peek` tells it.
 */
export type ClaimResult =
  | {
    readonly _tag: "GRANTED"
    readonly token: number
    readonly stat: string | null
    readonly trial: string | null
    readonly birth: number
    readonly state: string | null | undefined
  }
  /** Its owner died soon after it had claimed it: it is granted to those who try it, by rounds. */
  | { readonly _tag: "TRIAL"; readonly trial: string }
  /** Its owners died too often: it is parked. */
  | { readonly _tag: "PARKED"; readonly spec: string; readonly stat: string }
  | { readonly _tag: "HELD"; readonly claim: string }
  | { readonly _tag: "STALE"; readonly spec: string }
  | { readonly _tag: "GONE" }
  | { readonly _tag: "MALFORMED" }

/** Outcome of `finish` for one id. */
export type FinishResult =
  | { readonly _tag: "ENDED"; readonly tomb: string }
  | { readonly _tag: "FAILED"; readonly spec: string }
  | { readonly _tag: "RELEASED" }
  | { readonly _tag: "FENCED" }

/**
 * Outcome of `save` for one value. `OLDER`: this version, or a later one of the same claim, is stored: as good.
 * `OVERTAKEN`: an owner with a higher token has stored another. `LOST`: the sender does not hold the claim, or this life of
 * the child is over.
 */
export type SaveResult = "STORED" | "OLDER" | "OVERTAKEN" | "LOST"
