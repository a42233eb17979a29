/**
 * All that needs `@effect/rpc`, loaded when the first kind with a protocol is served or called.
 *
 * @internal
 */
export { makeClient } from "./client/client.js"
export { makeKindServer } from "./server/kindServer.js"
export { makeProtocol } from "./wire/makeProtocol.js"
