/** A worker whose run is gone, killed or out of time, ends as well, and with it the processes that it started. */
process.once("disconnect", () => process.exit(1))
