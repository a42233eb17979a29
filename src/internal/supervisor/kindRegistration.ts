/**
 * A kind as one node has it: how to read its payload and run it, and by which policies.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import type * as Runtime from "effect/Runtime"
import type { ChildType, Shutdown } from "../../ChildSpec.js"
import type { KindVersion } from "../../PogoNode.js"
import type { Intensity, Restart } from "../../Restart.js"
import type { Serving } from "../calls/server/mailbox.js"
import type { Protocol } from "../calls/wire/procedure.js"

/** What a child's code is: an effect that runs until the child ends, or a layer that stands until it is stopped. */
export type Body = Effect.Effect<unknown, unknown, unknown> | Layer.Layer<never, unknown, unknown>

/** @internal */
export interface Registration {
  readonly kind: string
  readonly code: KindVersion
  /** Decodes a stored payload, and makes the child's code; a `Left` says why it cannot. */
  readonly prepare: (payload: unknown) => Either.Either<() => Body, string>
  /** The context, fiber refs and flags that every child of the kind starts with. */
  readonly runtime: Runtime.Runtime<never>
  readonly restart: Restart
  readonly shutdown: Shutdown | undefined
  readonly intensity: Intensity | undefined
  /** How long a layer may take to build. Milliseconds. */
  readonly startTimeout: number
  readonly onRegistryLoss: "stop" | "keep"
  readonly onOverdue: "report" | "exit"
  /** Of a kind with a protocol. */
  readonly protocol: Protocol | undefined
  readonly serving: Serving | undefined
}

/** OTP's defaults, in milliseconds. */
export const defaultShutdown = (type: ChildType): Shutdown => (type === "supervisor" ? "infinity" : 5_000)

/** How long a child may take to end before it is overdue. */
export const graceOf = (shutdown: Shutdown): number =>
  shutdown === "infinity" ? Infinity : shutdown === "brutalKill" ? 0 : shutdown
