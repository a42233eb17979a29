/**
 * Golden values of what is stored in the registry, and of what nodes say to each other. Processes of several versions, and
 * one day of two major versions of Effect, share both: these texts change with the layout version only, and hold nothing
 * that a library of ours would write in its own way.
 */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either, Fiber, Layer, Schema, Stream, TestClock } from "effect"
import { Child, ChildSpec, GroupRegistry, type NodeTransport, Pogo } from "effect-pogo"
import { decodeBody, encodeBody } from "../src/internal/kind/specCodec.js"
import { formatState } from "../src/internal/registry/childStates.js"
import { formatClaim, formatNode, formatSpec, formatStat, formatTomb } from "../src/internal/registry/state.js"
import { makeHub } from "../src/internal/transport/hub.js"
import { passing } from "./rpc/support.js"
import { makeCluster, type Registry } from "./support/cluster.js"

const full = new ChildSpec.ChildSpec({
  kind: "Poller",
  key: "eu/7",
  version: 3,
  payload: { url: "https://example.com/ä", every: 1.5, none: null, list: [1, "a", { b: true }], gone: undefined },
  type: "supervisor",
  restart: "transient",
  shutdown: 2_500,
  requires: { zone: "a" },
  prefers: { disk: "ssd", arch: "arm" }
})

const bodies: ReadonlyArray<readonly [ChildSpec.ChildSpec, string]> = [
  [new ChildSpec.ChildSpec({ kind: "K", key: "x", payload: {} }), "{\"kind\":\"K\",\"payload\":{},\"version\":1}"],
  [
    new ChildSpec.ChildSpec({ kind: "K", key: "x", payload: null, shutdown: "infinity" }),
    "{\"kind\":\"K\",\"payload\":null,\"shutdown\":\"infinity\",\"version\":1}"
  ],
  [
    new ChildSpec.ChildSpec({ kind: "K", key: "x", payload: [], shutdown: "brutalKill" }),
    "{\"kind\":\"K\",\"payload\":[],\"shutdown\":\"brutalKill\",\"version\":1}"
  ],
  [
    full,
    "{\"kind\":\"Poller\",\"payload\":{\"every\":1.5,\"list\":[1,\"a\",{\"b\":true}],\"none\":null,\"url\":\"https://example.com/ä\"}," +
    "\"prefers\":{\"arch\":\"arm\",\"disk\":\"ssd\"},\"requires\":{\"zone\":\"a\"},\"restart\":\"transient\",\"shutdown\":2500,\"type\":\"supervisor\",\"version\":3}"
  ]
]

describe("the body of a stored spec", () => {
  it("is this text", () => {
    for (const [spec, text] of bodies) expect(encodeBody(spec)).toEqual(Either.right(text))
  })

  it("is read from this text, and from one of a later version with more in it", () => {
    for (const [{ key: _, ...spec }, text] of bodies) {
      expect(decodeBody(text)).toEqual({
        ...JSON.parse(JSON.stringify(spec)),
        restart: spec.restart,
        shutdown: spec.shutdown
      })
      expect(decodeBody(text.replace("{", "{\"later\":[1],"))).toEqual(decodeBody(text))
    }
  })
})

describe("records", () => {
  it("are these texts", () => {
    const spec = {
      generation: 7,
      stamp: 9,
      op: "a1",
      initial: true,
      failed: true,
      birth: 7,
      stateful: false,
      refused: ["1.6b84b53d", "2.00000000"],
      body: "{|}"
    }
    expect(formatSpec(spec)).toBe("7|9|a1|if|1.6b84b53d,2.00000000|{|}")
    expect(formatSpec({ ...spec, initial: false, failed: false, refused: [] })).toBe("7|9|a1|||{|}")
    expect(formatSpec({ ...spec, refused: [], birth: 5, stateful: true })).toBe("7|9|a1|ifs5||{|}")
    const state = { birth: 5, token: 12, version: 3, at: 1, kindVersion: 2, node: "a%7C", lost: false, body: "{|}" }
    expect(formatState(state)).toBe("5|12|3|1|2|a%7C||{|}")
    expect(formatState({ ...state, lost: true, body: "" })).toBe("5|12|3|1|2|a%7C|l|")
    const tomb = {
      stamp: 9,
      generation: 7,
      op: "a1",
      endOp: "b2",
      how: "terminated",
      initial: true,
      pruned: false
    } as const
    expect(formatTomb(tomb)).toBe("9|7|a1|b2|d|i")
    expect(formatTomb({ ...tomb, how: "ended", initial: false })).toBe("9|7|a1|b2|e|")
    expect(formatTomb({ ...tomb, initial: false, pruned: true })).toBe("9|7|a1|b2|d|p")
    expect(formatClaim({ token: 12, generation: 7, sid: "a#01" })).toBe("12:7:a#01")
    expect(
      formatStat({ token: 12, state: "restarting", restarts: 2, since: 1.9, next: 5.2, cause: "Error: x\n  at y" })
    )
      .toBe("12:restarting:2:1:5:Error: x\n  at y")
    expect(formatNode({ version: 4, opened: 3, json: "{}" })).toBe("4|3|{}")
  })
})

