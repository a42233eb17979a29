/** Deaths of processes, and the trials of children that may have been the cause. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ClaimResult } from "../../src/GroupRegistry.js"
import { parseSpec, parseStat } from "../../src/internal/registry/state.js"
import { parseTrial, proofTime, trialDelay, type TrialRecord } from "../../src/internal/registry/trialRecords.js"
import { type Caller, ttl } from "./registryCaller.js"
import type { Test } from "./registryConformance.js"

const proof = proofTime(ttl)

/** Milliseconds that are nothing, and count as some. */
const moment = 100

let processes = 0

/** A scene of children and of processes that die; `watcher#1` lives throughout. */
class Scene {
  readonly generations = new Map<string, number>()

  constructor(readonly caller: Caller) {}

  readonly begin = Effect.suspend(() => this.caller.join("watcher#1"))

  create(...ids: ReadonlyArray<string>) {
    return Effect.forEach(
      ids,
      (id) => Effect.map(this.caller.create(id), (generation) => this.generations.set(id, generation))
    )
  }

  pass(millis: number, ...sids: ReadonlyArray<string>) {
    return this.caller.live(millis, "watcher#1", ...sids)
  }

  /** A process opens a session. */
  readonly process = Effect.suspend(() => {
    const sid = `p${++processes}#1`
    return Effect.as(this.caller.join(sid), sid)
  })

  claim(sid: string, ids: ReadonlyArray<string>, trial = false, goesOn = false) {
    const items = ids.map((id) => ({ id, generation: this.generations.get(id)! }))
    return Effect.map(
      this.caller.ok("claim", { sid, trial, goesOn, items }),
      ({ value }) => new Map(ids.map((id, i) => [id, value.results[i]!]))
    )
  }

  /** Claims, and tells the tags of the answers. */
  tags(sid: string, ids: ReadonlyArray<string>, trial = false) {
    return Effect.map(this.claim(sid, ids, trial), (results) => ids.map((id) => results.get(id)!._tag))
  }

  token(sid: string, id: string, trial = false) {
    return Effect.map(this.claim(sid, [id], trial), (results) => tokenOf(results.get(id)!))
  }

  die(sid: string) {
    return this.caller.ok("close", { sid, gone: true })
  }

  /** The stored trials, by child. */
  readonly trials = Effect.suspend(() =>
    Effect.map(this.caller.everything, (all) => {
      const found: Record<string, Pick<TrialRecord, "deaths" | "certain">> = {}
      for (const [id, { trial }] of all) {
        if (trial === null) continue
        const { certain, deaths } = parseTrial(trial)!
        found[id] = { deaths, certain }
      }
      return found
    })
  )

  report(sid: string, id: string, token: number) {
    return this.caller.ok("report", { sid, items: [{ id, token, stat: `${token}:running:0:1:0:` }] })
  }

  /** A process tries children as one round, and dies after some time. */
  tryAndDie(ids: ReadonlyArray<string>, after = moment) {
    return Effect.gen(this, function*() {
      const sid = yield* this.process
      const granted = yield* this.tags(sid, ids, true)
      yield* this.pass(after, sid)
      yield* this.die(sid)
      yield* this.claim("watcher#1", ids)
      return granted
    })
  }

  /** A process that has had a child for long, and has just claimed another. */
  readonly oldAndYoung = Effect.gen(this, function*() {
    yield* this.create("k/old", "k/young")
    const sid = yield* this.process
    yield* this.claim(sid, ["k/old"])
    yield* this.pass(2 * proof, sid)
    yield* this.claim(sid, ["k/young"])
    yield* this.pass(moment, sid)
    return sid
  })

  /** The children are accused once: a process had just claimed them, and died. */
  accuse(...ids: ReadonlyArray<string>) {
    return Effect.gen(this, function*() {
      const sid = yield* this.process
      yield* this.claim(sid, ids)
      yield* this.die(sid)
      yield* this.claim("watcher#1", ids)
    })
  }
}

const tokenOf = (result: ClaimResult): number => (result._tag === "GRANTED" ? result.token : Number.NaN)

type Body = (scene: Scene) => Effect.Effect<void>

