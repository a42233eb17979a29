/**
 * A registry that is reached through the nodes of a scope: what a process that runs nothing needs of one, and no more.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Encoded } from "../../GroupRegistry.js"
import type { RegistryUnavailable } from "../../PogoError.js"
import { unavailable } from "../node/registryRequest.js"
import type { Args, CommandName, Envelope, Ok, Reply, Value } from "../registry/commands.js"
import type { Answer, Contact } from "./failoverConnection.js"
import { isRegistryCommand, type RegistryCommand, registryCommands, wakeProcedure } from "./registryProcedures.js"

/** How long a node may take, as it is told. A caller's patience ends sooner. Milliseconds. */
const patience = { command: 10_000, wake: 2 ** 31 }

/** Reasons for which another node may do better. */
const isTheNodes = ({ reason }: RegistryUnavailable): boolean =>
  reason === "Disconnected" || reason === "Timeout" || reason === "Joining" || reason === "Closed"

/** A command that may have been executed already, and is sent again to be sure. */
interface Try {
  readonly left: number
  readonly resent: boolean
}

const changes: ReadonlySet<string> = new Set(["put", "del"])

interface Items {
  readonly items: ReadonlyArray<unknown>
}

const isDivisible = (args: unknown): args is Items =>
  typeof args === "object" && args !== null && "items" in args && Array.isArray(args.items) && args.items.length > 1

/** @internal */
export class RegistryClient {
  private readonly listeners = new Set<(log: number | undefined) => void>()
  private readonly listening = Effect.unsafeMakeLatch(false)

  constructor(private readonly contact: Contact, private readonly nodes: number) {
    contact.accompany = this.wakes
  }

  readonly onWake: (listener: (log: number | undefined) => void) => ReturnType<Encoded["onWake"]> = (listener) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        this.listeners.add(listener)
        this.listening.unsafeOpen()
        this.contact.begin()
      }),
      () => Effect.sync(() => this.listeners.delete(listener))
    )

  private tell(log: number | undefined): void {
    for (const listener of this.listeners) listener(log)
  }

  /** Is told of news for as long as a connection lasts. What came between two connections may have been missed. */
  private get wakes(): Effect.Effect<string> {
    return Effect.gen(this, function*() {
      yield* this.listening.await
      let known = { era: "", log: -1 }
      for (;;) {
        const answer = yield* this.contact.ask(wakeProcedure, known, patience.wake)
        if (answer._tag !== "answered") return reasonOf(answer)
        const next = answer.value as typeof known
        this.tell(next.era === known.era ? next.log : undefined)
        known = next
      }
    })
  }

  execute<K extends CommandName>(
    name: K,
    envelope: Envelope,
    args: Args<K>
  ): Effect.Effect<Reply<Value<K>>, RegistryUnavailable> {
    return isRegistryCommand(name)
      ? this.attempt(name, envelope, args, { left: this.nodes, resent: false }) as Effect.Effect<
        Reply<Value<K>>,
        RegistryUnavailable
      >
      : Effect.fail(unavailable(
        name,
        "Refused",
        "a registry that is reached through nodes is for Pogo.layerClient; a node needs one of its own",
        false
      ))
  }

  private attempt(
    name: RegistryCommand,
    envelope: Envelope,
    args: unknown,
    { left, resent }: Try
  ): Effect.Effect<Reply<unknown>, RegistryUnavailable> {
    const { era, notAfter } = envelope
    const payload = { era, notAfter, args }
    const fail = (reason: RegistryUnavailable["reason"], detail: string, sent: boolean) =>
      Effect.fail(unavailable(name, reason, detail, sent || resent))
    const again = (sent: boolean, otherwise: Effect.Effect<never, RegistryUnavailable>) =>
      left > 0
        ? this.attempt(name, envelope, args, { left: left - 1, resent: resent || (sent && changes.has(name)) })
        : otherwise
    return Effect.flatMap(this.contact.ask(registryCommands[name], payload, patience.command), (answer) => {
      switch (answer._tag) {
        case "answered":
          return judge(name, answer.value as Reply<unknown>, resent)
        case "failed": {
          const { detail, reason, sent } = answer.error
          if (isTheNodes(answer.error)) this.contact.leave(answer.error.message)
          return isTheNodes(answer.error) ? again(sent, fail(reason, detail, sent)) : fail(reason, detail, sent)
        }
        case "lost":
          return again(answer.sent, fail("Disconnected", `the node was lost (${answer.reason})`, answer.sent))
        case "down":
          return fail("Disconnected", `no node answers (${answer.reason})`, false)
        case "refused":
          return fail("Refused", `the node refused: ${answer.detail}`, false)
        case "tooLarge":
          return isDivisible(args)
            ? this.halves(name, envelope, args, { left, resent: resent || answer.sent })
            : fail(
              "Refused",
              `a message of ${answer.size} bytes, where ${answer.limit} are allowed; raise maxFrame`,
              answer.sent
            )
      }
    })
  }

  /** One half after the other. If the second is not done, the first is: it cannot be said that nothing was. */
  private halves(
    name: RegistryCommand,
    envelope: Envelope,
    args: Items,
    how: Try
  ): Effect.Effect<Reply<unknown>, RegistryUnavailable> {
    const middle = args.items.length >> 1
    const part = (from: number, to: number, resent: boolean) =>
      this.attempt(name, envelope, { ...args, items: args.items.slice(from, to) }, { ...how, resent })
    return Effect.flatMap(part(0, middle, how.resent), (first) =>
      first._tag === "OK"
        ? Effect.map(part(middle, args.items.length, true), (second) => joined(first, second))
        : Effect.succeed(first))
  }
}

const resultsOf = (value: unknown) => (value as { readonly results: ReadonlyArray<unknown> }).results

const joined = (first: Ok<unknown>, second: Reply<unknown>): Reply<unknown> =>
  second._tag === "OK"
    ? { ...second, value: { results: [...resultsOf(first.value), ...resultsOf(second.value)] } }
    : second

/** Of a command that was sent before it cannot be said that it had no effect, whatever became of it now. */
const judge = <A>(name: string, reply: Reply<A>, resent: boolean): Effect.Effect<Reply<A>, RegistryUnavailable> =>
  reply._tag === "OK" || !resent
    ? Effect.succeed(reply)
    : Effect.fail(unavailable(name, "Timeout", `it was sent again, and refused then (${reply._tag})`, true))

const reasonOf = (answer: Exclude<Answer, { readonly _tag: "answered" }>): string => {
  switch (answer._tag) {
    case "failed":
      return answer.error.message
    case "lost":
    case "down":
      return answer.reason
    case "refused":
      return answer.detail
    case "tooLarge":
      return "its messages are too large"
  }
}
