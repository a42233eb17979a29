/**
 * A node with some children, and the interface to it.
 */
import type * as HttpServer from "@effect/platform/HttpServer"
import { Context, Effect, Layer, Logger, Schema } from "effect"
import { Child, Pogo } from "effect-pogo"
import * as PogoHttp from "effect-pogo/PogoHttp"
import { serve } from "./support.js"

export const Vault = Child.make("Vault", { payload: { secret: Schema.String } })

/** The supervisor: a node that runs `Vault/a` and `Vault/b`. */
export const vaults = Effect.gen(function*() {
  const live = Vault.toLayer(() => Effect.never).pipe(
    Layer.provideMerge(
      Pogo.layerMemory({
        name: "n1",
        scope: "vaults",
        children: ["a", "b"].map((key) => Vault.spec(key, { secret: "hush" }))
      })
    )
  )
  const pogo = Context.get(yield* Layer.build(live), Pogo.Pogo)
  yield* pogo.awaitChild("Vault/a")
  yield* pogo.awaitChild("Vault/b")
  return pogo
})

/** Serves by a layer that takes a supervisor and a server. */
export const serveFor = <E>(pogo: Pogo.Service, layer: Layer.Layer<never, E, HttpServer.HttpServer | Pogo.Pogo>) =>
  serve(Layer.provide(layer, Layer.succeed(Pogo.Pogo, pogo)))

/** The interface to `vaults`, and where it is served. */
export const open = (options?: PogoHttp.Options) =>
  Effect.gen(function*() {
    const pogo = yield* vaults
    return { pogo, url: yield* serveFor(pogo, PogoHttp.layer(options)) }
  })

/** Runs a test with what is logged meanwhile in a list. */
export const logged = <A, E, R>(test: (lines: ReadonlyArray<string>) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
    return Effect.provide(test(lines), Logger.replace(Logger.defaultLogger, logger))
  })
