/**
 * Names of sessions: `name#random`, where `name` is the node's.
 *
 * @internal
 */

/** The name of the node in that of a session; empty for a text of another form. */
export const nameOf = (sid: string): string => sid.slice(0, Math.max(0, sid.lastIndexOf("#")))
