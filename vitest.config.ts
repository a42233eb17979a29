import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src", import.meta.url))

const common = {
  testTimeout: 30_000,
  hookTimeout: 60_000
}

const globalSetup = ["test/support/redisGlobal.ts"]

export default defineConfig({
  test: {
    pool: "forks",
    // Timing tests share the machine with Redis and with the processes they start.
    maxWorkers: 2,
    minWorkers: 1,
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
          exclude: ["test/redis/**", "test/process/**", "test/security/server.test.ts"],
          sequence: { groupOrder: 0 }
        }
      },
      {
        extends: true,
        test: {
          ...common,
          name: "redis",
          include: ["test/redis/**/*.test.ts", "test/security/server.test.ts"],
          globalSetup,
          sequence: { groupOrder: 1 }
        }
      },
      {
        // Real processes, crashes and clocks: one file at a time. Tests mostly wait, so three go on at once. On a machine
        // that is busy with other things a process may be paused for longer than any lease: one more try, and it is told.
        extends: true,
        test: {
          ...common,
          name: "process",
          include: ["test/process/**/*.test.ts"],
          maxConcurrency: 3,
          testTimeout: 150_000,
          retry: 1,
          globalSetup,
          sequence: { groupOrder: 2 },
          poolOptions: { forks: { singleFork: true } }
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
