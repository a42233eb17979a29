/**
 * The rooms of `src`, lowest first, and what each may import. `.ci/modules.mjs` holds the code to it.
 *
 * @typedef {object} Room
 * @property {string} name
 * @property {ReadonlyArray<string>} files paths below `src`; one that ends in `/` stands for the whole folder
 * @property {ReadonlyArray<string>} imports rooms that stand before this one
 * @property {ReadonlyArray<string>} packages names; one that ends in `:` is a scheme
 */

const pure = ["effect"]
const base = ["userCode", "surroundings", "runtime", "vocabulary", "registry"]
const children = [...base, "kind", "replica", "plan", "supervisor"]
const whole = [...children, "GroupRegistry", "PogoConfig", "node"]

/** @type {ReadonlyArray<Room>} */
export const rooms = [
  // The boundary to the code and the values of users.
  { name: "userCode", files: ["internal/runtime/userCode.ts"], imports: [], packages: pure },
  // The files of `runtime/` that ask the machine; the rest of it is pure.
  {
    name: "surroundings",
    files: [
      "internal/runtime/environment.ts",
      "internal/runtime/processProof.ts",
      "internal/runtime/processTable.ts",
      "internal/runtime/slices.ts"
    ],
    imports: ["userCode"],
    packages: [...pure, "node:"]
  },
  { name: "runtime", files: ["internal/runtime/"], imports: ["userCode"], packages: pure },
  // What users and all rooms have words for: errors, events, specs, rows.
  {
    name: "vocabulary",
    files: [
      "ChildInfo.ts",
      "ChildSpec.ts",
      "Placement.ts",
      "PogoError.ts",
      "PogoEvent.ts",
      "PogoHistory.ts",
      "PogoMetrics.ts",
      "PogoNode.ts",
      "Restart.ts",
      "internal/historyCheck.ts",
      "internal/reconcileErrors.ts",
      "internal/stateErrors.ts"
    ],
    imports: ["userCode", "runtime"],
    packages: pure
  },
  { name: "registry", files: ["internal/registry/"], imports: ["vocabulary"], packages: pure },
  { name: "GroupRegistry", files: ["GroupRegistry.ts"], imports: base, packages: pure },
  {
    name: "redis",
    files: ["internal/redis/", "GroupRegistryRedis.ts"],
    imports: [...base, "GroupRegistry"],
    packages: [...pure, "ioredis", "node:"]
  },
  {
    name: "transport",
    files: ["internal/transport/", "NodeTransport.ts", "NodeTransportSocket.ts", "NodeTransportWebSocket.ts"],
    imports: ["userCode", "surroundings", "runtime", "vocabulary"],
    packages: [...pure, "@effect/platform", "msgpackr", "node:", "ws"]
  },
  { name: "kind", files: ["internal/kind/"], imports: base, packages: [...pure, "@effect/rpc"] },
  { name: "replica", files: ["internal/replica/"], imports: [...base, "kind"], packages: pure },
  { name: "plan", files: ["internal/plan/"], imports: [...base, "kind", "replica"], packages: pure },
  {
    name: "supervisor",
    files: ["internal/supervisor/"],
    imports: [...base, "kind", "replica"],
    packages: pure
  },
  {
    name: "PogoConfig",
    files: ["PogoConfig.ts", "internal/settingChecks.ts"],
    imports: [...base, "kind"],
    packages: [...pure, "node:"]
  },
  { name: "node", files: ["internal/node/"], imports: [...children, "GroupRegistry", "PogoConfig"], packages: pure },
  { name: "loops", files: ["internal/loops/"], imports: whole, packages: pure },
  { name: "commands", files: ["internal/commands/"], imports: [...whole, "loops"], packages: pure },
  {
    name: "calls",
    files: ["internal/calls/"],
    imports: [...whole, "transport"],
    packages: [...pure, "@effect/rpc", "@effect/platform"]
  },
  {
    name: "Pogo",
    files: [
      "internal/historyAccessors.ts",
      "internal/make.ts",
      "internal/internals.ts",
      "internal/nodeAccessors.ts",
      "internal/setAccessors.ts",
      "internal/supervisorTag.ts",
      "Pogo.ts"
    ],
    imports: [...whole, "loops", "commands", "calls", "transport"],
    packages: pure
  },
  {
    name: "Child",
    files: ["internal/kindLayer.ts", "internal/stateAccessors.ts", "Child.ts"],
    imports: [...children, "calls", "Pogo"],
    packages: [...pure, "@effect/rpc"]
  },
  // What an operator sees. No part of what a process imports that does not serve it.
  {
    name: "console",
    files: ["internal/console/"],
    imports: [...whole, "loops", "commands", "Pogo"],
    packages: pure
  },
  {
    name: "testing",
    files: ["internal/testing/"],
    imports: [...whole, "calls", "Pogo"],
    packages: [...pure, "node:"]
  },
  {
    name: "PogoTest",
    files: ["PogoTest.ts"],
    imports: ["vocabulary", "testing", "transport", "Pogo", "PogoConfig"],
    packages: pure
  },
  // Not reachable from the index: who does not import it does not pay for it.
  {
    name: "PogoHttp",
    files: ["internal/http/", "PogoHttp.ts"],
    imports: ["userCode", "runtime", "vocabulary", "node", "commands", "Pogo", "console"],
    packages: [...pure, "@effect/platform", "node:"]
  },
  // The page: it runs in a browser, and is bundled by `.ci/dashboard.mjs`.
  { name: "dashboard", files: ["internal/dashboard/"], imports: ["console"], packages: ["preact"] },
  {
    name: "index",
    files: ["index.ts"],
    imports: ["vocabulary", "GroupRegistry", "transport", "PogoConfig", "Pogo", "Child"],
    packages: pure
  },
  // The program `effect-pogo`, bundled into a file of its own: nothing imports it.
  {
    name: "cli",
    files: ["internal/cli/"],
    imports: [...whole, "commands", "redis", "Pogo", "console", "PogoHttp"],
    packages: [...pure, "@effect/cli", "@effect/platform", "@effect/platform-node", "node:"]
  }
]
