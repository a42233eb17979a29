/**
 * How two nodes find out that they belong together: each proves that it knows the secret, of which nothing is sent. A
 * proof is good for one connection only, since it covers random bytes of both sides.
 *
 * @internal
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import type { Identity } from "../../NodeTransport.js"

/** Version of what nodes say to each other. */
export const wireVersion = 1

/** Bytes that a frame may have before the other side has proved itself. */
export const handshakeLimit = 2_048

/** @internal */
export interface Challenge {
  readonly version: number
  readonly nonce: string
}

/** @internal */
export interface Introduction extends Identity {
  readonly version: number
  readonly nonce: string
  readonly proof: string
}

/** @internal */
export type Welcome =
  | { readonly ok: true; readonly node: string; readonly proof: string }
  | { readonly ok: false; readonly reason: string }

export const makeNonce = (): string => randomBytes(32).toString("hex")

const digest = (secret: string, role: string, parts: ReadonlyArray<string>): Buffer =>
  createHmac("sha256", secret).update(JSON.stringify([role, wireVersion, ...parts])).digest()

/** @internal */
export const proofOf = (
  secret: string,
  role: "caller" | "callee",
  { node, scope }: Identity,
  challenge: string,
  nonce: string
): string => digest(secret, role, [scope, node, challenge, nonce]).toString("hex")

const same = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** The secret that a proof was made with, if it is one of ours. All are tried, in any case. */
export const secretOf = (
  secrets: ReadonlyArray<string>,
  role: "caller" | "callee",
  identity: Identity,
  challenge: string,
  nonce: string,
  proof: string
): string | undefined => {
  let found: string | undefined
  for (const secret of secrets) {
    if (same(proofOf(secret, role, identity, challenge, nonce), proof)) found = secret
  }
  return found
}

const parse = (frame: Uint8Array): { readonly [name: string]: unknown } | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(frame).toString("utf8"))
    return typeof value === "object" && value !== null ? (value as { readonly [name: string]: unknown }) : undefined
  } catch {
    return undefined
  }
}

export const encodeHandshake = (value: Challenge | Introduction | Welcome): Buffer => Buffer.from(JSON.stringify(value))

const isText = (value: unknown): value is string => typeof value === "string" && value.length <= 512

/** @internal */
export const readChallenge = (frame: Uint8Array): Challenge | undefined => {
  const value = parse(frame)
  const { nonce, version } = value ?? {}
  return typeof version === "number" && isText(nonce) ? { version, nonce } : undefined
}

/** @internal */
export const readIntroduction = (frame: Uint8Array): Introduction | undefined => {
  const { node, nonce, proof, scope, version } = parse(frame) ?? {}
  return typeof version === "number" && isText(nonce) && isText(node) && isText(proof) && isText(scope)
    ? { version, nonce, node, proof, scope }
    : undefined
}

/** @internal */
export const readWelcome = (frame: Uint8Array): Welcome | undefined => {
  const { node, ok, proof, reason } = parse(frame) ?? {}
  if (ok === true && isText(node) && isText(proof)) return { ok, node, proof }
  return ok === false && isText(reason) ? { ok, reason } : undefined
}
