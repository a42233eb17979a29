/**
 * The handshake of a connection, as either side sees it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ConnectFailure, Identity } from "../../NodeTransport.js"
import type { Link } from "./framedConnection.js"
import {
  encodeHandshake,
  makeNonce,
  proofOf,
  readChallenge,
  readIntroduction,
  readWelcome,
  secretOf,
  wireVersion
} from "./handshake.js"

/** @internal */
export const failure = (reason: string): ConnectFailure => ({ _tag: "ConnectFailure", reason })

/** Nothing is told to strangers but what is wrong in general. */
const strangers = "its secret is not ours: give all nodes and clients of the scope the same (POGO_RPC_SECRET)"

/** The side that opened the connection. `secrets`: the first is its own. */
export const greetAsCaller = (
  link: Link,
  self: Identity,
  secrets: ReadonlyArray<string>
): Effect.Effect<void, ConnectFailure> =>
  Effect.gen(function*() {
    const next = Effect.mapError(link.nextFrame, failure)
    const challenge = readChallenge(yield* next)
    if (challenge === undefined) return yield* Effect.fail(failure("what listens there is no node"))
    const nonce = makeNonce()
    const secret = secrets[0] ?? ""
    const proof = proofOf(secret, "caller", self, challenge.nonce, nonce)
    link.write(encodeHandshake({ version: wireVersion, ...self, nonce, proof }))
    const welcome = readWelcome(yield* next)
    if (welcome === undefined) return yield* Effect.fail(failure("what listens there is no node"))
    if (!welcome.ok) return yield* Effect.fail(failure(`it refused: ${welcome.reason}`))
    const identity = { scope: self.scope, node: welcome.node }
    if (secretOf([secret], "callee", identity, challenge.nonce, nonce, welcome.proof) === undefined) {
      return yield* Effect.fail(failure(strangers))
    }
    link.remote = welcome.node
  })

/** The side that listens. Fails with what is wrong, after it told the other side. */
export const greetAsCallee = (
  link: Link,
  self: Identity,
  secrets: ReadonlyArray<string>
): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    const challenge = makeNonce()
    link.write(encodeHandshake({ version: wireVersion, nonce: challenge }))
    const said = readIntroduction(yield* link.nextFrame)
    const refuse = (reason: string) => {
      link.write(encodeHandshake({ ok: false, reason }))
      return Effect.fail(reason)
    }
    if (said === undefined) return yield* Effect.fail("it did not introduce itself")
    if (said.version !== wireVersion) {
      return yield* refuse(`version ${wireVersion} is spoken here: use the same version of effect-pogo`)
    }
    const known = secrets.length === 0 ? [""] : secrets
    const secret = secretOf(known, "caller", said, challenge, said.nonce, said.proof)
    if (secret === undefined) return yield* refuse(strangers)
    if (said.scope !== self.scope) return yield* refuse("it belongs to another scope: give all the same (POGO_SCOPE)")
    const proof = proofOf(secret, "callee", self, challenge, said.nonce)
    link.remote = said.node
    link.write(encodeHandshake({ ok: true, node: self.node, proof }))
  })
