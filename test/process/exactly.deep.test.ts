/**
 * Lists that are whole sets, between real processes on a real Redis: a rolling deploy whose old nodes are killed and ended
 * in order, and a rollback.
 */
import type { PogoNode } from "effect-pogo"
import { expect, test } from "vitest"
import { runningOverlaps } from "./support/evidence.js"
import { eventually, sleep } from "./support/fleet.js"
import type { NodeProcess } from "./support/process.js"
import { scene, ttl } from "./support/scene.js"

const release = (keys: string) => ({ TEST_EXACTLY: keys })

const registered = async (node: NodeProcess): Promise<ReadonlyArray<string>> =>
  (await node.which()).filter(({ status }) => status._tag === "Running").map(({ id }) => id.slice("Probe/".length))
    .sort()

test("old and new nodes list different children: added at once, ended by agreement, and back by a rollback", async (context) => {
  const { fleet, start } = await scene(context, [], 0)
  const runs = (node: NodeProcess, keys: ReadonlyArray<string>) =>
    eventually(`running: ${keys.join(" ")}`, async () => (await registered(node)).join() === keys.join())
  const [a] = await Promise.all(["a", "b"].map((name) => start(name, release("kept,old"))))
  await runs(a!, ["kept", "old"])

  // b is killed, and comes back as the next release.
  fleet.nodes.get("b")!.signal("SIGKILL")
  await fleet.nodes.get("b")!.exited
  const b = await start("b", release("kept,new"))
  await runs(b, ["kept", "new", "old"])
  await sleep(ttl)
  await runs(b, ["kept", "new", "old"])
  const [state] = (await b.call("lists")) as ReadonlyArray<PogoNode.ListState>
  expect(state).toMatchObject({ name: "main", agreed: false, own: { waitsFor: ["a"] } })
  expect(state?.own?.plan.terminate.map(({ id }) => id)).toEqual(["Probe/old"])
  expect(b.log()).toMatch(/list \\?"main\\?": 1 child to end; that waits for a/)

  // a ends in order: nobody lists "old" any more.
  a!.signal("SIGTERM")
  await a!.exited
  await runs(b, ["kept", "new"])

  // Back: the list of the release before names "old" again.
  const again = await start("a", release("kept,old"))
  await runs(again, ["kept", "new", "old"])
  b.signal("SIGKILL")
  await b.exited
  await runs(again, ["kept", "old"])
  expect(runningOverlaps(fleet.lines())).toEqual([])
})
