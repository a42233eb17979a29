/**
 * The handshake of a connection: challenge, introduction, welcome. Each side proves by HMAC-SHA256 that it knows the
 * shared secret, of which nothing is sent. A proof covers random bytes of both sides, so it is of use on one connection
 * only.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import type { FramedConnection } from "./framedConnection.js"
import { type ConnectFailure, connectFailure, type Identity } from "./transport.js"

/** The version of the protocol between nodes. */
const wireVersion = 1

/** Who makes a proof: the side that connects, or the side that listens. */
type ProofRole = "caller" | "callee"

/** The first message, from the side that listens. */
interface Challenge {
  readonly version: number
  readonly nonce: string
}

/** The second message, from the side that connects. */
interface Introduction extends Identity {
  readonly version: number
  readonly nonce: string
  readonly proof: string
}

/** The last message, from the side that listens. */
type Welcome =
  | { readonly ok: true; readonly node: string; readonly proof: string }
  | { readonly ok: false; readonly reason: string }

/** @internal */
export const makeNonce = (): string => randomBytes(32).toString("hex")

/** The proof that `role` knows the secret, over its identity and the nonces of both sides. */
export const proofOf = (
  secret: string,
  role: ProofRole,
  { node, scope }: Identity,
  challenge: string,
  nonce: string
): string =>
  createHmac("sha256", secret).update(JSON.stringify([role, wireVersion, scope, node, challenge, nonce])).digest("hex")

const isEqual = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** The one of `secrets` that a proof was made with. All are tried, so that the time taken tells nothing. */
const secretOf = (
  secrets: ReadonlyArray<string>,
  role: ProofRole,
  identity: Identity,
  challenge: string,
  nonce: string,
  proof: string
): string | undefined => {
  let found: string | undefined
  for (const secret of secrets) {
    if (isEqual(proofOf(secret, role, identity, challenge, nonce), proof)) found = secret
  }
  return found
}

/** @internal */
export const encodeHandshake = (message: Challenge | Introduction | Welcome): Buffer =>
  Buffer.from(JSON.stringify(message))

/** The fields of a message; none for bytes that are no JSON object. */
const fieldsOf = (body: Uint8Array): { readonly [name: string]: unknown } => {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"))
    return typeof value === "object" && value !== null ? (value as { readonly [name: string]: unknown }) : {}
  } catch {
    return {}
  }
}

const isText = (value: unknown): value is string => typeof value === "string" && value.length <= 512

/** @internal */
export const readChallenge = (body: Uint8Array): Challenge | undefined => {
  const { nonce, version } = fieldsOf(body)
  return typeof version === "number" && isText(nonce) ? { version, nonce } : undefined
}

const readIntroduction = (body: Uint8Array): Introduction | undefined => {
  const { node, nonce, proof, scope, version } = fieldsOf(body)
  return typeof version === "number" && isText(nonce) && isText(node) && isText(proof) && isText(scope)
    ? { version, nonce, node, proof, scope }
    : undefined
}

/** @internal */
export const readWelcome = (body: Uint8Array): Welcome | undefined => {
  const { node, ok, proof, reason } = fieldsOf(body)
  if (ok === true && isText(node) && isText(proof)) return { ok, node, proof }
  return ok === false && isText(reason) ? { ok, reason } : undefined
}

/** The reason that either side gives for a wrong proof. A stranger learns nothing from it. */
const wrongSecret = "its secret is not ours: give all nodes and clients of the scope the same (POGO_RPC_SECRET)"

/**
 * The handshake of the side that connects. It proves itself with the first of `secrets`, and accepts that one only.
 * Afterwards `connection.remote` is the peer's name.
 */
export const authenticateCaller = (
  connection: FramedConnection,
  self: Identity,
  secrets: ReadonlyArray<string>
): Effect.Effect<void, ConnectFailure> =>
  Effect.gen(function*() {
    const nextFrame = Effect.mapError(connection.nextFrame, connectFailure)
    const challenge = readChallenge(yield* nextFrame)
    if (challenge === undefined) return yield* Effect.fail(connectFailure("what listens there is no node"))
    const nonce = makeNonce()
    const secret = secrets[0] ?? ""
    const proof = proofOf(secret, "caller", self, challenge.nonce, nonce)
    connection.write(encodeHandshake({ version: wireVersion, ...self, nonce, proof }))
    const welcome = readWelcome(yield* nextFrame)
    if (welcome === undefined) return yield* Effect.fail(connectFailure("what listens there is no node"))
    if (!welcome.ok) return yield* Effect.fail(connectFailure(`it refused: ${welcome.reason}`))
    const identity = { scope: self.scope, node: welcome.node }
    if (secretOf([secret], "callee", identity, challenge.nonce, nonce, welcome.proof) === undefined) {
      return yield* Effect.fail(connectFailure(wrongSecret))
    }
    connection.remote = welcome.node
  })

/**
 * The handshake of the side that listens. It accepts any of `secrets`, and proves itself with the one that the peer
 * used. A refused peer is told the reason, with which this fails.
 */
export const authenticateCallee = (
  connection: FramedConnection,
  self: Identity,
  secrets: ReadonlyArray<string>
): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    const challenge = makeNonce()
    connection.write(encodeHandshake({ version: wireVersion, nonce: challenge }))
    const introduction = readIntroduction(yield* connection.nextFrame)
    const refuse = (reason: string) => {
      connection.write(encodeHandshake({ ok: false, reason }))
      return Effect.fail(reason)
    }
    if (introduction === undefined) return yield* Effect.fail("it did not introduce itself")
    const { node, nonce, proof, scope, version } = introduction
    if (version !== wireVersion) {
      return yield* refuse(`version ${wireVersion} is spoken here: use the same version of effect-pogo`)
    }
    const accepted = secrets.length === 0 ? [""] : secrets
    const secret = secretOf(accepted, "caller", introduction, challenge, nonce, proof)
    if (secret === undefined) return yield* refuse(wrongSecret)
    if (scope !== self.scope) return yield* refuse("it belongs to another scope: give all the same (POGO_SCOPE)")
    connection.remote = node
    connection.write(
      encodeHandshake({ ok: true, node: self.node, proof: proofOf(secret, "callee", self, challenge, nonce) })
    )
  })
