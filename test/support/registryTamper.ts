/** What happens to data behind the registry's back. */
import type { Redis } from "ioredis"
import { parts } from "../../src/internal/redis/scripts.js"
import type { Part } from "./registryData.js"

export { parts }
export type { Part }

/** Keeps a copy of all keys, as a replica that stopped following would; tells which of them exist. */
export const keepParts = async (redis: Redis, keys: ReadonlyArray<string>): Promise<ReadonlyArray<Part>> => {
  const there: Array<Part> = []
  for (const [i, key] of keys.entries()) {
    if (await redis.copy(key, `${key}:kept`, "REPLACE") === 1) there.push(parts[i]!)
  }
  return there
}

/** Puts the copies of some parts back. */
export const restoreParts = async (
  redis: Redis,
  keys: ReadonlyArray<string>,
  some: ReadonlyArray<Part>,
  kept: ReadonlyArray<Part>
): Promise<void> => {
  for (const part of some) {
    const key = keys[parts.indexOf(part)]!
    await redis.del(key)
    if (kept.includes(part)) await redis.copy(`${key}:kept`, key, "REPLACE")
  }
}

/** Removes all keys of a scope, and the copies. */
export const removeAll = async (redis: Redis, keys: ReadonlyArray<string>): Promise<void> => {
  await redis.del(...keys, ...keys.map((key) => `${key}:kept`))
}
