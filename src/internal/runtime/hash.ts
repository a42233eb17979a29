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

/** The hash of a text: FNV-1a (Fowler, Noll and Vo) over UTF-16 code units, finished by {@link mix}. 32 bits. */
export const hashText = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i)
    h = Math.imul(h, 0x01000193)
  }
  return mix(h)
}
