/**
 * Values in the words of errors.
 *
 * @internal
 */

const attempt = (tell: () => string | undefined): string | undefined => {
  try {
    return tell()
  } catch {
    return undefined
  }
}

/** A value as text, shortened. What comes from elsewhere may throw when it is told as text: this never does. */
export const describe = (value: unknown): string => {
  const json = typeof value === "string" || typeof value === "object" ? attempt(() => JSON.stringify(value)) : undefined
  const text = json ?? attempt(() => String(value)) ?? typeof value
  return text.length > 120 ? `${text.slice(0, 120)}...` : text
}
