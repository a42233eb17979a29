import { describe, expect, it } from "@effect/vitest"
import { Cause, Config, ConfigError, ConfigProvider, Duration, Effect, Either, FastCheck, Layer, Logger } from "effect"
import { Child, GroupRegistry, Pogo, PogoConfig, PogoLive } from "effect-pogo"
import { readdirSync, readFileSync } from "node:fs"
import * as os from "node:os"
import { holds } from "./support/arbitrary.js"

type Environment = { readonly [name: string]: string }

const load = (environment: Environment, overrides?: PogoConfig.Options) =>
  Effect.withConfigProvider(
    PogoConfig.fromConfig(PogoConfig.config, overrides),
    ConfigProvider.fromMap(new Map(Object.entries(environment)))
  )

const resolved = (options: PogoConfig.Options) => Either.getOrThrow(PogoConfig.resolve(options))

const refused = (options: PogoConfig.Options) => Either.getOrThrow(Either.flip(PogoConfig.resolve(options)))

describe("defaults", () => {
  it.effect("are what is documented, in code and from an empty environment", () =>
    Effect.gen(function*() {
      const { name, namedByPid, ...rest } = yield* load({})
      expect(name).toBe(`${os.hostname()}-${process.pid}`)
      expect(rest).toEqual({
        scope: "default",
        children: [],
        timing: {
          ttl: 15_000,
          heartbeat: 2_000,
          commandTimeout: 2_000,
          maxStep: 2_500,
          margin: 7_000,
          stopBudget: 3_000,
          moveDebounce: 1_000,
          syncInterval: 30_000
        },
        moveParallel: 16,
        keepEnded: { millis: 86_400_000, count: 50_000 },
        keepHistory: { millis: 604_800_000, count: 20_000 },
        joinTimeout: 60_000,
        drainTimeout: 20_000,
        labels: {},
        weight: 1,
        maxChildren: 15_000,
        revision: "",
        rolloutPatience: 600_000,
        rebalance: "always",
        intensity: undefined,
        watchProcesses: true,
        callTimeout: 5_000,
        traceCalls: false
      })
      expect(resolved({})).toEqual({ name, namedByPid, ...rest })
    }))

  it("of times scale with ttl", () => {
    expect(resolved({ ttl: "30 seconds" }).timing).toMatchObject({ heartbeat: 4_000, margin: 14_000 })
  })
})

