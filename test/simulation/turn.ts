/** Lets other work of the process run: the test runner fails a run when a worker is silent for a minute. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
