/**
 * Everything that is read from a registry, or from a setting, is fed with broken data: nothing may crash, and what is
 * accepted must be sound. `POGO_FUZZ=1000000` for as many inputs; `POGO_FUZZ_SEED` for others.
 */
import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import { decodeBody, encodeBody } from "../../src/internal/kind/specCodec.js"
import { decodeReply, MalformedReply } from "../../src/internal/redis/codec.js"
import { describe as describePlace, resolve } from "../../src/internal/redis/redisOptions.js"
import { formatState, parseState } from "../../src/internal/registry/childStates.js"
import type { CommandName } from "../../src/internal/registry/commands.js"
import * as records from "../../src/internal/registry/state.js"
import { readMembers } from "../../src/internal/replica/nodeRecord.js"
import { toChildSpec } from "../support/arbitrary.js"
import { Dice, hostileReply, hostileText } from "./hostile.js"

const inputs = Number(process.env["POGO_FUZZ"] ?? 20_000)
const seed = Number(process.env["POGO_FUZZ_SEED"] ?? 1)

interface Target {
  readonly name: string
  /** Whether it was accepted; throws where a rule is broken. */
  readonly feed: (dice: Dice) => boolean
}

const same = (a: unknown, b: unknown): void => {
  if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${JSON.stringify(a)} is not ${JSON.stringify(b)}`)
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

/** What was accepted is written and read as the same. */
const record = <A extends object>(
  name: string,
  seeds: ReadonlyArray<string>,
  parse: (text: string) => A | undefined,
  format: (value: A) => string
): Target => ({
  name,
  feed: (dice) => {
    const value = parse(hostileText(dice, seeds))
    if (value === undefined) return false
    for (const field of Object.values(value)) {
      if (typeof field === "number" && !isCount(field)) throw new Error(`${field} is no count`)
    }
    same(parse(format(value)), value)
    return true
  }
})

const body =
  "{\"kind\":\"K\",\"payload\":{\"url\":\"http://h\",\"n\":[1,2,{\"deep\":null}]},\"restart\":\"transient\"," +
  "\"requires\":{\"zone\":\"a\"},\"prefers\":{\"disk\":\"ssd\"},\"shutdown\":5000,\"type\":\"supervisor\",\"version\":3}"

const bodies: Target = {
  name: "bodies of specs",
  feed: (dice) => {
    const read = decodeBody(hostileText(dice, [body, "{\"kind\":\"K\",\"payload\":{},\"version\":1}"]))
    if (read === undefined) return false
    const again = encodeBody(toChildSpec(`${read.kind}/key`, read))
    if (Either.isRight(again)) same(encodeBody(toChildSpec(`${read.kind}/key`, decodeBody(again.right)!)), again)
    // Payloads that no call would have stored: the kind's own schema refuses them, or takes them.
    else if (!again.left.field.startsWith("payload")) throw new Error(`accepted, but ${again.left.message}`)
    return true
  }
}

const node =
  "{\"name\":\"a\",\"weight\":2,\"labels\":{\"zone\":\"x\"},\"kinds\":{\"K\":{\"version\":1,\"digest\":\"d\"}}," +
  "\"cordoned\":false,\"draining\":true}"

const members: Target = {
  name: "records of nodes",
  feed: (dice) => {
    const items = Array.from({ length: 3 }, () => ({
      sid: hostileText(dice, ["a#1", "b#2"]),
      record: hostileText(dice, [`1|5|${node}`, `3|9|${node}`])
    }))
    const all = readMembers(items)
    for (const { hash, kinds, labels, open, opened, version, weight } of all) {
      const isSound = Number.isFinite(weight) && weight >= 0 && (weight > 0 || !open)
      if (!(isSound && isCount(opened) && isCount(version) && Number.isFinite(hash))) {
        throw new Error("a number is out of order")
      }
      for (const code of Object.values(kinds)) if (!Number.isSafeInteger(code.version)) throw new Error("no version")
      for (const label of Object.values(labels)) if (typeof label !== "string") throw new Error("no label")
    }
    return all.some(({ name }) => name !== "")
  }
}

const head = ["OK", "1700000000000", "2251799813685248", "2251799813685247"]
const item = ["K/a", "1", "1|1|op|||{}", null, "5:1:a#1", "5:running:0:1:0:"]

const directive = "9|d|86400000|op.1|1700000000000|alice%20b|disk | full"

const replies: { readonly [K in CommandName]: ReadonlyArray<unknown> } = {
  tick: [[...head, ["3", "0"], "12"], ["ERA", "1", "2", "bits", "12"], ["NOSESSION", "1", "2"]],
  open: [[...head, ["0", "7", ["K/a", "K/b"]]], ["DEAD", "1", "2"], ["TIMING", "1", "2", "15000", "2500"]],
  update: [[...head, []], ["EXPIRED", "1", "2"]],
  close: [[...head, []], ["WRONGTYPE", "pogo1:{x}:claim"]],
  put: [[...head, [["CREATED", "1|1|op|||{}"], ["TERMINATED", "2|1|op|by|d|"], ["ABSENT"]]], ["VERSION", "2"]],
  del: [[...head, [["GONE", "2|1|op|by|d|"], ["NEWER", "1|1|op|||{}"], ["ABSENT"]]]],
  merge: [[...head, ["2"]]],
  claim: [[...head, [["GRANTED", "9", null, null, "1", "1", "1|9|2|3|1|a||7"], ["HELD", "5:1:a#1"], [
    "STALE",
    "1|1|op|||{}"
  ], ["GONE"]]], [
    "QUARANTINE",
    "1",
    "2",
    "300"
  ]],
  release: [[...head, ["1"]]],
  save: [[...head, ["STORED", "OLDER", "OVERTAKEN", "LOST"]]],
  peek: [[...head, ["0", [["1", "1|9|2|3|1|a||7"], ["1"], [""]]]]],
  report: [[...head, ["1"]]],
  finish: [[...head, [["ENDED", "2|1|op|by|e|"], ["FAILED", "1|1|op|f||{}"], ["FENCED"]]]],
  changes: [
    [...head, ["9", "1", [item], [["a#1", `1|5|${node}`]], [["a", directive]]]],
    [...head, ["9", "", []]],
    ["RESYNC", "1", "2"]
  ],
  snap: [[...head, ["cursor", [item, item]]]],
  nodes: [[...head, [[["a#1", `1|5|${node}`]], [["a", directive]]]]],
  direct: [[...head, [["STORED", directive]]], [...head, [["NEWER", directive]]], [...head, [["TOO_MANY"]]]],
  begin: [[...head, ["0", ["BEGUN", "9"]]], [...head, ["300", ["FENCED", "7"]]], ["SUPERSEDED", "1", "2"]],
  history: [[...head, ["9-9", "1", [["9-9", "k/a", "7", "a#1", "1", "claimed", "", "1"]]]], [...head, ["0-0", "", []]]]
}

const commands = Object.keys(replies) as ReadonlyArray<CommandName>

/** Only texts, whole numbers, flags, and nothing. */
const isTyped = (value: unknown): boolean => {
  if (typeof value === "number") return Number.isSafeInteger(value)
  if (typeof value === "object" && value !== null) return Object.values(value).every(isTyped)
  return value === null || value === undefined || typeof value === "string" || typeof value === "boolean"
}

const answers: Target = {
  name: "replies of scripts",
  feed: (dice) => {
    const name = dice.of(commands)
    try {
      const reply = decodeReply(name, hostileReply(dice, dice.of(replies[name])))
      if (!isTyped(reply) || !/^[A-Z]+$/.test(reply._tag)) throw new Error(`accepted ${JSON.stringify(reply)}`)
      return true
    } catch (error) {
      if (error instanceof MalformedReply) return false
      throw error
    }
  }
}

const secret = "S3CRETxyz"

const urls: Target = {
  name: "addresses",
  feed: (dice) => {
    const noise = () => hostileText(dice, ["", "1", "12", "a", "a/b"])
    const scheme = dice.of(["redis", "rediss", "unix", "http", ""])
    const host = dice.of(["h", "127.0.0.1:6379", "[::1]", "h:99999", ""])
    const url = `${scheme}://${dice.of(["user", ""])}:${noise()}${secret}${noise()}@${host}${
      dice.of(["", "/0", "/x", "?db=1"])
    }`
    const result = resolve({ url })
    const told = Either.match(result, { onLeft: ({ message }) => message, onRight: describePlace })
    if (told.includes(secret)) throw new Error(`${JSON.stringify(url)} is told as ${JSON.stringify(told)}`)
    return Either.isRight(result)
  }
}

const digits = "2251799813685248"

const targets: ReadonlyArray<Target> = [
  record("specs", [`${digits}|7|a.1|i||${body}`, "1|1|op|if|1.d,2.e|{}"], records.parseSpec, records.formatSpec),
  record("tombstones", [`${digits}|7|a.1|b.2|d|i`, "1|1|op||e|"], records.parseTomb, records.formatTomb),
  record("claims", [`${digits}:7:a#0123`, "1:1:b#1"], records.parseClaim, records.formatClaim),
  record("statuses", [`${digits}:running:3:1700000000000:0:`, "1:failed:9:1:2:a cause: with colons"], (text) => {
    const stat = records.parseStat(text)
    return stat && { ...stat, cause: stat.cause.slice(0, records.maxCause) }
  }, records.formatStat),
  record("directives", [directive, "1|u|0||1||"], records.parseDirective, records.formatDirective),
  record("states", [`${digits}|9|2|1700000000000|1|a%7Cb||{"n":1}`, "1|1|0|1|0|a|l|"], parseState, formatState),
  record("headers of nodes", [`3|${digits}|${node}`], records.parseNode, records.formatNode),
  bodies,
  members,
  answers,
  urls
]

describe(`broken data, seed ${seed}`, () => {
  const each = Math.ceil(inputs / targets.length)

  it.each(targets)("$name: no crash, and nothing wrong is accepted", ({ feed, name }) => {
    const dice = new Dice(seed)
    let accepted = 0
    for (let i = 0; i < each; i++) if (feed(dice)) accepted++
    process.stdout.write(`    ${name}: ${each} inputs, ${accepted} accepted\n`)
    expect(accepted).toBeGreaterThan(0)
    expect(accepted).toBeLessThan(each)
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false)
    expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined()
  })
})
