/** A node with counters. TEST_TRANSPORT says how it is reached. */
import * as NodeTransportSocket from "effect-pogo/NodeTransportSocket"
import * as NodeTransportWebSocket from "effect-pogo/NodeTransportWebSocket"
import { counterLive, Notes } from "../../rpc/support.js"
import { runNode } from "./callNode.js"

const transport = process.env["TEST_TRANSPORT"] === "WebSocket" ? NodeTransportWebSocket : NodeTransportSocket

runNode(counterLive(new Notes(), { concurrency: 8 }), transport.layerConfig())
