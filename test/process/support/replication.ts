/**
 * A primary with a replica, and the Sentinels that watch them.
 */
import type { TestContext } from "vitest"
import { type RedisServer, startRedis } from "../../support/redisServer.js"
import { eventually } from "./fleet.js"
import { makeProxy, type Proxy } from "./proxy.js"

/** Environment of nodes with a lease of so many milliseconds. */
export const times = (millis: number): Record<string, string> => ({
  POGO_TTL: `${millis} millis`,
  TEST_ON_EMPTY: "trust",
  TEST_COMMAND_TIMEOUT: "500 millis"
})

/** Their ports, as the environment names them. */
export const portsOf = (servers: ReadonlyArray<RedisServer>): string => servers.map(({ port }) => port).join(",")

/** Whether a server takes writes. */
export const isPrimary = async (server: RedisServer): Promise<boolean> =>
  (await server.cli("INFO", "replication")).includes("role:master")

/** A pair of servers. */
export interface Replicated {
  readonly primary: RedisServer
  readonly replica: RedisServer
  /** The replica hears the primary through it. */
  readonly link: Proxy
}

/** A primary and a replica that follows it through a proxy. */
export const replicated = async (
  { onTestFinished }: TestContext,
  args: ReadonlyArray<string> = []
): Promise<Replicated> => {
  const fast = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", ...args]
  const primary = await startRedis({ args: fast })
  onTestFinished(() => primary.stop("SIGKILL"))
  const link = await makeProxy(primary.port)
  onTestFinished(link.close)
  const replica = await startRedis({ args: [...fast, "--replicaof", "127.0.0.1", String(link.port)] })
  onTestFinished(() => replica.stop("SIGKILL"))
  await eventually("the replica follows", async () => (await replica.cli("INFO", "replication")).includes("status:up"))
  return { primary, replica, link }
}

/** Sentinels that find the replica by its own address. */
export const sentinelsOf = async (
  { onTestFinished }: TestContext,
  primary: RedisServer
): Promise<ReadonlyArray<RedisServer>> => {
  const config = [
    `sentinel monitor main 127.0.0.1 ${primary.port} 2`,
    "sentinel down-after-milliseconds main 700",
    "sentinel failover-timeout main 3000",
    ""
  ].join("\n")
  const sentinels = await Promise.all([1, 2, 3].map(() => startRedis({ sentinel: true, config })))
  for (const sentinel of sentinels) onTestFinished(() => sentinel.stop("SIGKILL"))
  for (const sentinel of sentinels) {
    await eventually(
      "the sentinels know each other",
      async () =>
        /num-slaves\n1\n[\s\S]*num-other-sentinels\n2\n/.test(await sentinel.cli("SENTINEL", "MASTER", "main"))
    )
  }
  return sentinels
}
