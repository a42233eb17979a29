/* What comes about once the faults are over: a child that is wanted runs exactly once, one that was terminated nowhere.

   Two nodes that act on what they have read from the log, one child, one registry. Leases have no numbers here: a session
   that its node renews stays, any other ends at some time. Every loop of a node is a process, so that weak fairness gives
   each its turn (pan -a -f). Faults: requests, answers and wake-ups lost, a process that ends and is started again, a node
   that is cut off, data lost, a termination. They are over at a time that the search chooses. M_... breaks a rule. */

#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef DROPS
#define DROPS 2
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef CALLS
#define CALLS 1
#endif

/* Who holds the claim: the present session of node 0 or 1, the session of a process of theirs that has ended, or nobody. */
#define NOBODY 2
#define before(n) ((n) + 3)

/* ---------------------------------------------------------------- the registry */
bool live[2], orphan[2];
byte holder = NOBODY;
byte reg = 1;            /* by rank: nothing, a spec, its tombstone */
bool era, quarantine;

/* ---------------------------------------------------------------- nodes */
bool up[2] = true, cut[2];
bool joined[2];          /* it has a session, as far as it knows */
bool epoch[2];           /* of this era */
bool runs[2];
byte vreg[2], vholder[2] = NOBODY;
byte vlive[2];           /* members: bit 0 and 1; orphaned sessions: bit 3 and 4 */
bool behind[2];          /* the log has more than was read */
bool news[2];            /* and the node has heard so */
bool look[2];            /* the plan has something to look at */

bool quiet;
byte crashes, cuts, drops, losses, calls;

#define well(n) (up[n] && !cut[n] && joined[n] && epoch[n] == era && live[n])
#define isLive(h) ((h == 0 && live[0]) || (h == 1 && live[1]) || (h == 3 && orphan[0]) || (h == 4 && orphan[1]))
#define seemsLive(n, h) (h != NOBODY && ((vlive[n] >> h) & 1))
/* Of two members the first is at home to the child. */
#define atHome(n) (n == 0 || !(vlive[n] & 1))
#define mayDrop (!quiet && drops < DROPS)

/* A change: who listens is woken, unless the message is lost. */
inline publish() {
  behind[0] = true; behind[1] = true;
  if :: !cut[0] -> news[0] = true :: mayDrop -> drops++ :: cut[0] -> skip fi;
  if :: !cut[1] -> news[1] = true :: mayDrop -> drops++ :: cut[1] -> skip fi
}

inline forget(n) {
  joined[n] = false; runs[n] = false; vreg[n] = 0; vholder[n] = NOBODY; vlive[n] = 0; behind[n] = false; news[n] = false;
  look[n] = false
}

/* Joining, renewing, and giving up. */
proctype Heart(byte n) {
end:
  do
  :: atomic { up[n] && !cut[n] && !joined[n] ->
       /* The claim of a copy that still runs is asserted; the earlier session is over, and frees what it held. */
#ifndef M_NOT_ASSERTED
       if :: runs[n] && !isLive(holder) -> holder = n
          :: runs[n] && isLive(holder) && holder != n -> runs[n] = false
          :: !runs[n] && holder == n -> holder = NOBODY
          :: else fi;
#else
       if :: holder == n -> holder = NOBODY :: else fi;
#endif
       /* What it remembers is given back. */
#ifndef M_NOT_GIVEN_BACK
       if :: vreg[n] > reg -> reg = vreg[n] :: else fi;
#endif
       live[n] = true; joined[n] = true; epoch[n] = era;
       publish(); news[n] = true }
  /* Another data set: its children go on, and their claims are asserted there. */
  :: atomic { up[n] && !cut[n] && joined[n] && epoch[n] != era -> joined[n] = false }
  /* The session is gone. */
  :: atomic { up[n] && !cut[n] && joined[n] && epoch[n] == era && !live[n] -> joined[n] = false; runs[n] = false }
  /* No answers: the lease runs out. */
  :: atomic { up[n] && cut[n] && joined[n] -> joined[n] = false; runs[n] = false }
#ifndef M_RENEWAL_TELLS_NOTHING
  :: atomic { well(n) && behind[n] && !news[n] -> news[n] = true }
#endif
  od
}

