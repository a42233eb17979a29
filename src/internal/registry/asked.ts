/**
 * Who asked for what a command does, and why: the history tells it in place of the command's sender.
 *
 * @internal
 */

/** Who asked, and why. */
export interface AskedBy {
  /** Percent-encoded. */
  readonly by: string
  readonly reason: string
}

/** A command's envelope, with who asked for it where its arguments say that. */
export const withAsked = <E extends { readonly by?: string | undefined; readonly reason?: string | undefined }>(
  envelope: E,
  args: object
): E => {
  const { asked } = args as { readonly asked?: AskedBy | undefined }
  return asked === undefined ? envelope : { ...envelope, by: asked.by, reason: asked.reason }
}
