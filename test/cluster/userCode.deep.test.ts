/**
 * The other troubles at each place where the supervisor runs, prints or measures something of a user's.
 */
import { others, plant } from "./userCode/suite.js"

plant(others)
