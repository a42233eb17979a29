/**
 * Telling the registry: claims given back, children that ended, statuses, and this node's own record.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Finish, Node, Release } from "../node/node.js"
import { request } from "../node/registryRequest.js"
import type { Session } from "../node/session.js"
import type { FinishResult } from "../registry/commands.js"
import { formatStat } from "../registry/state.js"

type Batch<A> = ReadonlyArray<readonly [id: string, item: A]>

const failed = () => Effect.succeed(false)

const sendReleases = (node: Node, session: Session) => (batch: Batch<Release>): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const items = batch.map(([id, { refused, token }]) => ({ id, token, refused }))
    const reply = yield* request(node, session, "release", { sid: session.sid, items })
    if (reply._tag !== "OK") return false
    // One that was not this session's any more is another's perhaps: the log tells.
    for (const { id, token } of reply.value.released < items.length ? [] : items) {
      const entry = node.view.entries.get(id)
      if (entry?.claim?.token === token) node.view.setClaim(id, undefined, entry.stat, reply.high)
    }
    yield* node.ambient.breathe
    return true
  }).pipe(Effect.catchAll(failed))

const settleFinish = (node: Node, { child }: Finish, result: FinishResult, at: number): void => {
  const { id } = child
  node.supervisor.forget(child)
  if (result._tag === "ENDED") {
    node.view.setClaim(id, undefined, undefined, at)
    node.view.learnTomb(id, result.tomb, at)
  } else if (result._tag === "FAILED") {
    node.view.setClaim(id, undefined, formatStat({ ...child.stat(), state: "failed" }), at)
    node.view.learnSpec(id, result.spec, at)
  }
  node.touched(id)
}

const sendFinishes = (node: Node, session: Session) => (batch: Batch<Finish>): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const items = batch.map(([id, { child, how }]) => ({
      id,
      generation: child.spec.generation,
      token: child.claim,
      how,
      stat: formatStat({ ...child.stat(), state: "failed" })
    }))
    const reply = yield* request(node, session, "finish", { sid: session.sid, items })
    if (reply._tag !== "OK") return false
    batch.forEach(([, finish], i) => settleFinish(node, finish, reply.value.results[i]!, reply.high))
    yield* node.ambient.breathe
    return true
  }).pipe(Effect.catchAll(failed))

/** Sends what concerns claims, for as long as the session lasts. */
export const outbox = (node: Node, session: Session): ReadonlyArray<Effect.Effect<never>> => {
  const pause = node.timing.heartbeat / 4
  return [
    node.releases.run(sendReleases(node, session), pause),
    node.finishes.run(sendFinishes(node, session), pause),
    node.reports.lane.run((batch) =>
      Effect.gen(function*() {
        const items = node.reports.stats(batch)
        if (items.length === 0) return true
        const reply = yield* request(node, session, "report", { sid: session.sid, items })
        yield* node.ambient.breathe
        return reply._tag === "OK"
      }).pipe(Effect.catchAll(failed)), pause)
  ]
}

/** Publishes the newest record; `true` when the registry has it. */
export const publishRecord = (node: Node, session: Session): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const version = node.recordVersion
    const record = JSON.stringify(node.record())
    const reply = yield* request(node, session, "update", { sid: session.sid, version, record })
    if (reply._tag !== "OK") return false
    node.publishedVersion = Math.max(node.publishedVersion, version)
    return true
  }).pipe(Effect.catchAll(failed))

/** Keeps the published record current. Changes that come while one is on its way go together with the next. */
export const publish = (node: Node, session: Session): Effect.Effect<never> =>
  Effect.forever(Effect.gen(function*() {
    yield* node.recordChanged.await
    yield* Effect.yieldNow()
    if (node.publishedVersion >= node.recordVersion) return node.recordChanged.unsafeClose()
    if (!(yield* publishRecord(node, session))) yield* Effect.sleep(node.timing.heartbeat / 4)
  }))
