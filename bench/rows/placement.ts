/**
 * Placement: speed, balance and movement, against a ring of 128 points and, where it is installed, the npm `hashring`.
 */
import { Membership } from "../../src/internal/replica/membership.js"
import { makeEntry, readSpec } from "../../src/internal/replica/replica.js"
import { hashText, mix } from "../../src/internal/runtime/hash.js"
import { rendezvous } from "../../src/Placement.js"
import { atMost, type Bench, type Group } from "../support/bench.js"
import { hashring } from "../support/hashring.js"
import { median } from "../support/numbers.js"

const names = {
  lookups: "placement lookups",
  kept: "placement lookups, nothing changed",
  balance: "placement balance, max over mean",
  join: "placement movement on join over ideal",
  leave: "placement movement on leave over ideal"
}

/** Something that says to which of its nodes a key belongs. */
type Place = (key: string) => string

type Method = (nodes: ReadonlyArray<string>) => Place

const keys = Array.from({ length: 10_000 }, (_, i) => `Idle/customer-${i}`)
const clusters = Array.from({ length: 20 }, (_, c) => Array.from({ length: 10 }, (_, i) => `node-${c}-${i}`))

const specOf = (id: string) => readSpec(id, `1|1|op|||${JSON.stringify({ kind: "Idle", version: 1, payload: {} })}`)

const recordOf = (name: string): string =>
  `1|1|${JSON.stringify({ name, kinds: { Idle: { version: 1, digest: "" } } })}`

/** As a node of ours does it, from the hash of the id on. */
const ours: Method = (nodes) => {
  const members = nodes.map((name) => ({ name, weight: 1, labels: {}, hash: hashText(name) }))
  return (key) => {
    const child = { id: key, kind: "Idle", hash: hashText(key) }
    let [home, top] = ["", -Infinity]
    for (const member of members) {
      const score = rendezvous(child, member)
      if (score > top) [home, top] = [member.name, score]
    }
    return home
  }
}

const ring: Method = (nodes) => {
  const points = nodes.flatMap((node) =>
    Array.from({ length: 128 }, (_, i) => ({ at: mix(hashText(`${node}:${i}`)), node }))
  )
    .sort((a, b) => a.at - b.at)
  return (key) => {
    const at = hashText(key)
    let [low, high] = [0, points.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (points[middle]!.at < at) low = middle + 1
      else high = middle
    }
    return points[low % points.length]!.node
  }
}

const perSecond = (place: Place): number => {
  const rounds = Array.from({ length: 7 }, () => {
    const began = performance.now()
    for (const key of keys) place(key)
    return keys.length / (performance.now() - began) * 1_000
  })
  return median(rounds.slice(2))
}

const balance = (method: Method): number =>
  median(clusters.map((nodes) => {
    const place = method(nodes)
    const counts = new Map<string, number>()
    for (const key of keys) counts.set(place(key), (counts.get(place(key)) ?? 0) + 1)
    return Math.max(...counts.values()) / (keys.length / nodes.length)
  }))

/** How many keys change hands when a node comes or goes, over what cannot be avoided. */
const movement = (method: Method, before: ReadonlyArray<string>, after: ReadonlyArray<string>): number => {
  const [from, to] = [method(before), method(after)]
  const moved = keys.filter((key) => from(key) !== to(key)).length
  return moved / (keys.length / Math.max(before.length, after.length))
}

/** The whole of what a node does per child, labels and kinds and versions included; nothing remembered, or all. */
const lookupsOfView = (remembered: boolean): number => {
  const membership = new Membership(rendezvous)
  const entries = keys.map((id) => ({ ...makeEntry(id), spec: specOf(id) }))
  const rates = Array.from({ length: 7 }, (_, round) => {
    membership.set(
      clusters[remembered ? 0 : round]!.map((name) => ({ sid: `${name}#${"0".repeat(32)}`, record: recordOf(name) }))
    )
    if (remembered) { for (const entry of entries) membership.homeOf(entry) }
    const began = performance.now()
    for (const entry of entries) membership.homeOf(entry)
    return keys.length / (performance.now() - began) * 1_000
  })
  return median(rates.slice(2))
}

const run = async (bench: Bench): Promise<void> => {
  const foreign = await hashring()
  const compare = (of: (method: Method) => number): string =>
    foreign === undefined ? "npm hashring is not installed" : `npm hashring ${of(foreign).toPrecision(3)}`
  const speed = (method: Method) => perSecond(method(clusters[0]!))
  bench.tell(names.lookups, {
    value: lookupsOfView(false),
    unit: "/s",
    better: "higher",
    raw: { what: "128-point ring", value: speed(ring) },
    note: `score alone ${Math.round(speed(ours))}, ${compare(speed)}`
  })
  bench.tell(names.kept, { value: lookupsOfView(true), unit: "/s", better: "higher" })
  const told = (name: string, limit: number, of: (method: Method) => number) =>
    bench.tell(name, {
      value: of(ours),
      unit: "x",
      target: atMost(limit),
      raw: { what: "128-point ring", value: of(ring) },
      note: compare(of)
    })
  told(names.balance, 1.07, balance)
  const all = clusters.map((nodes) => [...nodes, `${nodes[0]}-more`])
  told(names.join, 1.02, (method) => median(clusters.map((nodes, i) => movement(method, nodes, all[i]!))))
  told(names.leave, 1.02, (method) => median(clusters.map((nodes, i) => movement(method, all[i]!, nodes))))
}

export const placement: Group = { title: "placement", rows: Object.values(names), run }
