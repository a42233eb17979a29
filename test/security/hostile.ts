/** Inputs that nobody sane would send, from a seed: what is valid, and then broken somewhere. */

/** Random numbers that a seed repeats. */
export class Dice {
  constructor(private state: number) {}

  below(n: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.state / 2 ** 32) * n)
  }

  of<A>(list: ReadonlyArray<A>): A {
    return list[this.below(list.length)]!
  }
}

const pieces: ReadonlyArray<string> = [
  "|",
  ":",
  ",",
  "/",
  "#",
  "?",
  "@",
  "%",
  "%zz",
  "[",
  "]",
  "{",
  "}",
  "\\",
  "\"",
  "'",
  "\n",
  "\r\n",
  "\0",
  "\u2028",
  "\ud800",
  "\udfff",
  "\ufeff",
  "🐎",
  "é",
  "0",
  "-1",
  "00",
  "1e999",
  "NaN",
  "null",
  "true",
  "9007199254740991",
  "9007199254740993",
  "99999999999999999999",
  "__proto__",
  "constructor",
  "prototype",
  "\"__proto__\":{\"polluted\":true},",
  "\"constructor\":{\"prototype\":{\"polluted\":true}},",
  "[".repeat(300),
  "{\"a\":".repeat(200),
  "x".repeat(2_000),
  "redis.call('FLUSHALL')",
  "\"; return 1 --",
  "${7*7}"
]

/** A valid text, broken in some places; or nothing but noise. */
export const hostileText = (dice: Dice, seeds: ReadonlyArray<string>): string => {
  if (dice.below(40) === 0) return Array.from({ length: dice.below(12) }, () => dice.of(pieces)).join("")
  let text = dice.of(seeds)
  for (let i = dice.below(4); i > 0; i--) {
    const at = dice.below(text.length + 1)
    const to = Math.min(text.length, at + dice.below(6))
    const change = dice.below(6)
    if (change === 0) text = text.slice(0, at) + dice.of(pieces) + text.slice(at)
    else if (change === 1) text = text.slice(0, at) + text.slice(to)
    else if (change === 2) text = text.slice(0, at) + String.fromCharCode(dice.below(0x10000)) + text.slice(to)
    else if (change === 3) text = text.slice(0, at) + dice.of(seeds).slice(dice.below(20))
    else if (change === 4) text = text.slice(0, to) + text.slice(at)
    else text = text.slice(0, at) + String(dice.below(2 ** 31)) + text.slice(to)
  }
  return text
}

/** A valid reply of a script, with some parts exchanged. */
export const hostileReply = (dice: Dice, reply: unknown): unknown => {
  const roll = dice.below(24)
  if (roll === 0) return null
  if (roll === 1) {
    return dice.of([undefined, 7, -1, 1.5, Number.NaN, true, {}, [], "", Buffer.from("x"), { _tag: "OK" }])
  }
  if (roll === 2) return dice.of(pieces)
  if (!Array.isArray(reply)) return reply
  const parts = reply.map((part) => hostileReply(dice, part))
  const change = dice.below(16)
  if (change === 0) parts.splice(dice.below(parts.length + 1), 1)
  else if (change === 1) parts.splice(dice.below(parts.length + 1), 0, dice.of(pieces))
  else if (change === 2) parts.reverse()
  return parts
}
