/**
 * The faults and what a user may count on. Tests name the rows that they provoke, in brackets; `.ci/faults.mjs` joins
 * both into `docs/faults.md`. Numbers are never given again.
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} section
 * @property {string} fault
 * @property {string} expected
 * @property {string} [note] what is not provoked here, and why
 */

/** @type {(section: string, rows: ReadonlyArray<readonly [number, string, string, string?]>) => ReadonlyArray<Row>} */
const section = (name, rows) =>
  rows.map(([number, fault, expected, note]) => ({
    id: `F${number}`,
    section: name,
    fault,
    expected,
    ...(note === undefined ? {} : { note })
  }))

/** @type {ReadonlyArray<Row>} */
export const rows = [
  ...section("Processes", [
    [
      1,
      "A process is killed (SIGKILL)",
      "Taken over at once by nodes of its machine; by others after its lease. Never two copies, higher tokens"
    ],
    [2, "A process is told to end (SIGTERM)", "Stop, finalizers, release; others start without waiting for a lease"],
    [61, "It is told twice", "It ends at once; a supervisor of processes may kill it"],
    [3, "A process is frozen for less than its lease", "Nothing moves"],
    [
      4,
      "A process is frozen past its lease, and goes on",
      "Taken over; the old copies are fenced from their first turn on, stop, and write nothing that is fenced"
    ],
    [5, "An event loop is blocked for less, or more, than the lease", "As when frozen"],
    [62, "A process ends by an exception that nobody catches", "As killed"],
    [6, "Killed between the grant of a claim and the start", "Runs elsewhere after the lease"],
    [7, "Killed on a move, between stop and release", "Runs elsewhere after the lease; never two"],
    [
      8,
      "All processes are killed and started again",
      "Everything comes back from the registry; what was terminated does not"
    ],
    [9, "All processes are restarted in order, under load", "Each child moves a few times, none is lost"],
    [10, "20 nodes join within a second", "No more moves than the new membership needs"],
    [11, "A node that comes and goes", "No running child moves there before it has been up for a while"],
    [44, "10,000 children, a third of them on the process that dies", "All back soon after its lease; no long scripts"],
    [45, "Two live processes of one name", "A warning; every child still runs once"]
  ]),
  ...section("Clocks", [
    [
      37,
      "Redis' wall clock jumps",
      "Nothing: the registry's own clock advances by small steps only",
      "libfaketime is not at hand: the same scripts run on a real server with the time as an argument"
    ],
    [38, "A node's wall clock jumps", "Nothing", "stubbed inside a real process"],
    [
      39,
      "A node's clock runs at another rate than all others (beyond the assumption)",
      "Shown, not promised: a third too slow is still fenced before others start",
      "Effect's clock is scaled inside a real process"
    ]
  ]),
  ...section("Redis", [
    [12, "Restarted with its data", "No moves; a new era, claims are asserted again"],
    [13, "Away for three leases", "`stop`: all children end at the fence and come back after; `keep`: nothing stops"],
    [14, "Restarted empty", "Owners keep their children, specs are given back, terminations stand"],
    [15, "FLUSHALL", "As restarted empty"],
    [16, "FLUSHALL in the middle of a move, or of a start", "One owner in the end, no overlap"],
    [17, "FLUSHALL after a termination that a frozen node missed", "The child does not come back"],
    [18, "One key is deleted, each in turn", "Found out and repaired; nothing doubled, nothing lost, nothing back"],
    [19, "Keys are evicted", "As deleted; a warning at the start"],
    [20, "Out of memory (noeviction)", "Renewals, releases and terminations go on; a start fails typed"],
    [
      21,
      "It cannot save, and refuses writes",
      "Typed; nothing moves when it is short",
      "a folder stands where the file should be"
    ],
    [22, "CLIENT PAUSE, shorter and longer than the lease", "Nothing; or fence, and back at once afterwards"],
    [23, "Clients are killed in a loop", "Connections come back; nothing moves"],
    [24, "Redis is frozen for two leases", "Nodes fence in time; no lease is ended in bulk when it goes on"],
    [25, "Busy with a foreign script", "Typed; nothing moves when it is short"],
    [26, "Scripts are flushed in a loop", "No failed call"],
    [27, "Demoted under us (READONLY)", "Typed; reconnects"],
    [
      55,
      "Permissions are taken away",
      "Typed, with the rules that are needed; as unreachable; back when they are given again"
    ],
    [56, "maxclients is reached by a storm of 100 nodes", "The others wait, with jitter; all are served in the end"],
    [53, "The log is cut behind a slow node", "It reads everything anew"]
  ]),
  ...section("Failover", [
    [28, "Sentinel: failover in order", "No or few moves"],
    [29, "Sentinel: failover that loses writes", "Acknowledged starts and terminations stand; tokens rise"],
    [
      30,
      "Two primaries at once",
      "With `min-replicas-to-write`: no unfenced overlap. Without: two copies may run (window W4), and the fencing token keeps one out"
    ],
    [31, "Cluster: the slot moves under load", "Nothing moves, no acknowledged call is lost"],
    [32, "Cluster: the primary is killed", "As a failover"]
  ]),
  ...section("Network", [
    [33, "Slow and uneven", "Below a call's patience: nothing moves. Above: fence, and back when it is fast"],
    [34, "One way only: requests arrive, answers do not", "That node fences and is given nothing"],
    [35, "Silent, never closed (half-open)", "Given up and made anew; no hang"],
    [36, "Requests arrive late, or again", "No effect; a grant that nobody waits for is given back"],
    [48, "The answer to a start is lost, and another ends the child", "OutcomeUnknown; the child stays ended"],
    [54, "News (publish/subscribe) do not come", "Everything converges by the heartbeat"],
    [
      63,
      "Only one node is cut off",
      "`stop`: no overlap. `keep`: a second copy while it lasts (window W7), one in the end"
    ]
  ]),
  ...section("Children", [
    [
      40,
      "A child does not end",
      "Overdue, keeps its claim, never doubled; with `onOverdue: \"exit\"` its process ends at a fence"
    ],
    [41, "A child dies at once, for ever", "Backs off, or fails for good; its siblings have their time"],
    [42, "A start hangs", "Restarted by its policy after `startTimeout`"],
    [43, "A finalizer fails", "The claim is given back all the same"],
    [58, "Stops are slow when the lease is lost", "No overlap up to the stop budget; never two unfenced"],
    [59, "The layer of a kind closes while it has children", "Handed over before its services go"],
    [60, "Two supervisors in one process", "Neither feels the other"]
  ]),
  ...section("Calls", [
    [46, "One id, other content, from two nodes at once", "One Created, one ChildSpecConflict"],
    [47, "Start and terminate race from all nodes", "The last word stands everywhere"],
    [57, "Replace, restart, failure and end race", "The register's verdict; no acknowledged call undone"]
  ]),
  ...section("Data and versions", [
    [49, "Wrong types, broken records, 100 MB values under our keys", "Skipped and told; everything else goes on"],
    [50, "Records of a later version", "Read; unknown fields are kept when written"],
    [51, "A kind that no node has", "Pending, with the reason; runs as soon as one has it"],
    [52, "A payload that other code cannot read", "Runs where it can be read; if nowhere: failed, with the reason"],
    [64, "The data is replaced by an older copy", "Nothing doubled, nothing lost, nothing back"]
  ])
]
