/** A program as a user of the published package would write it: `.ci/pack.mjs` compiles and runs it there. */
import { Pogo } from "effect-pogo"

console.log(Object.keys(Pogo).length > 0 ? "ok" : "empty")
