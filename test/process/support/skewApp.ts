/** A node with one version of the code or the other (TEST_CODE). */
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import { runNode } from "./callNode.js"
import { newLive, oldLive } from "./skewKinds.js"

runNode(process.env["TEST_CODE"] === "new" ? newLive : oldLive, NodeTransportSocket.layerConfig())
