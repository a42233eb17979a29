/** The registries obey the same rules: the one in memory, and the one on Redis. */
import { afterAll, beforeAll, describe } from "@effect/vitest"
import type { Redis } from "ioredis"
import { inject } from "vitest"
import { conformance } from "../support/registryConformance.js"
import { connect } from "../support/registryScripted.js"
import { memorySubject, placeOf, redisSubject } from "../support/registrySubject.js"

describe("in memory", () => conformance(memorySubject))

describe("on Redis", () => {
  const url = inject("redisUrl")
  let redis: Redis
  beforeAll(() => {
    redis = connect(url)
  })
  afterAll(() => redis.quit())
  conformance((onEmpty) => redisSubject(redis, placeOf(url))(onEmpty))
})
