/**
 * Values that throw, or have no end, when they are printed: what a user's code may fail with.
 */

const fail = (): never => {
  throw new Error("a value's own code threw")
}

const circular = (): unknown => {
  const value: Record<string, unknown> = { _tag: "Circular" }
  value["self"] = value
  return value
}

const circularCause = (): unknown => {
  const error = new Error("its own cause")
  error.cause = error
  return error
}

const withGetter = (name: "message" | "stack" | "name"): unknown =>
  Object.defineProperty(new Error("a getter throws"), name, { get: fail, enumerable: true })

const handler = Object.fromEntries(
  ["get", "has", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf"].map((trap) => [trap, fail])
)

const revoked = (target: object): unknown => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const deep = (levels: number): unknown => {
  let value: unknown = "the bottom"
  for (let i = 0; i < levels; i++) value = { value }
  return value
}

/** Each by its name; made when it is asked for. */
export const unprintable: { readonly [name: string]: () => unknown } = {
  "a bigint": () => 5n,
  "a symbol": () => Symbol("s"),
  "nothing": () => undefined,
  "a record with a bigint": () => ({ _tag: "StaleToken", token: 5n }),
  "an error whose cause holds a bigint": () => new Error("stale", { cause: { token: 5n } }),
  "an error that is its own cause": circularCause,
  "a circular record": circular,
  "a toJSON that throws": () => ({ toJSON: fail }),
  "a toString that throws": () => ({ toString: fail }),
  "a toString that returns no text": () => ({ toString: () => ({}) }),
  "a toJSON without an end": () => {
    const value = { toJSON: (): unknown => ({ next: value }) }
    return value
  },
  "a message that throws": () => withGetter("message"),
  "a stack that throws": () => withGetter("stack"),
  "a name that throws": () => withGetter("name"),
  "a message that is no text": () => Object.assign(new Error("m"), { message: { token: 5n } }),
  "a field that throws": () => Object.defineProperty({ _tag: "Bad" }, "field", { get: fail, enumerable: true }),
  "a _tag that throws": () => Object.defineProperty({}, "_tag", { get: fail, enumerable: true }),
  "a proxy that throws": () => new Proxy({}, handler),
  "a proxy of an error that throws": () => new Proxy(new Error("behind a proxy"), handler),
  "a revoked proxy": () => revoked({}),
  "a revoked proxy of an array": () => revoked([]),
  "a text of 2 million characters": () => "x".repeat(2_000_000),
  "an error of 2 million characters": () => new Error("x".repeat(2_000_000)),
  "300,000 elements": () => ({ values: Array.from({ length: 300_000 }, () => ({})) }),
  "ten million bytes": () => ({ bytes: Buffer.alloc(10_000_000) }),
  "20,000 levels": () => deep(20_000),
  "halves of characters": () => "\uD83D".repeat(5_000),
  "an error without a prototype": () => Object.create(null),
  "a function": () => fail
}
