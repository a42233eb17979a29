/**
 * Rules of a node, broken.
 */
import { Effect } from "effect"
import type { GroupRegistry } from "effect-pogo"
import type { Node } from "../../../src/internal/node/node.js"
import type { Args, CommandName, Reply, Value } from "../../../src/internal/registry/commands.js"
import type { LocalChild } from "../../../src/internal/supervisor/localChild.js"
import { timing } from "../plan.js"
import type { Mutation } from "./mutation.js"

type Execute = GroupRegistry.GroupRegistry["Type"]["execute"]

/** Puts something between a node and its registry. */
const between = (node: Node, wrap: (execute: Execute) => Execute): void => {
  const { registry } = node
  Object.assign(node, { registry: { ...registry, execute: wrap(registry.execute.bind(registry)) } })
}

/** Changes what a node sends. */
export const sending =
  <C extends CommandName>(command: C, change: (args: Args<C>, node: Node) => Args<C>) => (node: Node) =>
    between(
      node,
      (execute) => (name, envelope, args) =>
        execute(name, envelope, name as string === command ? change(args as never, node) as never : args)
    )

/** Changes what a node is told. */
export const hearing =
  <C extends CommandName>(command: C, change: (value: Value<C>, node: Node, args: Args<C>) => Value<C>) =>
  (node: Node) =>
    between(
      node,
      (execute) => (name, envelope, args) =>
        Effect.map(execute(name, envelope, args), (reply) =>
          name as string === command && reply._tag === "OK"
            ? { ...reply, value: change(reply.value as never, node, args as never) }
            : reply)
    )

/** Does something else when a child is stopped, or something more. */
const stopping =
  (change: (node: Node, child: LocalChild, reason: string, stop: () => void) => void) => (node: Node) => {
    const stop = node.supervisor.stop.bind(node.supervisor)
    node.supervisor.stop = (child, reason, grace) => change(node, child, reason, () => stop(child, reason, grace))
  }

const renewing = (from: (sent: number, now: number) => number) => (node: Node) => {
  const renew = node.lease.renew.bind(node.lease)
  node.lease.renew = (sent) => renew(from(sent, node.ambient.now()))
}

/** For as many grants as a reply brings, the plan is shown another condition than the true one. */
const misled = (node: Node): void => {
  let lies = 0
  between(
    node,
    (execute) => (name, envelope, args) =>
      Effect.tap(execute(name, envelope, args), (reply) =>
        Effect.sync(() => {
          if (name !== "claim" || reply._tag !== "OK") return
          lies = (reply.value as Value<"claim">).results.filter(({ _tag }) => _tag === "GRANTED").length
        }))
  )
  const condition = node.condition.bind(node)
  node.condition = (session) => {
    const truth = condition(session)
    if (lies === 0) return truth
    lies--
    return { ...truth, active: true, cordoned: false, draining: false }
  }
}

const renewForEver = (node: Node, sid: string, era: string): Effect.Effect<void> =>
  Effect.suspend(() => node.registry.execute("tick", node.clock.envelope(era, node.ambient.now()), { sid })).pipe(
    Effect.ignore,
    Effect.zipRight(Effect.sleep(timing.heartbeat)),
    Effect.repeatN(10),
    Effect.asVoid
  )

/** All runs of a claim are given one `Current`, which each run makes good again. */
const oneRun = (node: Node): void => {
  const { supervisor } = node
  const makeRun = supervisor["makeRun"].bind(supervisor)
  const runs = new WeakMap<LocalChild, ReturnType<typeof makeRun>>()
  supervisor["makeRun"] = (child) => {
    const run = runs.get(child) ?? makeRun(child)
    runs.set(child, run)
    run["over"] = ""
    return run
  }
}

const onFence = (then: (node: Node) => void) => (node: Node) => {
  const fence = node.fence.bind(node)
  node.fence = (reason) => {
    const given = node.lease.given
    if (given) then(node)
    fence(reason)
  }
}

/** Sends half of the claims with the call that makes the session live, and the rest a moment later. */
const livesEarly = (node: Node): void =>
  between(node, (execute) => (name, envelope, args) => {
    const open = args as Args<"open">
    if (name !== "open" || open.mode !== "reassert" || !open.last || open.claims.length < 2) {
      return execute(name, envelope, args)
    }
    const half = Math.floor(open.claims.length / 2)
    const rest = { ...open, claims: open.claims.slice(half), last: false }
    node.fork(Effect.ignore(Effect.delay(execute("open", envelope, rest), 20)))
    return execute("open", envelope, { ...open, claims: open.claims.slice(0, half) }) as never
  })

