/**
 * Values as the texts of errors show them.
 *
 * @internal
 */

/** A rendering; `undefined` if it throws. */
const attempt = (render: () => string | undefined): string | undefined => {
  try {
    return render()
  } catch {
    return undefined
  }
}

/** A value as text of at most 123 characters. Never throws, though a value of somebody else's may when it is rendered. */
export const describe = (value: unknown): string => {
  const json = typeof value === "string" || typeof value === "object" ? attempt(() => JSON.stringify(value)) : undefined
  const text = json ?? attempt(() => String(value)) ?? typeof value
  return text.length > 120 ? `${text.slice(0, 120)}...` : text
}
