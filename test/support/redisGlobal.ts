/** One Redis server for a whole run of the tests; its address is `inject("redisUrl")`. */
import type { ProvidedContext } from "vitest"
import type { TestProject } from "vitest/node"
import { startRedis } from "./redisServer.js"

declare module "vitest" {
  interface ProvidedContext {
    readonly redisUrl: string
  }
}

const given = "POGO_REDIS_URL"
const key: keyof ProvidedContext = "redisUrl"

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const url = process.env[given]
  if (url !== undefined && url !== "") {
    project.provide(key, url)
    return async () => {}
  }
  const server = await startRedis()
  // Every vitest project runs this file; the later ones, and child processes, find the server of the first.
  process.env[given] = server.url
  project.provide(key, server.url)
  return async () => {
    delete process.env[given]
    await server.stop()
  }
}
