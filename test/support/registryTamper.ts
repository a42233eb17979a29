/** What happens to data behind the registry's back. */
import type { Redis } from "ioredis"
import { parts } from "../../src/internal/redis/scripts.js"
import type { Part } from "./registryData.js"

export { parts }
export type { Part }

/** A copy of all parts, as a replica that stopped following would have. */
export type Copy = ReadonlyMap<Part, Buffer>

export const keepParts = async (redis: Redis, keys: ReadonlyArray<string>): Promise<Copy> => {
  const copy = new Map<Part, Buffer>()
  for (const [i, key] of keys.entries()) {
    const dump: Buffer | null = await redis.dumpBuffer(key)
    if (dump !== null) copy.set(parts[i]!, dump)
  }
  return copy
}

/** Puts some parts of a copy back. */
export const restoreParts = async (
  redis: Redis,
  keys: ReadonlyArray<string>,
  some: ReadonlyArray<Part>,
  copy: Copy
): Promise<void> => {
  for (const part of some) {
    const key = keys[parts.indexOf(part)]!
    const dump = copy.get(part)
    if (dump === undefined) await redis.del(key)
    else await redis.restore(key, 0, dump, "REPLACE")
  }
}

/** Removes all keys of a scope. */
export const removeAll = async (redis: Redis, keys: ReadonlyArray<string>): Promise<void> => {
  await redis.del(...keys)
}
