import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

const src = fileURLToPath(new URL("./src", import.meta.url))

/** Files of the second tier, `npm run test:deep`. All others are of the first, `npm test`. */
const deep = "test/**/*.deep.test.ts"

const onRedis = ["test/redis/**/*.test.ts", "test/security/server.test.ts"]
/** Of those, what is about the scripts and the server, whatever client sends them, or brings its own client. */
const onServer = ["lua", "scripts", "twin", "layout", "connectionStorm", "doctor"].map((name) =>
  `test/redis/${name}.test.ts`
)
const betweenProcesses = "test/process/**/*.test.ts"

/** The files that take longest, the longest first: what is begun last must not be waited for alone. */
const long = [
  "process/processFaults",
  "process/redisOutages",
  "process/network",
  "process/failover",
  "simulation/",
  "process/",
  "examples/",
  "redis/",
  "cluster/"
]

const rank = ({ moduleId }: TestSpecification): number => {
  const i = long.findIndex((part) => moduleId.includes(part))
  return i < 0 ? long.length : i
}

class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    return [...files].sort((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1))
  }
}

// A guard against tests that never end, and not a measure of anything: a busy machine may take its time.
const common = {
  testTimeout: 2_700_000,
  hookTimeout: 2_700_000,
  expect: { poll: { timeout: 600_000 } }
}

const withRedis = { ...common, globalSetup: ["test/support/redisGlobal.ts"] }

export default defineConfig({
  test: {
    pool: "forks",
    // As many at least as at most: vitest 3 fails when it ends idle workers that are not isolated.
    maxWorkers: 2,
    minWorkers: 2,
    poolOptions: { forks: { execArgv: ["--import", new URL(".ci/vitest-worker.mjs", import.meta.url).href] } },
    // Tests of one file that go on at once, where it says so.
    maxConcurrency: 3,
    sequence: { sequencer: LongestFirst },
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "html"]
    },
    projects: [
      {
        extends: true,
        test: {
          ...common,
          name: "unit",
          include: ["test/**/*.test.ts", "examples/testing/*.test.ts"],
          exclude: [...onRedis, betweenProcesses, deep]
        }
      },
      { extends: true, test: { ...withRedis, name: "redis", include: onRedis, exclude: [deep] } },
      { extends: true, test: { ...withRedis, name: "process", include: [betweenProcesses], exclude: [deep] } },
      { extends: true, test: { ...withRedis, name: "deep", include: [deep] } },
      {
        extends: true,
        test: {
          ...withRedis,
          name: "ioredis-6",
          include: onRedis,
          exclude: [deep, ...onServer],
          alias: { ioredis: "ioredis-6" }
        }
      }
    ]
  },
  resolve: {
    alias: [
      { find: /^effect-pogo$/, replacement: `${src}/index.ts` },
      { find: /^effect-pogo\/(.*)$/, replacement: `${src}/$1.ts` }
    ]
  }
})