proctype Follow(byte n) {
end:
  do
  :: atomic { well(n) && news[n] ->
       news[n] = false; behind[n] = false;
       vreg[n] = reg; vholder[n] = holder; vlive[n] = live[0] + 2 * live[1] + 8 * orphan[0] + 16 * orphan[1];
       look[n] = true }
  od
}

#ifdef M_NOT_TRIED_AGAIN
#define again(n) skip
#else
#define again(n) look[n] = true
#endif

inline release(n) {
  if
  :: mayDrop -> drops++; again(n)
  :: if :: holder == n -> holder = NOBODY; publish() :: else fi;
     if :: mayDrop -> drops++; again(n) :: vholder[n] = NOBODY; look[n] = true fi
  fi
}

inline claim(n) {
  if
  :: mayDrop -> drops++; again(n)
  :: if
     :: reg == 1 && !quarantine && !isLive(holder) ->
        holder = n; publish();
        if :: mayDrop -> drops++; again(n) :: runs[n] = true; vholder[n] = n; look[n] = true fi
     :: else -> if :: mayDrop -> drops++; again(n) :: vholder[n] = holder; vreg[n] = reg fi
     fi
  fi
}

proctype Plan(byte n) {
end:
  do
  :: atomic { well(n) && look[n] ->
       look[n] = false;
       if
       :: runs[n] && vholder[n] != n -> runs[n] = false
       :: runs[n] && vholder[n] == n && (vreg[n] != 1 || !atHome(n)) ->
          runs[n] = false;
#ifndef M_NOT_RELEASED
          release(n)
#endif
#ifndef M_GHOST_STAYS
       :: !runs[n] && vholder[n] == n -> release(n)
#endif
       :: !runs[n] && vholder[n] != n && vreg[n] == 1 && atHome(n) && !quarantine && !seemsLive(n, vholder[n]) -> claim(n)
       :: else
       fi }
  od
}

/* Sessions that nobody renews end. */
proctype Reaper(byte n) {
end:
  do
#ifndef M_NOT_REAPED
  :: atomic { orphan[n] -> orphan[n] = false; publish() }
#endif
  :: atomic { live[n] && !joined[n] && (cut[n] || !up[n]) -> live[n] = false; publish() }
  od
}

proctype Clock() {
end:
  do
  :: atomic { quarantine -> quarantine = false;
#ifndef M_QUARANTINE_END_UNNOTICED
       look[0] = true; look[1] = true
#endif
     }
  od
}

proctype Starter(byte n) {
end:
  do
  :: atomic { !up[n] -> up[n] = true }
  od
}

inline crash(n) {
  crashes++; up[n] = false; forget(n);
  if :: live[n] -> live[n] = false; orphan[n] = true; if :: holder == n -> holder = before(n) :: else fi :: else fi
}

proctype Faults() {
  do
  :: atomic { crashes < CRASHES && up[0] && !orphan[0] -> crash(0) }
  :: atomic { crashes < CRASHES && up[1] && !orphan[1] -> crash(1) }
  :: atomic { cuts < CUTS && !cut[0] -> cuts++; cut[0] = true }
  :: atomic { cuts < CUTS && !cut[1] -> cuts++; cut[1] = true }
  /* Both know everything: one of them is left to give it back. */
  :: atomic { losses < LOSSES && well(0) && well(1) && vreg[0] == reg && vreg[1] == reg ->
       losses++; era = !era; quarantine = true; live[0] = false; live[1] = false; orphan[0] = false; orphan[1] = false;
       holder = NOBODY; reg = 0 }
  :: atomic { calls < CALLS && well(0) && reg == 1 -> calls++; reg = 2; vreg[0] = 2; publish() }
  :: atomic { quiet = true; cut[0] = false; cut[1] = false; break }
  od
}

/* Time goes on when nothing else happens: what is stuck is a history without an end, too. */
proctype Idle() {
  do :: quiet || !quiet od
}

init {
  atomic {
    run Heart(0); run Heart(1); run Follow(0); run Follow(1); run Plan(0); run Plan(1);
    run Reaper(0); run Reaper(1); run Clock(); run Starter(0); run Starter(1); run Faults(); run Idle()
  }
}

#define good ((calls == 0 && runs[0] + runs[1] == 1 && reg == 1) || (calls > 0 && !runs[0] && !runs[1] && reg == 2))

ltl settles { (<> quiet) -> (<> [] good) }
