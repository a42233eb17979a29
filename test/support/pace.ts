/**
 * How busy the machine is: tests in real time take longer leases where their processes get little processor time.
 */

/** Milliseconds of processor time to spend on one measurement. */
const effort = 25

/** Wall time over processor time of some work: 1 on an idle machine, about 5 where four others want each core. */
export const measurePace = (): number => {
  const used = process.cpuUsage()
  const begin = performance.now()
  const spent = (): number => {
    const { system, user } = process.cpuUsage(used)
    return (system + user) / 1_000
  }
  while (spent() < effort);
  return Math.max(1, (performance.now() - begin) / spent())
}

/**
 * By how much leases are longer: up to four times. A node needs little processor time to keep its lease, so a machine
 * that is five times as slow needs leases only twice as long.
 */
export const leaseFactor = (): number => Math.min(4, 1 + (measurePace() - 1) / 4)