describe("POGO_*", () => {
  it.effect.each<readonly [string, string, object]>([
    ["POGO_NODE_NAME", "pod-1", { name: "pod-1" }],
    ["POGO_SCOPE", "billing", { scope: "billing" }],
    ["POGO_TTL", "30 seconds", { timing: { ttl: 30_000 } }],
    ["POGO_HEARTBEAT", "1 second", { timing: { heartbeat: 1_000 } }],
    ["POGO_COMMAND_TIMEOUT", "1500 millis", { timing: { commandTimeout: 1_500 } }],
    ["POGO_MAX_STEP", "2600 millis", { timing: { maxStep: 2_600 } }],
    ["POGO_MARGIN", "8 seconds", { timing: { margin: 8_000 } }],
    ["POGO_STOP_BUDGET", "2 seconds", { timing: { stopBudget: 2_000 } }],
    ["POGO_MOVE_DEBOUNCE", "5 seconds", { timing: { moveDebounce: 5_000 } }],
    ["POGO_MOVE_PARALLEL", "4", { moveParallel: 4 }],
    ["POGO_KEEP_ENDED", "1h", { keepEnded: { millis: 3_600_000, count: 50_000 } }],
    ["POGO_MAX_ENDED", "2000", { keepEnded: { millis: 86_400_000, count: 2_000 } }],
    ["POGO_KEEP_HISTORY", "1 day", { keepHistory: { millis: 86_400_000, count: 20_000 } }],
    ["POGO_MAX_HISTORY", "0", { keepHistory: { millis: 604_800_000, count: 0 } }],
    ["POGO_SYNC_INTERVAL", "1 minute", { timing: { syncInterval: 60_000 } }],
    ["POGO_JOIN_TIMEOUT", "10 seconds", { joinTimeout: 10_000 }],
    ["POGO_JOIN_TIMEOUT", "0 seconds", { joinTimeout: 0 }],
    ["POGO_DRAIN_TIMEOUT", "3 seconds", { drainTimeout: 3_000 }],
    ["POGO_LABELS", "zone=a, disk=ssd ,,note=a=b", { labels: { zone: "a", disk: "ssd", note: "a=b" } }],
    ["POGO_WEIGHT", "2.5", { weight: 2.5 }],
    ["POGO_MAX_CHILDREN", "500", { maxChildren: 500 }],
    ["POGO_REVISION", "v1.2.3", { revision: "v1.2.3" }],
    ["POGO_ROLLOUT_PATIENCE", "1h", { rolloutPatience: 3_600_000 }],
    ["POGO_REBALANCE", "onLoss", { rebalance: "onLoss" }],
    ["POGO_WATCH_PROCESSES", "false", { watchProcesses: false }],
    ["POGO_MAX_RESTARTS", "3", { intensity: { maxRestarts: 3, within: Duration.seconds(5) } }]
  ])("%s is read: %s", ([name, value, expected]) =>
    Effect.gen(function*() {
      expect(yield* load({ [name]: value })).toMatchObject(expected)
    }))

  it.effect("POGO_MAX_RESTARTS_WITHIN is read with POGO_MAX_RESTARTS, and alone sets nothing", () =>
    Effect.gen(function*() {
      const within = { POGO_MAX_RESTARTS_WITHIN: "1 minute" }
      expect((yield* load(within)).intensity).toBeUndefined()
      expect((yield* load({ ...within, POGO_MAX_RESTARTS: "0" })).intensity).toEqual({
        maxRestarts: 0,
        within: Duration.minutes(1)
      })
    }))

  it.effect("empty names count as not given", () =>
    Effect.gen(function*() {
      const config = yield* load({ POGO_NODE_NAME: " ", POGO_SCOPE: "", POGO_LABELS: "" })
      expect(config).toMatchObject({ name: `${os.hostname()}-${process.pid}`, scope: "default", labels: {} })
    }))

  it.effect("is overridden by what is given in code, save by what is undefined there", () =>
    Effect.gen(function*() {
      const environment = { POGO_NODE_NAME: "env", POGO_SCOPE: "env", POGO_TTL: "30 seconds", POGO_WEIGHT: "2" }
      const config = yield* load(environment, { name: "code", scope: undefined, weight: 3 })
      expect(config).toMatchObject({ name: "code", scope: "env", weight: 3, timing: { ttl: 30_000 } })
    }))

  it.effect.each<readonly [string, string]>([
    ["POGO_TTL", "soon"],
    ["POGO_TTL", ""],
    ["POGO_HEARTBEAT", "2"],
    ["POGO_COMMAND_TIMEOUT", "x"],
    ["POGO_MAX_STEP", "1 fortnight"],
    ["POGO_MARGIN", "NaN"],
    ["POGO_STOP_BUDGET", "three seconds"],
    ["POGO_MOVE_DEBOUNCE", "?"],
    ["POGO_MOVE_PARALLEL", "1.5"],
    ["POGO_MAX_ENDED", "many"],
    ["POGO_MAX_HISTORY", "many"],
    ["POGO_MOVE_PARALLEL", "many"],
    ["POGO_SYNC_INTERVAL", "never"],
    ["POGO_JOIN_TIMEOUT", "x"],
    ["POGO_JOIN_TIMEOUT", "-5 seconds"],
    ["POGO_TTL", "15"],
    ["POGO_DRAIN_TIMEOUT", "x"],
    ["POGO_LABELS", "zone"],
    ["POGO_LABELS", "=a"],
    ["POGO_LABELS", "a=1,a=2"],
    ["POGO_WEIGHT", "heavy"],
    ["POGO_MAX_CHILDREN", "many"],
    ["POGO_MAX_RESTARTS", "few"],
    ["POGO_ROLLOUT_PATIENCE", "long"],
    ["POGO_REBALANCE", "never"],
    ["POGO_WATCH_PROCESSES", "maybe"],
    ["POGO_MAX_RESTARTS_WITHIN", "x"]
  ])("%s = %j is a ConfigError that names it", ([name, value]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(load({ POGO_MAX_RESTARTS: "1", [name]: value }))
      expect(ConfigError.isConfigError(error)).toBe(true)
      expect(JSON.stringify(error)).toContain(name)
    }))

  it.effect.each<readonly [string, string, string]>([
    ["POGO_NODE_NAME", "a#b", "name"],
    ["POGO_SCOPE", "a|b", "scope"],
    ["POGO_TTL", "100 millis", "ttl"],
    ["POGO_HEARTBEAT", "0 seconds", "heartbeat"],
    ["POGO_HEARTBEAT", "3 seconds", "maxStep"],
    ["POGO_COMMAND_TIMEOUT", "3 seconds", "maxStep"],
    ["POGO_MAX_STEP", "4 seconds", "margin"],
    ["POGO_MARGIN", "1 second", "margin"],
    ["POGO_STOP_BUDGET", "4 seconds", "margin"],
    ["POGO_SYNC_INTERVAL", "0 seconds", "syncInterval"],
    ["POGO_MOVE_PARALLEL", "0", "moveParallel"],
    ["POGO_KEEP_ENDED", "59s", "keepEnded"],
    ["POGO_MAX_ENDED", "999", "maxEnded"],
    ["POGO_KEEP_HISTORY", "59s", "keepHistory"],
    ["POGO_MAX_HISTORY", "999", "maxHistory"],
    ["POGO_MAX_ENDED", "-1", "maxEnded"],
    ["POGO_MOVE_PARALLEL", "-1", "moveParallel"],
    ["POGO_WEIGHT", "0", "weight"],
    ["POGO_MAX_CHILDREN", "0", "maxChildren"],
    ["POGO_REVISION", "a|b", "revision"],
    ["POGO_ROLLOUT_PATIENCE", "0", "rolloutPatience"],
    ["POGO_WEIGHT", "-1", "weight"],
    ["POGO_MAX_RESTARTS", "-1", "intensity.maxRestarts"],
    ["POGO_MAX_RESTARTS_WITHIN", "0 seconds", "intensity.within"]
  ])(
    "%s = %s is an InvalidConfig of the setting that breaks a rule",
    ([name, value, setting]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(load({ POGO_MAX_RESTARTS: "1", [name]: value }))
        expect(error).toMatchObject({ _tag: "InvalidConfig", setting })
      })
  )
})

