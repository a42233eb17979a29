/**
 * The rules of the protocol that `mutations.test.ts` does not break.
 */
import { breakEach, others } from "./mutations/suite.js"

breakEach(others)