const scened = (test: Test) => (name: string, body: Body): void =>
  test(name, (caller) => {
    const scene = new Scene(caller)
    return Effect.zipRight(scene.begin, body(scene))
  })

const accusing = (test: Test): void => {
  const it = scened(test)

  it("counts the death of a process against the children that it had just claimed; the others are granted", (scene) =>
    Effect.gen(function*() {
      const sid = yield* scene.oldAndYoung
      yield* scene.die(sid)
      expect(yield* scene.tags("watcher#1", ["k/old", "k/young"])).toEqual(["GRANTED", "TRIAL"])
      expect(yield* scene.trials).toEqual({ "k/young": { deaths: 1, certain: 0 } })
    }))

  it("counts a death once, however often the child is asked for", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1")
      yield* scene.accuse("k/1")
      for (let i = 0; i < 3; i++) expect(yield* scene.tags("watcher#1", ["k/1"])).toEqual(["TRIAL"])
      expect(yield* scene.trials).toEqual({ "k/1": { deaths: 1, certain: 0 } })
      expect((yield* scene.caller.everything).get("k/1")?.claim).toBeNull()
    }))

  it("takes the last renewal for the time of death where a lease ran out", (scene) =>
    Effect.gen(function*() {
      yield* scene.oldAndYoung
      yield* scene.pass(ttl)
      expect(yield* scene.tags("watcher#1", ["k/old", "k/young"])).toEqual(["GRANTED", "TRIAL"])
    }))

  it("blames nobody for an end on purpose, or where nothing is known of it", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1")
      const { caller } = scene
      const endings: ReadonlyArray<(sid: string) => Effect.Effect<unknown>> = [
        (sid) => caller.ok("close", { sid }),
        (sid) => caller.open(`${sid}.next`, { supersedes: sid }),
        (sid) => Effect.zipRight(caller.ok("update", { sid, version: 2, record: "{}", leaving: true }), scene.die(sid)),
        (sid) => Effect.zipRight(scene.die(sid), caller.subject.hand.remove("sessx"))
      ]
      for (const end of endings) {
        const sid = yield* scene.process
        const token = yield* scene.token(sid, "k/1")
        yield* end(sid)
        expect(token).toBeGreaterThan(0)
        const next = yield* scene.token("watcher#1", "k/1")
        expect(next).toBeGreaterThan(token)
        yield* caller.release("watcher#1", "k/1", next)
      }
      expect(yield* scene.trials).toEqual({})
    }))

  it("blames no generation for what another one did", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1")
      const sid = yield* scene.process
      yield* scene.claim(sid, ["k/1"])
      const put = yield* scene.caller.put("k/1", {
        mode: "bump",
        op: "again",
        generation: scene.generations.get("k/1")!
      })
      scene.generations.set("k/1", parseSpec("spec" in put ? put.spec : "")!.generation)
      yield* scene.die(sid)
      expect(yield* scene.tags("watcher#1", ["k/1"])).toEqual(["GRANTED"])
    }))
}

