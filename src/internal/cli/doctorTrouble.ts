/**
 * What the doctor finds.
 *
 * @internal
 */

/** Something that is wrong, or may become so. */
export interface Trouble {
  /** One word or two, the same for ever: for scripts. */
  readonly code: string
  /** `error`: guarantees or children suffer now. `warning`: they will, when something else happens. */
  readonly severity: "error" | "warning"
  /** What it is. */
  readonly what: string
  /** What it means. */
  readonly means: string
  /** What to do. */
  readonly remedy: string
}
