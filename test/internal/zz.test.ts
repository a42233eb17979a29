import { test } from "vitest"
import { View } from "../../src/internal/view/view.js"
import { rendezvous } from "../../src/Placement.js"
import { History, names } from "../support/arbitrary.js"
import { Random } from "../support/registrySteps.js"
test("x", () => {
  const ids = names(4, "K/c")
  const history = new History(new Random(1625834361), ids)
  const { random: dice } = history
  const view = new View(rendezvous, () => 0, { changed: () => {}, foreign: () => {} })
  const late: Array<[string, () => void]> = []
  const out: string[] = []
  let cursor = history.state.meta!.log
  const follow = () => { const r = history.execute("changes", { cursor }) as any; out.push(`changes@${r.high} from ${cursor} ${JSON.stringify(r.value.items.map((i: any)=>[i.id,i.spec?.slice(0,12),i.tomb,i.claim,i.stat]))}`); for (const i of r.value.items) view.apply(i, r.high); cursor = r.value.more ? r.value.cursor : Math.max(r.value.cursor, r.log) }
  for (let i = 0; i < 60; i++) {
    const before = history.high
    history.step()
    const child = dice.pick(ids)
    const { claim, spec, stat, tomb } = history.row(child)
    const at = history.high
    if (typeof spec === "string") late.push([`learnSpec ${child} ${spec.slice(0,12)} at ${at}`, () => view.learnSpec(child, spec, at)])
    else if (typeof tomb === "string") late.push([`learnTomb ${child} at ${at}`,() => view.learnTomb(child, tomb, at)])
    if (claim === null && typeof spec === "string") late.push([`noclaim ${child} ${stat} at ${at}`,() => view.setClaim(child, undefined, stat ?? undefined, at)])
    while (late.length > 0 && dice.chance(0.4)) { const [t, f] = late.splice(dice.below(late.length), 1)[0]!; out.push(t); f() }
    if (dice.chance(0.3)) follow()
  }
  follow()
  for (const [t,answer] of late) { out.push("end " + t); answer() }
  for (const id of ids) { const e = view.entries.get(id); const r = history.row(id); out.push(`${id}: view ${e?.spec?.raw.slice(0,12)} ${view.tombs.get(id)?.raw} ${e?.claim?.token} ${e?.stat} | reg ${r.spec?.slice(0,12)} ${r.tomb} ${r.claim} ${r.stat}`) }
  console.log(out.join("\n"))
})