const trying = (test: Test): void => {
  const it = scened(test)

  it("grants a child on trial to those who try it, and to nobody else", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/2")
      yield* scene.accuse("k/1")
      expect(yield* scene.tags("watcher#1", ["k/1", "k/2"], true)).toEqual(["GRANTED", "GRANTED"])
      const { claim, trial } = (yield* scene.caller.everything).get("k/1")!
      expect(claim!.startsWith(`${parseTrial(trial!)!.token}:`)).toBe(true)
    }))

  it("while a round is held, only its members are accused", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/2", "k/young")
      yield* scene.accuse("k/1", "k/2")
      const sid = yield* scene.process
      yield* scene.claim(sid, ["k/1"], true)
      yield* scene.pass(2_000, sid)
      yield* scene.claim(sid, ["k/2"], true)
      yield* scene.claim(sid, ["k/young"])
      yield* scene.die(sid)
      expect(yield* scene.tags("watcher#1", ["k/young"])).toEqual(["GRANTED"])
      yield* scene.claim("watcher#1", ["k/1", "k/2"])
      expect(yield* scene.trials).toMatchObject({ "k/1": { deaths: 1 }, "k/2": { deaths: 2 } })
    }))

  it("a round goes on in another command: all of it is accused, and nobody beyond doubt", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/2", "k/3", "k/young")
      yield* scene.accuse("k/1", "k/2", "k/3")
      const sid = yield* scene.process
      yield* scene.claim(sid, ["k/1"], true)
      yield* scene.claim(sid, ["k/2"], true, true)
      yield* scene.claim(sid, ["k/3"], true, true)
      yield* scene.claim(sid, ["k/young"])
      yield* scene.die(sid)
      expect(yield* scene.tags("watcher#1", ["k/young"])).toEqual(["GRANTED"])
      yield* scene.claim("watcher#1", ["k/1", "k/2", "k/3"])
      const twice = { deaths: 2, certain: 0 }
      expect(yield* scene.trials).toEqual({ "k/1": twice, "k/2": twice, "k/3": twice })
    }))

  it("a round that is no longer held does not go on: what follows is another", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/2")
      yield* scene.accuse("k/1", "k/2")
      const sid = yield* scene.process
      yield* scene.claim(sid, ["k/1"], true)
      yield* scene.pass(2_000, sid)
      yield* scene.claim(sid, ["k/2"], true, true)
      yield* scene.die(sid)
      yield* scene.claim("watcher#1", ["k/1", "k/2"])
      expect(yield* scene.trials).toMatchObject({ "k/1": { deaths: 1 }, "k/2": { deaths: 2 } })
    }))

  it("after the hold the claims on trial are accused, and the young ones are not", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/2", "k/young")
      yield* scene.accuse("k/1", "k/2")
      const sid = yield* scene.process
      yield* scene.claim(sid, ["k/1"], true)
      yield* scene.pass(2_000, sid)
      yield* scene.claim(sid, ["k/2"], true)
      yield* scene.claim(sid, ["k/young"])
      yield* scene.pass(2_000, sid)
      yield* scene.die(sid)
      expect(yield* scene.tags("watcher#1", ["k/young", "k/1", "k/2"])).toEqual(["GRANTED", "TRIAL", "TRIAL"])
      expect(yield* scene.trials).toEqual({ "k/1": { deaths: 2, certain: 0 }, "k/2": { deaths: 2, certain: 0 } })
    }))

  it("a round whose members have all ended hides nobody", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/young")
      yield* scene.accuse("k/1")
      const sid = yield* scene.process
      const token = yield* scene.token(sid, "k/1", true)
      yield* scene.claim(sid, ["k/young"])
      yield* scene.caller.release(sid, "k/1", token)
      yield* scene.die(sid)
      expect(yield* scene.tags("watcher#1", ["k/young"])).toEqual(["TRIAL"])
      expect(yield* scene.trials).toMatchObject({ "k/1": { deaths: 1 } })
    }))

  it("the round of a process counts for the session that replaces its own, too", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/young")
      yield* scene.accuse("k/1")
      const { caller } = scene
      const sid = yield* scene.process
      yield* scene.claim(sid, ["k/young"])
      yield* scene.claim(sid, ["k/1"], true)
      const all = yield* caller.everything
      const claims = ["k/1", "k/young"].map((id) => {
        const [token, generation] = all.get(id)!.claim!.split(":").map(Number)
        return { id, token: token!, generation: generation! }
      })
      yield* caller.open(`${sid}.next`, { mode: "carry", claims, supersedes: sid })
      yield* scene.die(`${sid}.next`)
      expect(yield* scene.tags("watcher#1", ["k/young", "k/1"])).toEqual(["GRANTED", "TRIAL"])
    }))

  for (const how of ["report", "release"] as const) {
    it(`is over when the child has lived, and its owner says so (${how})`, (scene) =>
      Effect.gen(function*() {
        yield* scene.create("k/1")
        const act = (token: number) =>
          how === "report"
            ? scene.report("watcher#1", "k/1", token)
            : scene.caller.release("watcher#1", "k/1", token)
        yield* scene.accuse("k/1")
        let token = yield* scene.token("watcher#1", "k/1", true)
        yield* act(token)
        expect(yield* scene.trials).toEqual({ "k/1": { deaths: 1, certain: 0 } })
        if (how === "release") token = yield* scene.token("watcher#1", "k/1", true)
        yield* scene.pass(proof)
        yield* act(token)
        expect(yield* scene.trials).toEqual({})
      }))
  }

  it("is over for a child that had lived before its process died", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1")
      yield* scene.accuse("k/1")
      const sid = yield* scene.process
      yield* scene.claim(sid, ["k/1"], true)
      yield* scene.pass(proof + 2_500, sid)
      yield* scene.die(sid)
      expect(yield* scene.tags("watcher#1", ["k/1"])).toEqual(["GRANTED"])
      expect(yield* scene.trials).toEqual({})
    }))

  it("ends with its child, and with its generation", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/2")
      yield* scene.accuse("k/1", "k/2")
      yield* scene.caller.del("k/1", scene.generations.get("k/1")!)
      yield* scene.caller.put("k/2", { mode: "bump", op: "x", generation: scene.generations.get("k/2")! })
      expect(yield* scene.trials).toEqual({})
      expect((yield* scene.caller.subject.hand.dump).trial).toEqual([])
    }))

  it("waits longer each time", () =>
    Effect.sync(() => {
      const seconds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100].map((deaths) => trialDelay(deaths, ttl) / 1000)
      expect(seconds).toEqual([0, 1, 2, 4, 8, 16, 32, 60, 60, 60])
    }))
}