describe("a duration in the environment", () => {
  const joinTimeout = (text: string) => Effect.map(load({ POGO_JOIN_TIMEOUT: text }), (config) => config.joinTimeout)

  it.effect.each<readonly [string, number]>([
    ["500ms", 500],
    ["5s", 5_000],
    ["1m", 60_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["0", 0],
    ["0s", 0],
    ["1.5s", 1_500],
    [" 5 S ", 5_000],
    ["90sec", 90_000],
    ["15 seconds", 15_000],
    ["1 minute", 60_000],
    ["250 millis", 250],
    ["2 weeks", 1_209_600_000]
  ])("may be %j", ([text, millis]) => Effect.map(joinTimeout(text), (read) => expect(read).toBe(millis)))

  it.effect.each(["5", "five", "", " ", "-5s", "5 s s", "1e3s", "Infinity", "5M5", "5fortnights"])(
    "is not %j: the error names the variable, the text and the forms",
    (text) =>
      Effect.gen(function*() {
        const error = Cause.pretty(Cause.fail(yield* Effect.flip(joinTimeout(text))))
        for (const part of ["POGO_JOIN_TIMEOUT", JSON.stringify(text), "500ms, 5s, 1m", "or 0"]) {
          expect(error).toContain(part)
        }
      })
  )
})

describe("names that are no settings", () => {
  /** What is warned of when the settings are read from a provider. */
  const warnings = (provider: ConfigProvider.ConfigProvider) =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      yield* PogoConfig.fromConfig(PogoConfig.config).pipe(
        Effect.withConfigProvider(provider),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      return lines
    })

  const given = (environment: Environment) => {
    const names = new Map(Object.entries(environment))
    return [ConfigProvider.fromMap(names), ConfigProvider.fromMap(names, { pathDelim: "_" })]
  }

  it.effect.each<readonly [string, string]>([
    ["POGO_TLL", "did you mean POGO_TTL?"],
    ["POGO_NODENAME", "did you mean POGO_NODE_NAME?"],
    ["POGO_MAX_RESTART", "did you mean POGO_MAX_RESTARTS?"],
    ["POGO_MAX", "lists all"],
    ["POGO_RPC_SECRETS", "did you mean POGO_RPC_SECRET?"],
    ["POGO_FAVOURITE_COLOUR", "lists all"]
  ])("%s is warned of: %s", ([name, remedy]) =>
    Effect.gen(function*() {
      for (const provider of given({ [name]: "5s", POGO_MAX_STEP: "2500ms", POGO: "x", PATH: "/bin" })) {
        expect(yield* warnings(provider)).toEqual([expect.stringContaining(remedy)])
        expect(yield* warnings(provider)).toEqual([expect.stringContaining(`${name} is set`)])
      }
    }))

  it.effect("none that this package reads, or that says where the user's Redis is, is warned of", () =>
    Effect.gen(function*() {
      const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"))
      const read = files.flatMap((name) =>
        readFileSync(`src/${name}`, "utf8").match(/(?<=\(")POGO_[A-Z_]+(?=")/g) ?? []
      )
      expect(read.length).toBeGreaterThan(20)
      const names = [...read, "POGO_REDIS_URL", "POGO_HTTP_URL"].filter((name) => name !== "POGO_")
      const environment = Object.fromEntries(names.map((name) => [name, "POGO_MAX_RESTARTS" === name ? "1" : ""]))
      // Only the list of names matters: the values need not fit.
      const config = Config.succeed({})
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      for (const provider of given(environment)) {
        yield* PogoConfig.fromConfig(config).pipe(
          Effect.withConfigProvider(provider),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
      }
      expect(lines).toEqual([])
    }))

  it.effect("a provider that cannot list its names is none to warn of", () =>
    Effect.gen(function*() {
      const flat = ConfigProvider.fromMap(new Map()).flattened
      const dies = ConfigProvider.fromFlat({ ...flat, enumerateChildren: () => Effect.die("no list") })
      expect(yield* warnings(dies)).toEqual([])
    }))
})

describe("code beside environment", () => {
  const environment = ConfigProvider.fromMap(new Map([["POGO_LABELS", "from=environment"], ["POGO_TLL", "5s"]]))
  type Built = Layer.Layer<Pogo.Pogo, unknown, GroupRegistry.GroupRegistry>
  const code = { labels: { from: "code" } }
  const defaultOfMine = Config.map(PogoConfig.config, (env) => ({ ...env, labels: env.labels ?? code.labels }))

  it.scoped.each<readonly [string, Built, from: string | undefined, warned: number]>([
    ["Pogo.layer reads code only", Pogo.layer(code), "code", 0],
    ["Pogo.layer reads code only, though it says nothing", Pogo.layer(), undefined, 0],
    ["PogoLive reads the environment", PogoLive, "environment", 1],
    ["Pogo.layerConfig reads both", Pogo.layerConfig({ weight: 2 }), "environment", 1],
    ["Pogo.layerConfig lets code stand", Pogo.layerConfig(code), "code", 1],
    ["Pogo.layerConfig with a source lets code stand", Pogo.layerConfig(PogoConfig.config, code), "code", 1],
    ["a source of one's own lets the environment stand", Pogo.layerConfig(defaultOfMine), "environment", 1]
  ])("%s", ([, supervisor, from, warned]) =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const [node] = yield* Pogo.nodes.pipe(
        Effect.provide(Layer.provide(supervisor, GroupRegistry.layerMemory)),
        Effect.withConfigProvider(environment),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      expect(node?.labels["from"]).toBe(from)
      expect(lines.filter((line) => line.includes("POGO_TLL"))).toHaveLength(warned)
    }))

  it.scoped("Pogo.layerConfig takes the tag of a further supervisor", () =>
    Effect.gen(function*() {
      class Billing extends Pogo.Tag("Billing")<Billing>() {}
      const BillingLive = Layer.provide(Pogo.layerConfig({ supervisor: Billing }), GroupRegistry.layerMemory)
      const nodes = Effect.flatMap(Billing, (billing) => billing.nodes)
      const [node] = yield* Effect.provide(nodes, BillingLive).pipe(Effect.withConfigProvider(environment))
      expect(node?.labels).toEqual({ from: "environment" })
    }))
})

describe("resolve", () => {
  it("tells whether a name holds the id of the process, save for ids so small that they may stand there by chance", () => {
    const isByPid = (pid: number, name: string | undefined) => {
      const original = Object.getOwnPropertyDescriptor(process, "pid")!
      Object.defineProperty(process, "pid", { ...original, value: pid })
      const { namedByPid } = resolved({ name })
      Object.defineProperty(process, "pid", original)
      return namedByPid
    }
    expect(isByPid(4_711, undefined)).toBe(true)
    for (const name of ["web-4711", "4711", "4711.web"]) expect([name, isByPid(4_711, name)]).toEqual([name, true])
    for (const name of ["web", "web-47110", "web-14711"]) expect([name, isByPid(4_711, name)]).toEqual([name, false])
    expect([isByPid(7, "web-7"), isByPid(1, undefined)]).toEqual([false, false])
  })

  it("takes every setting in code", () => {
    const Kind = Child.make("K", { payload: {} })
    const children = [Kind.spec("x", {})]
    const intensity = { maxRestarts: 3, within: "1 minute" } as const
    const config = resolved({
      name: "n",
      scope: "s",
      children,
      ttl: 20_000,
      heartbeat: Duration.seconds(3),
      commandTimeout: "1 second",
      maxStep: 3_500,
      margin: 9_000n * 1_000_000n,
      stopBudget: [2, 0],
      moveDebounce: "2 seconds",
      moveParallel: 1,
      keepEnded: "1 hour",
      maxEnded: 1_000,
      keepHistory: "1 day",
      maxHistory: 5_000,
      syncInterval: "1 hour",
      joinTimeout: 0,
      drainTimeout: "1 second",
      labels: { zone: "a" },
      weight: 0.5,
      maxChildren: 7,
      revision: "v2 (abc)",
      rolloutPatience: Duration.infinity,
      rebalance: "onLoss",
      intensity,
      watchProcesses: false,
      callTimeout: "3 seconds",
      traceCalls: true
    })
    expect(config).toEqual({
      name: "n",
      namedByPid: false,
      scope: "s",
      children,
      timing: {
        ttl: 20_000,
        heartbeat: 3_000,
        commandTimeout: 1_000,
        maxStep: 3_500,
        margin: 9_000,
        stopBudget: 2_000,
        moveDebounce: 2_000,
        syncInterval: 3_600_000
      },
      moveParallel: 1,
      keepEnded: { millis: 3_600_000, count: 1_000 },
      keepHistory: { millis: 86_400_000, count: 5_000 },
      joinTimeout: 0,
      drainTimeout: 1_000,
      labels: { zone: "a" },
      weight: 0.5,
      maxChildren: 7,
      revision: "v2 (abc)",
      rolloutPatience: Infinity,
      rebalance: "onLoss",
      intensity,
      watchProcesses: false,
      callTimeout: 3_000,
      traceCalls: true
    })
  })

  const wrong: ReadonlyArray<readonly [setting: string, options: PogoConfig.Options]> = [
    ["name", { name: "" }],
    ["name", { name: "x".repeat(129) }],
    ["name", { name: "é".repeat(65) }],
    ["name", { name: "a\nb" }],
    ["name", { name: "\ud800" }],
    ["name", { name: "{a}" }],
    ["name", { name: {} as never }],
    ["name", { name: Object.create(null) as never }],
    ["ttl", { ttl: Object.create(null) as never }],
    ["weight", { weight: Object.create(null) as never }],
    ["scope", { scope: Symbol("s") as never }],
    ["scope", { scope: "a#b" }],
    ["scope", { scope: "" }],
    ["ttl", { ttl: Number.NaN }],
    ["ttl", { ttl: -1 }],
    ["ttl", { ttl: Infinity }],
    ["ttl", { ttl: "soon" as never }],
    ["heartbeat", { heartbeat: Duration.infinity }],
    ["heartbeat", { heartbeat: {} as never }],
    ["moveDebounce", { moveDebounce: -5 }],
    ["joinTimeout", { joinTimeout: Number.NaN }],
    ["joinTimeout", { joinTimeout: "later" as never }],
    ["drainTimeout", { drainTimeout: -1 }],
    ["moveParallel", { moveParallel: 0.5 }],
    ["moveParallel", { moveParallel: Infinity }],
    ["moveParallel", { moveParallel: Number.NaN }],
    ["weight", { weight: Infinity }],
    ["weight", { weight: Number.NaN }],
    ["watchProcesses", { watchProcesses: "yes" as never }],
    ["intensity.maxRestarts", { intensity: { maxRestarts: 1.5, within: "1 second" } }],
    ["intensity.maxRestarts", { intensity: { maxRestarts: Number.NaN, within: "1 second" } }],
    ["intensity.within", { intensity: { maxRestarts: 1, within: "soon" as never } }],
    ["intensity.within", { intensity: { maxRestarts: 1, within: Number.NaN } }],
    ["intensity.within", { intensity: { maxRestarts: 1, within: -1 } }],
    ["callTimeout", { callTimeout: 0 }],
    ["callTimeout", { callTimeout: Infinity }],
    ["callTimeout", { callTimeout: "soon" as never }],
    ["labels", { labels: { zone: 1 as never } }],
    ["labels", { labels: "zone=a" as never }]
  ]

  it.each(wrong)("refuses a wrong %s: %j", (setting, options) => {
    const error = refused(options)
    expect(error).toMatchObject({ _tag: "InvalidConfig", setting })
    expect(error.rule).not.toBe("")
    expect(error.remedy).not.toBe("")
    expect(error.message).toContain(setting)
  })

  it("accepts names of any script, to the last byte", () => {
    for (const name of ["x".repeat(128), "é".repeat(64), "日本 🐎", "a/b:c.d-e_f", "__proto__"]) {
      expect(resolved({ name, scope: name })).toMatchObject({ name, scope: name })
    }
  })

  const anyDuration = FastCheck.oneof(
    FastCheck.double(),
    FastCheck.bigInt(),
    FastCheck.string(),
    FastCheck.tuple(FastCheck.double(), FastCheck.double())
  )

  const anySetting = FastCheck.oneof(
    FastCheck.tuple(FastCheck.constantFrom("name", "scope"), FastCheck.string({ unit: "binary" })),
    FastCheck.tuple(FastCheck.constantFrom("moveParallel", "weight"), FastCheck.double()),
    FastCheck.tuple(FastCheck.constantFrom("ttl", "heartbeat", "margin", "joinTimeout", "drainTimeout"), anyDuration)
  )

  holds("never throws, and never lets a time or a number through that is none", [anySetting], ([setting, value]) => {
    const result = PogoConfig.resolve({ [setting]: value })
    if (Either.isLeft(result)) {
      expect(result.left.message).toContain("setting")
      return
    }
    const { drainTimeout, joinTimeout, moveParallel, timing, weight } = result.right
    for (const number of [...Object.values(timing), weight]) expect(number > 0 && number < Infinity).toBe(true)
    expect(drainTimeout >= 0 && joinTimeout >= 0 && Number.isInteger(moveParallel)).toBe(true)
  }, 2_000)
})
