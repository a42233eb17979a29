import { describe } from "@effect/vitest"
import { behaviours } from "../support/behaviours.js"
import { memoryWorld } from "../support/world.js"

describe("on the in-memory registry, in virtual time", () => behaviours(memoryWorld))
