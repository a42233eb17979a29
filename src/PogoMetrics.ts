/**
 * Metrics of a supervisor, each tagged with `scope` and `node`. Read them with any exporter of Effect metrics.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

/**
 * Children on this node, whatever their stage.
 *
 * @since 0.1.0
 * @category metrics
 */
export const children = Metric.gauge("pogo_children", { description: "children on this node" })

/**
 * Children of the scope, as this node knows them, one gauge per status: tagged with `status`, which is `running`,
 * `starting`, `restarting`, `stopping`, `overdue`, `pending` or `failed`. What should run and does not is an alarm:
 * `pending` or `failed` above 0 for longer than a move takes. Counted when something has changed.
 *
 * @since 0.1.0
 * @category metrics
 */
export const scopeChildren = Metric.gauge("pogo_scope_children", { description: "children of the scope" })

/**
 * Live nodes of the scope, as this node knows them.
 *
 * @since 0.1.0
 * @category metrics
 */
export const nodes = Metric.gauge("pogo_nodes", { description: "live nodes of the scope" })

/**
 * Claims that this node holds.
 *
 * @since 0.1.0
 * @category metrics
 */
export const claims = Metric.gauge("pogo_claims", { description: "claims held by this node" })

/**
 * Seconds until this node would stop its children, measured after each renewal of its lease. Alarm when it falls below a
 * third of its usual value.
 *
 * @since 0.1.0
 * @category metrics
 */
export const leaseRemaining = Metric.gauge("pogo_lease_remaining_seconds", { description: "seconds left of the lease" })

/**
 * Runs of children that were begun.
 *
 * @since 0.1.0
 * @category metrics
 */
export const childStarts = Metric.counter("pogo_child_starts", {
  description: "runs of children begun",
  incremental: true
})

/**
 * Runs of children that ended by themselves and were begun again.
 *
 * @since 0.1.0
 * @category metrics
 */
export const childRestarts = Metric.counter("pogo_child_restarts", {
  description: "restarts of children",
  incremental: true
})

/**
 * Children whose restart policy was spent.
 *
 * @since 0.1.0
 * @category metrics
 */
export const childFailures = Metric.counter("pogo_child_failures", {
  description: "children that gave up",
  incremental: true
})

/**
 * Children that went back to nodes of another revision, since this node's, the newest one, could not run them: a release
 * that is not whole. Each counts once for a revision and a generation.
 *
 * @since 0.2.0
 * @category metrics
 */
export const childrenHeldBack = Metric.counter("pogo_children_held_back", {
  description: "children that this node's revision could not run",
  incremental: true
})

/**
 * Children that were stopped in order to run on another node.
 *
 * @since 0.1.0
 * @category metrics
 */
export const childMoves = Metric.counter("pogo_child_moves", {
  description: "children moved to another node",
  incremental: true
})

/**
 * Children that took longer to end than their shutdown allows.
 *
 * @since 0.1.0
 * @category metrics
 */
export const childOverdue = Metric.counter("pogo_child_overdue", {
  description: "children that did not end in time",
  incremental: true
})

/**
 * Values of children's states that the registry stored for this node, those that came with the end of a claim included.
 *
 * @since 0.1.0
 * @category metrics
 */
export const stateWrites = Metric.counter("pogo_state_writes", {
  description: "values of children's states stored",
  incremental: true
})

/**
 * Reconciles that this node made, tagged with their `kind` (`*` for a list of `Pogo.exactly`) and their `outcome`:
 * `Success`, or the tag of a `Pogo.ReconcileError`. Those of `reconcileEvery` are counted where they are made; plans
 * without a change of anything (`dryRun`) are not counted.
 *
 * @since 0.1.0
 * @category metrics
 */
export const reconciles = Metric.counter("pogo_reconciles", { description: "reconciles made", incremental: true })

/**
 * Leases that this node lost.
 *
 * @since 0.1.0
 * @category metrics
 */
export const leasesLost = Metric.counter("pogo_leases_lost", { description: "leases lost", incremental: true })

/**
 * Entries of the history that are missing: the registry could not write them, or it is not known whether it did.
 *
 * @since 0.2.0
 * @category metrics
 */
export const historyDropped = Metric.counter("pogo_history_dropped", {
  description: "entries missing in the history",
  incremental: true
})

/**
 * Calls to the registry that failed.
 *
 * @since 0.1.0
 * @category metrics
 */
export const registryFailures = Metric.counter("pogo_registry_failures", {
  description: "calls to the registry that failed",
  incremental: true
})

/**
 * Calls that this node made to children, tagged with their `kind` and their `outcome`: `Success`, `Failure` (an error or
 * defect of the handler), `Interrupted`, or the tag of a `PogoError.CallError`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const calls = Metric.counter("pogo_calls", { description: "calls made to children", incremental: true })

/** Upper boundaries of the buckets of times, seconds: from a quarter of a millisecond to eight seconds. */
const times = MetricBoundaries.exponential({ start: 0.00025, factor: 2, count: 16 })

/**
 * Seconds that calls took, tagged with their `kind`. Streams are left out.
 *
 * @since 0.1.0
 * @category metrics
 */
export const callLatency = Metric.histogram(
  "pogo_call_latency_seconds",
  times,
  "seconds that calls to children took"
)

/**
 * Calls that wait for their answer, tagged with their `kind`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const callsInFlight = Metric.gauge("pogo_calls_in_flight", { description: "calls that wait for their answer" })

/**
 * Calls to children that ended on this node, tagged with their `kind` and their `outcome`: `Success`, the tag of the error
 * that the handler failed with (`Failure` if it has none), `Defect`, `Interrupted`, or `ClaimLost`. Of those whose handler
 * did not begin: `MailboxFull`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const callsServed = Metric.counter("pogo_calls_served", {
  description: "calls that children of this node ended",
  incremental: true
})

/**
 * Seconds for which handlers ran, tagged with their `kind`: without the wait before. Streams are left out.
 *
 * @since 0.1.0
 * @category metrics
 */
export const serveLatency = Metric.histogram(
  "pogo_serve_latency_seconds",
  times,
  "seconds for which handlers ran"
)

/**
 * Handlers that run on this node, tagged with their `kind`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const callsServing = Metric.gauge("pogo_calls_serving", { description: "handlers that run" })

/**
 * Connections that this node opened to others.
 *
 * @since 0.1.0
 * @category metrics
 */
export const connections = Metric.counter("pogo_connections", {
  description: "connections opened to other nodes",
  incremental: true
})
