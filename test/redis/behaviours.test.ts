import { describe } from "@effect/vitest"
import { Context, Duration, Effect, Layer, TestServices } from "effect"
import { GroupRegistry } from "effect-pogo"
import * as GroupRegistryRedis from "effect-pogo/GroupRegistryRedis"
import { inject } from "vitest"
import { behaviours } from "../support/behaviours.js"
import { leaseFactor } from "../support/pace.js"
import { polling, type World } from "../support/world.js"

/** A lease of about 4 seconds, more on a busy machine: all times of the suite are scaled with it. */
const scale = leaseFactor() / 4

let scopes = 0

const pass: World["pass"] = (duration) => Effect.sleep(Duration.times(duration, scale))

const redisWorld: World = {
  name: "redis",
  options: { ttl: Duration.times("15 seconds", scale) },
  run: TestServices.provideLive,
  registry: Effect.suspend(() =>
    Layer.build(GroupRegistryRedis.layer({
      url: inject("redisUrl"),
      keyPrefix: `behaviours-${process.pid}-${++scopes}:`,
      onEmpty: "trust"
    }))
  ).pipe(Effect.map((context) => Context.get(context, GroupRegistry.GroupRegistry)), Effect.orDie),
  passing: (effect) => effect,
  pass,
  until: polling(pass, "100 millis"),
  agreement: "2 minutes"
}

describe("on Redis, in real time", () => behaviours(redisWorld))