const parking = (test: Test): void => {
  const it = scened(test)

  it("parks a child after five deaths, of which two are beyond doubt", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1")
      yield* scene.accuse("k/1")
      for (let deaths = 2; deaths <= 4; deaths++) yield* scene.tryAndDie(["k/1"])
      expect(yield* scene.trials).toEqual({ "k/1": { deaths: 4, certain: 3 } })
      const sid = yield* scene.process
      yield* scene.claim(sid, ["k/1"], true)
      yield* scene.die(sid)
      expect(yield* scene.tags("watcher#1", ["k/1"])).toEqual(["PARKED"])
      const { claim, spec, stat, trial } = (yield* scene.caller.everything).get("k/1")!
      expect({ claim, trial, failed: parseSpec(spec!)!.failed }).toEqual({ claim: null, trial: null, failed: true })
      expect(parseStat(stat!)).toMatchObject({
        state: "failed",
        restarts: 5,
        cause: "its process died 5 times soon after it started",
        lastNode: sid.split("#")[0]
      })
      expect(yield* scene.tags("watcher#1", ["k/1"], true)).toEqual(["GONE"])
      yield* scene.caller.put("k/1", { mode: "bump", op: "x", generation: scene.generations.get("k/1")! })
      const bumped = parseSpec((yield* scene.caller.everything).get("k/1")!.spec!)!
      expect((yield* scene.caller.claim("watcher#1", "k/1", bumped.generation))._tag).toBe("GRANTED")
    }))

  it("parks no child for deaths at which another was on trial", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/2")
      yield* scene.accuse("k/1", "k/2")
      for (let deaths = 2; deaths <= 8; deaths++) yield* scene.tryAndDie(["k/1", "k/2"])
      expect(yield* scene.trials).toEqual({ "k/1": { deaths: 8, certain: 0 }, "k/2": { deaths: 8, certain: 0 } })
    }))

  it("is certain of no death of a session that had another trial shortly before", (scene) =>
    Effect.gen(function*() {
      yield* scene.create("k/1", "k/2")
      yield* scene.accuse("k/1", "k/2")
      const sid = yield* scene.process
      yield* scene.claim(sid, ["k/1"], true)
      yield* scene.pass(2_000, sid)
      yield* scene.claim(sid, ["k/2"], true)
      yield* scene.die(sid)
      yield* scene.claim("watcher#1", ["k/1", "k/2"])
      expect(yield* scene.trials).toMatchObject({ "k/2": { deaths: 2, certain: 0 } })
    }))
}

/** @internal */
export const trialSuite = (test: Test): void => {
  describe("a process that dies", () => accusing(test))
  describe("a trial", () => trying(test))
  describe("a child that kills its process", () => parking(test))
}
