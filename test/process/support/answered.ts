/**
 * Questions to processes.
 */

/** Asks until it is as expected; the last answer after very long. */
export const answered = async <A>(ask: () => Promise<A>, holds: (value: A) => boolean): Promise<A> => {
  const end = performance.now() + 240_000
  for (;;) {
    const value = await ask()
    if (holds(value) || performance.now() > end) return value
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
