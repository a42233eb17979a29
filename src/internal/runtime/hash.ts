/**
 * The hash of placement. It is part of the layout version: nodes that disagree on it would disagree on who runs what.
 *
 * @internal
 */

/** The finalizer of MurmurHash3 (Austin Appleby, public domain): every input bit reaches every output bit. 32 bits. */
export const mix = (value: number): number => {
  let h = value
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  h ^= h >>> 16
  return h >>> 0
}

/** The digest of a text, to tell texts apart, not to protect them: 64 bits, as 16 hexadecimal digits. */
export const digestText = (text: string): string => {
  let a = 0x811c9dc5
  let b = 0x9e3779b9
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ code, 0x5bd1e995)
    b ^= b >>> 15
  }
  return [mix(a), mix(b ^ Math.imul(text.length, 0x9e3779b1))].map((h) => h.toString(16).padStart(8, "0")).join("")
}

/** The hash of a text: FNV-1a (Fowler, Noll and Vo) over UTF-16 code units, finished by {@link mix}. 32 bits. */
export const hashText = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i)
    h = Math.imul(h, 0x01000193)
  }
  return mix(h)
}
