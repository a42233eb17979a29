/**
 * Settings of the server that weaken the guarantees: read once, where that is permitted, and told with the remedy.
 *
 * @internal
 */

const valueOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\r?$`, "m").exec(info)?.[1]

/** What INFO `memory` and INFO `replication` give reason to warn of. */
export const advice = (
  description: string,
  memory: string,
  replication: string,
  canFailOver: boolean
): ReadonlyArray<string> => {
  const warnings: Array<string> = []
  const policy = valueOf(memory, "maxmemory_policy")
  // The policies named volatile-* evict keys that expire only, and none of ours does.
  if (policy?.startsWith("allkeys-") === true) {
    warnings.push(
      `the registry ${description} evicts any key when its memory is full (maxmemory-policy ${policy}); each loss costs ` +
        `a pause of one ttl, in which nothing starts: set maxmemory-policy to noeviction`
    )
  }
  const replicas = Number(valueOf(replication, "connected_slaves") ?? 0)
  const isGuarded = /^min_(slaves|replicas)_good_(slaves|replicas):/m.test(replication)
  if ((replicas > 0 || canFailOver) && !isGuarded) {
    warnings.push(
      `the registry ${description} can fail over, but its primary takes writes without a replica: in a network split two ` +
        `primaries may grant the same claim. Set min-replicas-to-write to 1, and min-replicas-max-lag to no more than ` +
        `down-after-milliseconds (in a cluster cluster-node-timeout) plus the margin`
    )
  }
  return warnings
}
