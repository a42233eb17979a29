/**
 * Loaded before `node.ts` by the demo: the process ends when the demo's own has ended, however that came about.
 */
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"))