class Refused extends Schema.TaggedError<Refused>("test/Refused")("Refused", { why: Schema.String }) {}

const Job = Child.make("Job", {
  payload: { at: Schema.Date, every: Schema.DurationFromMillis, size: Schema.BigInt },
  protocol: [
    Rpc.make("add", {
      payload: { by: Schema.Number, at: Schema.Date },
      success: Schema.OptionFromNullOr(Schema.Number)
    }),
    Rpc.make("nothing"),
    Rpc.make("refuse", { error: Refused }),
    Rpc.make("die"),
    Rpc.make("dieOfText"),
    Rpc.make("failTwice", { error: Refused }),
    Rpc.make("stop"),
    Rpc.make("hang"),
    Rpc.make("range", { success: Schema.Number, error: Refused, stream: true })
  ]
})

const JobLive = Job.toLayer(() => ({
  add: ({ by }) => Effect.succeedSome(by + 1),
  nothing: () => Effect.void,
  refuse: () => Effect.fail(new Refused({ why: "no" })),
  die: () => Effect.die(new TypeError("ouch")),
  dieOfText: () => Effect.die("text"),
  failTwice: () => Effect.ensuring(Effect.fail(new Refused({ why: "first" })), Effect.die("then")),
  stop: () => Effect.interrupt,
  hang: () => Effect.never,
  range: () => Stream.concat(Stream.range(1, 3), Stream.fail(new Refused({ why: "end" })))
}))

type Transport = NodeTransport.NodeTransport["Type"]

/** A cluster of the job's node and a caller, whose requests and messages are written down. */
const overheard = Effect.gen(function*() {
  const requests: Array<{ readonly name: string; readonly args: unknown }> = []
  const messages: Array<readonly [from: "caller" | "callee", message: ReadonlyArray<unknown>]> = []
  const memory = yield* GroupRegistry.makeMemory()
  const registry: Registry = GroupRegistry.makeEncoded({
    ...memory,
    execute: (name, envelope, args) => {
      requests.push({ name, args })
      return memory.execute(name, envelope, args)
    }
  })
  const heard = (from: "caller" | "callee", connection: NodeTransport.Connection): NodeTransport.Connection => ({
    ...connection,
    send: (message) => {
      messages.push([from, message])
      return connection.send(message)
    }
  })
  const { transport } = makeHub()
  const tapped: Transport = {
    listen: (self, serve) => transport.listen(self, (connection) => serve(heard("callee", connection))),
    connect: (self, address) =>
      Effect.map(transport.connect(self, address), (connection) => heard("caller", connection))
  }
  const cluster = yield* makeCluster(registry, JobLive)
  yield* cluster.add("a", { transport: tapped, labels: { zone: "a" }, weight: 2, watchProcesses: false })
  const { pogo } = yield* cluster.add("caller", { transport: tapped, watchProcesses: false }, Layer.empty)
  yield* pogo.startChild(
    Job.spec("x", { at: new Date(0), every: Duration.seconds(2), size: 5n }, { shutdown: "1 minute" })
  )
  yield* passing(pogo.awaitChild("Job/x"))
  const jobs = yield* Effect.provideService(Job.client, Pogo.Pogo, pogo)
  return { requests, messages, pogo, job: jobs("x") }
})

