/**
 * The version of this package. A test compares it with `package.json`, which a bundle does not have at hand.
 *
 * @internal
 */
export const packageVersion = "0.1.0"
