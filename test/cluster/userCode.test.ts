/**
 * One trouble at each place where the supervisor runs, prints or measures something of a user's.
 */
import { first, plant } from "./userCode/suite.js"

plant(first)