describe("what a node sends to the registry", () => {
  it.scoped("is these records", () =>
    Effect.gen(function*() {
      const { pogo, requests } = yield* overheard
      yield* pogo.terminateChild("Job/x")
      yield* TestClock.adjust("5 seconds")
      const records = requests.flatMap(({ args, name }) =>
        name === "update" ? [(args as { readonly record: string }).record] : []
      )
      const withKind = records.find((record) => record.includes("Job"))
      // Addresses in memory are numbered in the whole process.
      const record = withKind?.replace(/"process":\{.*?\},/, "").replace(/(?<=memory:default\/a\/)\d+/, "1")
      expect(record).toBe(
        "{\"name\":\"a\",\"weight\":2,\"labels\":{\"zone\":\"a\"},\"kinds\":{\"Job\":{\"version\":1,\"digest\":\"685e348d\"}}," +
          "\"cordoned\":false,\"draining\":false,\"joining\":false,\"twin\":false,\"address\":\"memory:default/a/1\"," +
          "\"knows\":[\"directives\",\"placement\",\"trials\",\"revisions\"],\"obeys\":0,\"namedByPid\":false}"
      )
      const put = requests.find(({ name }) => name === "put")?.args
      expect(put).toMatchObject({
        items: [{
          body: "{\"kind\":\"Job\",\"payload\":{\"at\":\"1970-01-01T00:00:00.000Z\",\"every\":2000,\"size\":\"5\"}," +
            "\"shutdown\":60000,\"version\":1}"
        }]
      })
      const reports = requests.filter(({ name }) => name === "report").map(({ args }) => args)
      expect(reports[0]).toMatchObject({ items: [{ id: "Job/x", token: 15, stat: "15:running:0:0:0:" }] })
    }))
})

describe("what nodes say to each other", () => {
  it.scoped("is these messages", () =>
    Effect.gen(function*() {
      const { job, messages } = yield* overheard
      const calls = [
        job.add({ by: 1, at: new Date(5) }),
        job.nothing(),
        job.refuse(),
        job.die(),
        job.dieOfText(),
        job.failTwice(),
        job.stop(),
        Stream.runDrain(job.range())
      ]
      for (const call of calls) yield* passing(Effect.exit(call as Effect.Effect<unknown, unknown>))
      const hanging = yield* Effect.fork(job.hang())
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(hanging)
      yield* TestClock.adjust("1 second")
      const by = (from: string) => messages.filter(([who]) => who === from).map(([, message]) => message)
      expect(by("caller")).toEqual([
        [0, 1, "Job/x", 15, "add", { by: 1, at: "1970-01-01T00:00:00.005Z" }, 5_000],
        [0, 2, "Job/x", 15, "nothing", undefined, 5_000],
        [0, 3, "Job/x", 15, "refuse", undefined, 5_000],
        [0, 4, "Job/x", 15, "die", undefined, 5_000],
        [0, 5, "Job/x", 15, "dieOfText", undefined, 5_000],
        [0, 6, "Job/x", 15, "failTwice", undefined, 5_000],
        [0, 7, "Job/x", 15, "stop", undefined, 5_000],
        [0, 8, "Job/x", 15, "range", undefined, 5_000],
        [0, 9, "Job/x", 15, "hang", undefined, 5_000],
        [1, 9]
      ])
      expect(by("callee")).toEqual([
        [10, 1, 2],
        [10, 2, undefined],
        [11, 3, { _tag: "Fail", error: { why: "no", _tag: "Refused" } }],
        [11, 4, { _tag: "Die", defect: { name: "TypeError", message: "ouch" } }],
        [11, 5, { _tag: "Die", defect: "text" }],
        [11, 6, {
          _tag: "Sequential",
          left: { _tag: "Fail", error: { why: "first", _tag: "Refused" } },
          right: { _tag: "Die", defect: "then" }
        }],
        [12, 7, "ended", "its handler was interrupted", 0, 0],
        [13, 8],
        [14, 8, [1, 2, 3]],
        [11, 8, { _tag: "Fail", error: { why: "end", _tag: "Refused" } }]
      ])
    }))
})
