/**
 * Names of scopes and nodes.
 *
 * @internal
 */

/** Rule of a name, in words. */
export const nameRule = "1 to 128 bytes, without control characters and | # { }"

/** Whether a value is a name: it is part of keys and of records, where some characters have a meaning. */
export const isName = (text: unknown): text is string =>
  typeof text === "string" && text !== "" && Buffer.byteLength(text) <= 128 && text.isWellFormed() &&
  // oxlint-disable-next-line no-control-regex
  !/[\u0000-\u001f\u007f|#{}]/.test(text)