export const ofNodes: ReadonlyArray<Mutation> = [
  {
    name: "the lease counts from the answer, not from the sending",
    weights: { cut: 5, pause: 30, slow: 5 },
    changed: renewing((_, now) => now)
  },
  {
    name: "the lease has no margin",
    weights: { cut: 40, freeze: 10 },
    changed: renewing((sent) => sent + timing.margin)
  },
  {
    name: "a node does not fence itself",
    shownBy: 5,
    weights: { cut: 40 },
    changed: (node) => {
      node.lease.holds = () => node.lease.given
      Object.defineProperty(node.lease, "remaining", { get: () => 1e9 })
    }
  },
  {
    name: "a fenced session is renewed",
    shownBy: 19,
    weights: { cut: 40, freeze: 20 },
    changed: onFence((node) => {
      const { session } = node
      if (session !== undefined) node.fork(renewForEver(node, session.sid, session.era))
    })
  },
  {
    name: "a claim is given back before its child has ended",
    changed: stopping((node, child, reason, stop) => {
      stop()
      if (reason === "moved" || reason === "drained") {
        node.outbox.releases.offer(child.id, { token: child.claim, refused: "" })
      }
    })
  },
  {
    name: "finalizers are not awaited",
    changed: stopping((node, child, _, stop) => {
      stop()
      if (child.fiber !== undefined && child.stage !== "reportingEnd") node.supervisor["ended"](child)
    })
  },
  {
    name: "a session is closed while its children run",
    shownBy: 11,
    weights: { stop: 30 },
    changed: stopping((node, child, reason, stop) => {
      const { session } = node
      stop()
      if (reason !== "drained" || session === undefined || child.fiber === undefined) return
      const envelope = node.clock.envelope(session.era, node.ambient.now())
      node.fork(Effect.ignore(node.registry.execute("close", envelope, { sid: session.sid })))
    })
  },
  {
    name: "a grant is used without a second look",
    shownBy: 136,
    weights: { cordon: 40, drain: 30, slow: 30, call: 30 },
    changed: misled
  },
  {
    name: "the tokens of a fenced node's children stay good",
    shownBy: 16,
    weights: { cut: 40, freeze: 20, Stubborn: 40 },
    changed: (node) => {
      node.supervisor.revoke = () => {}
    }
  },
  {
    name: "all runs of a claim have one Current",
    shownBy: 8,
    changed: oneRun
  },
  {
    name: "a node that opens a session says nothing of what it runs",
    weights: { server: 20, key: 10, cut: 20 },
    changed: sending("open", (args) => ({ ...args, claims: [] }))
  },
  {
    name: "the last claims are sent beside the others",
    shownBy: 5,
    weights: { lose: 40 },
    changed: livesEarly
  },
  {
    name: "an unconfirmed claim is taken for a good one",
    shownBy: 438,
    weights: { lose: 30, freeze: 40, Keep: 60 },
    changed: (node) => {
      const confirmed = node.supervisor.confirmed.bind(node.supervisor)
      node.supervisor.confirmed = () => {
        for (const child of node.supervisor.children.values()) child.unconfirmed = false
        confirmed()
      }
    }
  },
  {
    name: "a list keeps what it said of a child that has changed since",
    changed: (node) => {
      Object.assign(node, { notify: (id: string) => node.watchers.notify(id) })
    }
  },
  {
    name: "a child whose claim went to another goes on",
    shownBy: 34,
    weights: { cut: 40, freeze: 20, Keep: 40 },
    changed: hearing("open", (value) => ({ ...value, refused: [] }))
  },
  {
    name: "what only a node remembers is not given back",
    weights: { lose: 30, rollback: 20 },
    changed: (node) =>
      between(node, (execute) => (name, envelope, args) =>
        name === "merge"
          ? Effect.succeed({ _tag: "OK", now: 0, high: 0, log: 0, value: { merged: 0 } } as Reply<unknown> as never)
          : execute(name, envelope, args))
  },
  {
    name: "a node says that it has every kind",
    shownBy: 17,
    changed: (node) => {
      const read = node.own.read.bind(node.own)
      node.own.read = () => {
        const truth = read()
        return {
          ...truth,
          kinds: Object.assign({}, ...node.view.membership.list.map(({ kinds }) => kinds), truth.kinds)
        }
      }
    }
  },
  {
    name: "the count of restarts is lost on a move",
    shownBy: 10,
    weights: { crash: 20, drain: 20 },
    changed: hearing("claim", (value) => ({
      results: value.results.map((result) => result._tag === "GRANTED" ? { ...result, stat: null } : result)
    }))
  },
  {
    name: "a new session does not end the one before",
    weights: { cut: 40, freeze: 20 },
    changed: sending("open", (args) => ({ ...args, supersedes: "" }))
  },
  {
    name: "the number of claims is not compared, and the log is not trusted to tell",
    changed: (node) => {
      hearing("tick", (value, { session, view }) => ({ ...value, claims: view.claimsOf(session?.sid ?? "") }))(node)
      hearing("changes", (value) => ({ ...value, items: value.items.filter(({ claim }) => claim === null) }))(node)
    }
  },
  {
    name: "a renewal's answer does not tell of news",
    weights: { deaf: 60, call: 30 },
    changed: (node) =>
      between(
        node,
        (execute) => (name, envelope, args) =>
          Effect.map(execute(name, envelope, args), (reply) =>
            name === "tick" && reply._tag === "OK" ? { ...reply, log: 0 } : reply)
      )
  },
  {
    name: "nodes place children by rules of their own",
    shownBy: 7,
    changed: (node) => {
      const { membership } = node.view
      const homeOf = membership.homeOf.bind(membership)
      membership.homeOf = (entry) => {
        const home = homeOf(entry)
        return home === undefined ? undefined : membership.list.find(({ open }) => open)?.sid ?? home
      }
      if (node.config.name === "n1") membership.homeOf = homeOf
    }
  }
]
