/**
 * A distributed supervisor for Effect: each child runs on exactly one node.
 *
 * @since 0.1.0
 */
export * as Child from "./Child.js"
export * as ChildInfo from "./ChildInfo.js"
export * as ChildSpec from "./ChildSpec.js"
export * as GroupRegistry from "./GroupRegistry.js"
export * as NodeTransport from "./NodeTransport.js"
export * as Placement from "./Placement.js"
export * as Pogo from "./Pogo.js"
export * as PogoConfig from "./PogoConfig.js"
export * as PogoError from "./PogoError.js"
export * as PogoEvent from "./PogoEvent.js"
export * as PogoHistory from "./PogoHistory.js"
export * as PogoMetrics from "./PogoMetrics.js"
export * as PogoNode from "./PogoNode.js"
export * as Restart from "./Restart.js"

export { PogoLive } from "./Pogo.js"
