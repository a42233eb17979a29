/**
 * Checks the structure of a MessagePack value before it is decoded. `msgpackr` allocates an array as long as its header
 * says, before it reads any element: 15 bytes of nested array headers from a stranger took 760 MiB. The check walks over
 * the bytes, allocates nothing that their lengths ask for, and limits nesting and extension types.
 *
 * @internal
 */

/** The deepest nesting: a decoder calls itself for each level. */
const maxDepth = 128

/** The accepted extension types, with the longest payload of each, bytes: `undefined`, bigints, dates. */
const extensions: { readonly [type: number]: number } = { 0x00: 1, 0x42: 1_024, 0xff: 12 }

/** The error of sending a value that the peer would refuse. */
export const unsafeValue = `values may be nested ${maxDepth} deep, and big integers have ${extensions[0x42]} bytes`

/** The number of bytes that follow the first one of a scalar, by that byte. */
const scalars: { readonly [byte: number]: number } = {
  0xc0: 0,
  0xc2: 0,
  0xc3: 0,
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8
}

/** Walks over the values of one frame. */
class Scanner {
  private at = 0

  constructor(private readonly bytes: Uint8Array) {}

  /**
   * Reads an unsigned integer of `size` bytes. It is infinite where the bytes end before, so that what it counts is missing
   * as well.
   */
  private number(size: number): number {
    if (this.at + size > this.bytes.length) return Infinity
    let value = 0
    for (let i = 0; i < size; i++) value = value * 256 + this.bytes[this.at++]!
    return value
  }

  private skip(size: number): boolean {
    this.at += size
    return this.at <= this.bytes.length
  }

  private extension(size: number): boolean {
    const limit = extensions[this.number(1)]
    return limit !== undefined && size <= limit && this.skip(size)
  }

  /** Reads the head of a value. Returns the number of values that it contains, or -1 for one that is not safe. */
  private step(): number {
    const byte = this.number(1)
    if (byte <= 0x7f || (byte >= 0xe0 && byte <= 0xff)) return 0
    if (byte <= 0x8f) return (byte & 15) * 2
    if (byte <= 0x9f) return byte & 15
    if (byte <= 0xbf) return this.skip(byte & 31) ? 0 : -1
    const scalar = scalars[byte]
    if (scalar !== undefined) return this.skip(scalar) ? 0 : -1
    return this.long(byte)
  }

  /** `step` for a head with a length of its own. The length of binary and text takes 1, 2 or 4 bytes. */
  private long(byte: number): number {
    if (byte >= 0xc4 && byte <= 0xc6) return this.skip(this.number(1 << (byte - 0xc4))) ? 0 : -1
    if (byte >= 0xd9 && byte <= 0xdb) return this.skip(this.number(1 << (byte - 0xd9))) ? 0 : -1
    if (byte === 0xdc || byte === 0xdd) return this.number(byte === 0xdc ? 2 : 4)
    if (byte === 0xde || byte === 0xdf) return this.number(byte === 0xde ? 2 : 4) * 2
    if (byte >= 0xc7 && byte <= 0xc9) return this.extension(this.number(1 << (byte - 0xc7))) ? 0 : -1
    if (byte >= 0xd4 && byte <= 0xd8) return this.extension(1 << (byte - 0xd4)) ? 0 : -1
    return -1
  }

  get isSafe(): boolean {
    // The number of values that are still to come, by level of nesting.
    const open = [1]
    while (open.length > 0) {
      const last = open.length - 1
      if (open[last] === 0) {
        open.pop()
        continue
      }
      open[last]! -= 1
      const inside = this.step()
      // A value takes at least one byte.
      if (inside < 0 || inside > this.bytes.length - this.at) return false
      if (inside > 0) {
        if (open.length >= maxDepth) return false
        open.push(inside)
      }
    }
    return this.at === this.bytes.length
  }
}

/** Whether the bytes are one complete MessagePack value, and safe to decode. */
export const isSafe = (bytes: Uint8Array): boolean => new Scanner(bytes).isSafe
