/**
 * Checks the structure of a MessagePack value before it is decoded. `msgpackr` allocates an array as long as its header
 * says, before it reads any element: 15 bytes of nested array headers from a stranger took 760 MiB. The check walks over
 * the bytes, allocates nothing that their lengths ask for, and limits nesting and extension types.
 *
 * @internal
 */

/** How deep values may be nested: a decoder calls itself for each level. */
const maxDepth = 128

/** Extensions that are taken, and how long they may be: undefined, big integers, dates. */
const extensions: { readonly [type: number]: number } = { 0x00: 1, 0x42: 1_024, 0xff: 12 }

/** What is wrong with a value of ours that others would not take. */
export const unsound = `values may be nested ${maxDepth} deep, and big integers have ${extensions[0x42]} bytes`

/** Bytes that follow the first of a scalar, by it. */
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

class Walk {
  private at = 0

  constructor(private readonly bytes: Uint8Array) {}

  /** Reads a number of so many bytes; infinite if they are not there, so that whatever it counts is not there either. */
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
    const type = this.number(1)
    const most = extensions[type]
    return most !== undefined && size <= most && this.skip(size)
  }

  /** Values that this one contains; -1 if it is not sound. */
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

  private long(byte: number): number {
    // Binary and text, by the size of their length.
    if (byte >= 0xc4 && byte <= 0xc6) return this.skip(this.number(1 << (byte - 0xc4))) ? 0 : -1
    if (byte >= 0xd9 && byte <= 0xdb) return this.skip(this.number(1 << (byte - 0xd9))) ? 0 : -1
    if (byte === 0xdc || byte === 0xdd) return this.number(byte === 0xdc ? 2 : 4)
    if (byte === 0xde || byte === 0xdf) return this.number(byte === 0xde ? 2 : 4) * 2
    if (byte >= 0xc7 && byte <= 0xc9) return this.extension(this.number(1 << (byte - 0xc7))) ? 0 : -1
    if (byte >= 0xd4 && byte <= 0xd8) return this.extension(1 << (byte - 0xd4)) ? 0 : -1
    return -1
  }

  /** Whether the bytes are one value, all of which is there. */
  get sound(): boolean {
    const open = [1]
    while (open.length > 0) {
      const last = open.length - 1
      if (open[last] === 0) {
        open.pop()
        continue
      }
      open[last]! -= 1
      const inside = this.step()
      // Every value takes at least one byte.
      if (inside < 0 || inside > this.bytes.length - this.at) return false
      if (inside > 0) {
        if (open.length >= maxDepth) return false
        open.push(inside)
      }
    }
    return this.at === this.bytes.length
  }
}

/** Whether the bytes are one MessagePack value, and nothing that a decoder should not be given. */
export const isSound = (bytes: Uint8Array): boolean => new Walk(bytes).sound
