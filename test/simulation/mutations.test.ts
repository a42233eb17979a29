/**
 * A share of the rules of the protocol is broken, one after the other: a check must notice.
 */
import { expect, it } from "vitest"
import { mutations } from "./mutations/hunt.js"
import { breakEach, first } from "./mutations/suite.js"

it("there are enough of them", () => expect(mutations.length).toBeGreaterThanOrEqual(90))

breakEach(first)
