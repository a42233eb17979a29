/* Who owns a child: the ownership protocol of docs/protocol.md, small enough to be searched completely.

   Nodes, one child, one registry. One tick is about a quarter of a lease; time is relative, so histories may be of any
   length. What a node does on its own initiative (claim, move, give back, look at the log) it may do whenever it likes:
   placement and news are left to chance, so that safety is shown to rest on the registry, the leases and the tokens.
   Requests are sent, executed and answered one after the other, and anything may happen between; a caller may give up,
   and its request may still be executed at any later time.

   Sessions, tokens and faults are bounded by the macros below; M_... breaks a rule, which the search must notice. */

#ifndef N
#define N 2          /* nodes */
#endif
#ifndef S
#define S 4          /* sessions in a history */
#endif
#ifndef K
#define K 3          /* grants in a history */
#endif
#ifndef CRASHES
#define CRASHES 1    /* processes that end; they may be started again */
#endif
#ifndef FREEZES
#define FREEZES 1    /* processes that are stopped and continued later, at any time */
#endif
#ifndef LOSSES
#define LOSSES 0     /* data lost, or an older copy in its place */
#endif
#ifndef JUMPS
#define JUMPS 0      /* steps of the registry's clock, cut to one tick each */
#endif
#ifndef CALLS
#define CALLS 0      /* terminations and starts by clients, in turn */
#endif
#ifndef EAGER
#define EAGER 0      /* 1: a lease that was renewed in this tick may be renewed again */
#endif
#ifndef GHOSTS
#define GHOSTS 1     /* requests that were given up and are still on their way, at a time: 0 or 1 */
#endif

#define TTL 4
#ifdef M_NO_MARGIN
#define MARGIN 0
#else
#define MARGIN 2
#endif
#ifdef M_SHORT_QUARANTINE
#define QUARANTINE 1
#elif defined M_NO_QUARANTINE
#define QUARANTINE 0
#else
#define QUARANTINE TTL
#endif
#ifdef M_UNCLAMPED_CLOCK
#define STEP 4
#else
#define STEP 2       /* the tick itself, and one more */
#endif
#define LEASE (TTL - MARGIN)

/* Sessions: expiry in ticks; one that was never opened; one that is over for good. */
#define UNOPENED 0
#define DEAD 15
#define OLD 14       /* a session of an older copy of the data: nobody's */
#define live(s) (ex[s] != UNOPENED && ex[s] != DEAD)

/* ---------------------------------------------------------------- the registry */
byte ex[16];         /* by session; 0 is no session */
byte csid, ctok;     /* the claim: session and token; no claim: 0, 0 */
byte ctr;            /* the counter, as far as tokens are drawn from it */
byte reg;            /* the child's register by rank: 0 nothing, odd: a spec, even: a tombstone */
byte era = 1, quar;
bool lost;           /* the data has changed, and no command has come since */

/* ---------------------------------------------------------------- nodes */
#define JOINING 0    /* no lease */
#define OPENING 1    /* the lease holds, the data set is new */
#define SYNCING 2
#define ACTIVE 3
bool up[N], frozen[N];
byte st[N];
byte ses[N];         /* the session that was established last */
byte join[N];        /* the one that is about to be */
byte e[N];           /* the era that was heard of */
byte cera[N], vera[N]; /* the eras of its claims, and of what it has read */
byte dl[N];          /* ticks until its lease is over, as it judges itself */
byte know[N];        /* the register, as it knows it */
#define NONE 0
#define RUNNING 1    /* or stopping in order: it may end at any time */
#define REVOKED 2    /* stopping; its token is void */
byte ch[N], tok[N];
bool taint[N];       /* its process was stopped while the child was there: windows W1 and W2 */

/* Renewals: 0 none, 1 on their way, 2 executed. */
byte ts[N], tses[N], tera[N], tage[N], tres[N];
/* Other requests of a node: claims and openings. */
#define CLAIM 1
#define OPEN 2
byte wk[N], ws[N], wses[N], wera[N], wage[N], wtok[N], wres[N], wsup[N];
bool wcarry[N];
#ifdef M_GRANT_NOT_RECHECKED
byte late[N];
#endif
byte rel[N];         /* token of the claim that is being given back */
/* A request that was given up. */
#define RELEASE 3
byte gk, gses, gera, gtok, gsup;
bool gcarry;

byte owner[16];      /* by session: its node, plus one; plus 16 once its process is gone */
byte sessions;       /* how many were named */

/* ---------------------------------------------------------------- faults so far, and what the checks remember */
byte crashes, freezes, losses, jumps, calls;
byte ended;          /* rank of the termination that was acknowledged last, and that no start followed */
byte caller;         /* the node, plus one, that it was acknowledged to, if its lease has held ever since */
bool lossy;          /* data was lost since */
byte highest;        /* the highest token that was ever granted */
hidden byte i, j, k, r;

#define unfenced(n) (ch[n] == RUNNING && dl[n] > 0)
#define able(n) (up[n] && !frozen[n])

inline check() {
  /* At most one copy whose check succeeds: always. At most one copy that runs: save after a pause. */
  d_step {
    i = 0;
    do
    :: i < N ->
       j = i + 1;
       do
       :: j < N ->
          assert(!(unfenced(i) && unfenced(j)));
          assert(!(ch[i] != NONE && ch[j] != NONE) || taint[i] || taint[j]);
          assert(ch[i] == NONE || ch[j] == NONE || tok[i] == 0 || tok[i] != tok[j]);
          j++
       :: else -> break
       od;
       i++
    :: else -> break
    od;
    i = 0; j = 0
  }
}

/* ---------------------------------------------------------------- the registry's side */

#ifdef M_ERA_NOT_CHECKED
#define sameEra(x) true
#else
#define sameEra(x) ((x) == era)
#endif
#ifdef M_RELEASE_WITHOUT_TOKEN
#define isStale(s, t) false
#else
#define isStale(s, t) (!(csid == s && ctok == t))
#endif
#ifdef M_REOPEN_DEAD
#define isOver(s) false
#else
#define isOver(s) (ex[s] == DEAD)
#endif
#define useless ((gk == CLAIM && ex[gses] == DEAD) || (gk == OPEN && isOver(gses)) || (gk == RELEASE && isStale(gses, gtok)))

/* The first command after a loss begins an era: all sessions are void, nothing is granted for one ttl. */
inline guard() {
  if
  :: lost ->
     lost = false; era++; quar = QUARANTINE;
     r = 1;
     do :: r <= S -> if :: live(r) -> ex[r] = UNOPENED :: else fi; r++ :: else -> break od;
     r = 0
  :: else
  fi
}

/* Nobody lives again. */
inline alive(s) { assert(ex[s] != DEAD); ex[s] = TTL }

inline execTick(n) {
  guard();
  if
#ifndef M_ERA_NOT_CHECKED
  :: tera[n] != era -> tres[n] = 2
#endif
  :: else ->
     if
#ifdef M_RENEW_DEAD
     :: live(tses[n]) || ex[tses[n]] == DEAD -> alive(tses[n]); tres[n] = 0
#else
     :: live(tses[n]) -> alive(tses[n]); tres[n] = 0
#endif
     :: else -> tres[n] = 1
     fi
  fi;
  ts[n] = 2;
  if :: !up[n] || st[n] < SYNCING || tses[n] != ses[n] -> endTick(n) :: else fi
}

inline endTick(n) { ts[n] = 0; tses[n] = 0; tera[n] = 0; tage[n] = 0; tres[n] = 0 }

#ifdef M_STEAL
#define vacant true
#else
#define vacant (csid == 0 || !live(csid))
#endif
#ifdef M_SPEC_NOT_CHECKED
#define current(g) true
#else
#define current(g) (reg == (g))
#endif

/* Grants `k` a token, or 0. `g` is the generation that the claim names. */
inline execClaim(s, x, g) {
  guard();
  k = 0;
  if
  :: sameEra(x) && live(s) && quar == 0 && current(g) && vacant && ctr < K ->
     ctr++; csid = s; ctok = ctr; k = ctr;
     assert(ctr > highest);
     highest = ctr;
     /* A terminated child does not come back while anybody remembers who was told so. */
     assert(!((g) < ended && (!lossy || caller != 0)))
  :: else
  fi
}

/* Takes a session in; `k` becomes 0 if its claim may stand, 1 if not, 2 for another era, 3 for a session that ended. */
inline execOpen(s, x, t, carry, sup) {
  guard();
  k = 0;
  if
  :: !sameEra(x) -> k = 2
  :: sameEra(x) && isOver(s) -> k = 3
  :: else ->
     if
     :: t == 0 -> skip
#ifdef M_ASSERT_BLINDLY
     :: t != 0 -> csid = s; ctok = t
#else
     :: t != 0 && csid == 0 -> if :: carry -> k = 1 :: else -> csid = s; ctok = t fi
     :: t != 0 && csid != 0 ->
        if
        :: csid == s && ctok == t -> skip
        :: !(csid == s && ctok == t) && carry && ctok == t && (csid == sup || !live(csid)) -> csid = s
        :: !(csid == s && ctok == t) && !carry && (t > ctok || (t == ctok && !live(csid))) -> csid = s; ctok = t
        :: else -> k = 1
        fi
#endif
     fi;
     alive(s);
     if :: sup != 0 && sup != s && live(sup) -> ex[sup] = DEAD :: else fi
  fi
}

inline execRelease(s, x, t) {
  guard();
  if :: sameEra(x) && !isStale(s, t) -> csid = 0; ctok = 0 :: else fi
}

/* ---------------------------------------------------------------- a node's side */

inline endWork(n) {
  wk[n] = 0; ws[n] = 0; wses[n] = 0; wera[n] = 0; wage[n] = 0; wtok[n] = 0; wres[n] = 0; wsup[n] = 0; wcarry[n] = false
}

/* What was sent and not yet executed may still be, whoever waits for it. */
inline giveUp(n) {
  if
  :: GHOSTS == 1 && ws[n] == 1 && gk == 0 ->
     gk = wk[n]; gses = wses[n]; gera = wera[n]; gtok = wtok[n]; gsup = wsup[n]; gcarry = wcarry[n]
  :: else
  fi;
  endWork(n)
}

/* One that can have no effect any more is as good as none. */
inline tidy() {
  if
  :: gk == 0 -> skip
  :: gk != 0 && (!sameEra(gera) || useless) -> gk = 0; gses = 0; gera = 0; gtok = 0; gsup = 0; gcarry = false
  :: else
  fi
}

inline giveUpRelease(n) {
  if
  :: GHOSTS == 1 && rel[n] != 0 && gk == 0 -> gk = RELEASE; gses = ses[n]; gera = e[n]; gtok = rel[n]
  :: else
  fi;
  rel[n] = 0
}

/* The end of a session voids what was asked under it. */
inline leaveSession(n) {
  giveUpRelease(n);
  if :: ts[n] == 2 -> endTick(n) :: else fi;
#ifdef M_GRANT_NOT_RECHECKED
  if :: wk[n] == CLAIM && ws[n] == 2 -> late[n] = wres[n] :: else fi;
#endif
  giveUp(n)
}

inline fence(n) {
  dl[n] = 0; st[n] = JOINING; join[n] = 0;
  leaveSession(n);
  if :: ch[n] == RUNNING -> ch[n] = REVOKED :: else fi;
  if :: caller == n + 1 -> caller = 0 :: else fi
}

inline meetEra(n) {
  if
  :: dl[n] == 0 -> fence(n)
  :: else -> leaveSession(n); st[n] = OPENING; e[n] = era
  fi
}

inline gone(n) {
  r = 1;
  do :: r <= S -> if :: owner[r] == n + 1 -> owner[r] = owner[r] + 16 :: else fi; r++ :: else -> break od;
  r = 0;
  fence(n);
  giveUp(n);
  up[n] = false; frozen[n] = false; ses[n] = 0; join[n] = 0; e[n] = 0; cera[n] = 0; vera[n] = 0; know[n] = 0;
  ch[n] = NONE; tok[n] = 0; taint[n] = false
}

/* For whatever reason: it is terminated, moves, or was fenced. */
inline childEnds(n) {
#ifndef M_RELEASE_FIRST
  if :: st[n] >= SYNCING && tok[n] != 0 -> rel[n] = tok[n] :: else fi;
#endif
  ch[n] = NONE; tok[n] = 0; taint[n] = false
}

/* A claim of its own that nothing stands behind is given back; one that is another's is obeyed. */
inline follow(n) {
  know[n] = reg;
  if
  :: ch[n] == RUNNING && !(csid == ses[n] && ctok == tok[n]) -> ch[n] = REVOKED; tok[n] = 0
  :: ch[n] == NONE && csid == ses[n] && ws[n] == 0 && rel[n] == 0 -> rel[n] = ctok
  :: else
  fi
}

inline recvTick(n) {
  if
  :: tres[n] == 0 ->
#ifdef M_LEASE_FROM_REPLY
     if :: dl[n] == 0 -> fence(n) :: else -> dl[n] = LEASE fi
#else
     if
     :: dl[n] == 0 || tage[n] >= LEASE -> fence(n)
     :: else -> if :: LEASE - tage[n] > dl[n] -> dl[n] = LEASE - tage[n] :: else fi
     fi
#endif
  :: tres[n] == 1 -> fence(n)
  :: else -> meetEra(n)
  fi;
  endTick(n)
}

#define usable(n) (wses[n] == ses[n] && know[n] == wtok[n])

inline recvClaim(n) {
  if
  :: st[n] == ACTIVE && dl[n] > 0 && ch[n] == NONE && usable(n) -> ch[n] = RUNNING; tok[n] = wres[n]
  :: else -> if :: st[n] >= SYNCING && wses[n] == ses[n] -> rel[n] = wres[n] :: else fi
  fi;
  endWork(n);
  check()
}

inline recvOpen(n) {
  if
  :: wres[n] == 2 -> e[n] = era
  :: wres[n] == 3 -> join[n] = 0
  :: wres[n] <= 1 && wage[n] >= LEASE -> skip
  :: else ->
     if :: LEASE - wage[n] > dl[n] -> dl[n] = LEASE - wage[n] :: else fi;
#ifndef M_REFUSED_GOES_ON
     if :: wres[n] == 1 && ch[n] != NONE -> ch[n] = REVOKED; tok[n] = 0 :: else fi;
#endif
     st[n] = SYNCING; ses[n] = join[n]; join[n] = 0; cera[n] = wera[n]
  fi;
  endWork(n);
  check()
}

/* Reads everything. In a data set that it has not read before, the higher rank wins, and is given back. */
inline sync(n) {
  guard();
  if
  :: e[n] != era -> meetEra(n)
  :: else ->
#ifndef M_NOT_GIVEN_BACK
     if :: vera[n] != era && know[n] > reg -> reg = know[n] :: else fi;
#endif
     know[n] = reg; vera[n] = era; st[n] = ACTIVE
  fi
}

inline terminate(n) {
#ifdef M_NO_TOMBSTONE
  reg = 0;
#else
  reg++;
#endif
  ended = know[n] + 1; caller = n + 1; lossy = false; know[n] = reg
}

#define odd(x) ((x) % 2 == 1)
#ifdef M_CLOSE_ALIVE
#define mayClose(n) true
#else
#define mayClose(n) (ch[n] == NONE)
#endif

#ifdef M_GRANT_NOT_RECHECKED
/* The answer to a claim of an earlier session is taken for one of this session. */
#define LATE(n) \
  :: d_step { able(n) && late[n] != 0 && st[n] == ACTIVE && dl[n] > 0 && ch[n] == NONE -> \
       ch[n] = RUNNING; tok[n] = late[n]; late[n] = 0; check() }
#else
#define LATE(n)
#endif

#define NODE(n) \
  LATE(n) \
  :: d_step { able(n) && st[n] >= SYNCING && ts[n] == 0 && dl[n] > 0 && dl[n] < LEASE + EAGER -> \
       ts[n] = 1; tses[n] = ses[n]; tera[n] = e[n] ; tidy() } \
  :: d_step { ts[n] == 1 -> execTick(n) ; tidy() } \
  :: d_step { able(n) && ts[n] == 2 -> recvTick(n) ; tidy() } \
  :: d_step { ts[n] != 0 -> endTick(n) }                    /* lost */ \
  :: d_step { able(n) && st[n] != JOINING && dl[n] == 0 && FENCES -> fence(n) ; tidy() } \
  EARLY(n) \
  :: d_step { able(n) && ch[n] != NONE && rel[n] == 0 && (ch[n] == REVOKED || st[n] >= OPENING) -> childEnds(n) ; tidy() } \
  :: d_step { able(n) && st[n] == ACTIVE && dl[n] > 0 && ch[n] == NONE && ws[n] == 0 && rel[n] == 0 && odd(know[n]) && \
       ctr < K -> wk[n] = CLAIM; ws[n] = 1; wses[n] = ses[n]; wera[n] = e[n]; wtok[n] = know[n] ; tidy() } \
  :: d_step { ws[n] == 1 && wk[n] == CLAIM -> \
       execClaim(wses[n], wera[n], wtok[n]); wres[n] = k; ws[n] = 2; if :: k == 0 -> endWork(n) :: else fi; k = 0 ; tidy() } \
  :: d_step { able(n) && ws[n] == 2 && wk[n] == CLAIM -> recvClaim(n) ; tidy() } \
  :: d_step { able(n) && st[n] <= OPENING && (join[n] != 0 || sessions < S) && ws[n] == 0 -> \
       guard(); e[n] = era; \
       if :: join[n] == 0 -> sessions++; join[n] = sessions; owner[sessions] = n + 1 :: else fi; \
       wk[n] = OPEN; ws[n] = 1; wses[n] = join[n]; wera[n] = e[n]; wsup[n] = ses[n]; wtok[n] = ASSERTED(n); \
       wcarry[n] = (cera[n] == e[n]) ; tidy() } \
  :: d_step { ws[n] == 1 && wk[n] == OPEN -> \
       execOpen(wses[n], wera[n], wtok[n], wcarry[n], wsup[n]); wres[n] = k; ws[n] = 2; k = 0 ; tidy() } \
  :: d_step { able(n) && ws[n] == 2 && wk[n] == OPEN -> recvOpen(n) ; tidy() } \
  :: d_step { ws[n] != 0 -> giveUp(n) ; tidy() } \
  :: d_step { rel[n] != 0 -> execRelease(ses[n], e[n], rel[n]); rel[n] = 0 ; tidy() } \
  :: d_step { rel[n] != 0 -> giveUpRelease(n) ; tidy() } \
  :: d_step { able(n) && st[n] == SYNCING && dl[n] > 0 -> sync(n) ; tidy() } \
  :: d_step { able(n) && st[n] == ACTIVE && !lost && e[n] == era -> follow(n) ; tidy() } \
  :: d_step { able(n) && st[n] == ACTIVE && !lost && e[n] == era && know[n] == reg && odd(reg) && calls < CALLS -> \
       calls++; terminate(n) ; tidy() } \
  :: d_step { able(n) && st[n] == ACTIVE && !lost && e[n] == era && know[n] == reg && !odd(reg) && reg != 0 && \
       calls < CALLS -> calls++; reg++; know[n] = reg; ended = 0; caller = 0 ; tidy() } \
  :: d_step { able(n) && st[n] == ACTIVE && mayClose(n) && ws[n] == 0 && rel[n] == 0 && crashes < CRASHES -> \
       crashes++; guard(); if :: live(ses[n]) -> ex[ses[n]] = DEAD :: else fi; CLOSED(n) ; tidy() } \
  :: d_step { up[n] && crashes < CRASHES -> crashes++; gone(n) ; tidy() } \
  :: d_step { !up[n] && sessions < S -> up[n] = true ; tidy() } \
  :: d_step { able(n) && st[n] != JOINING && freezes < FREEZES -> freezes++; frozen[n] = true; \
       taint[n] = (ch[n] != NONE) ; tidy() } \
  :: d_step { frozen[n] -> frozen[n] = false }

#ifdef M_NO_FENCE
#define FENCES false
#else
#define FENCES true
#endif
#ifdef M_RELEASE_FIRST
#define EARLY(n) :: d_step { able(n) && st[n] == ACTIVE && ch[n] == RUNNING && rel[n] == 0 -> rel[n] = tok[n] }
#else
#define EARLY(n)
#endif
#ifdef M_NOTHING_ASSERTED
#define ASSERTED(n) 0
#else
#define ASSERTED(n) tok[n]
#endif
#ifdef M_CLOSE_ALIVE
#define CLOSED(n) skip
#else
#define CLOSED(n) gone(n)
#endif

/* Whose end a neighbour may take for certain. */
#ifdef M_FROZEN_IS_GONE
#define isGone(s) (owner[s] > 16 || frozen[owner[s] - 1])
#elif defined M_NUMBER_IS_ENOUGH
/* A process of that number was seen to end: whatever session the node's name has now. */
#define isGone(s) (owner[s] > 16 || (owner[s] > 0 && crashes > 0))
#else
#define isGone(s) (owner[s] > 16)
#endif

/* No time passes while a process that is not stopped has something urgent to do: assumptions A3 and A4. */
#ifdef M_NO_FENCE
#define urgent(n) false
#else
#define urgent(n) (able(n) && ((st[n] != JOINING && dl[n] == 0) || ch[n] == REVOKED || st[n] == SYNCING))
#endif
#if N > 2
#define anyUrgent (urgent(0) || urgent(1) || urgent(2))
#else
#define anyUrgent (urgent(0) || urgent(1))
#endif

/* The registry's clock advances by `by`: not at all while it is away, by more when its server's clock was set. */
inline pass(by) {
  i = 0;
  do
  :: i < N ->
     if :: dl[i] > 0 -> dl[i]-- :: else fi;
     if :: dl[i] == 0 && caller == i + 1 -> caller = 0 :: else fi;
     if :: ts[i] != 0 && tage[i] < LEASE -> tage[i]++ :: else fi;
     if :: wk[i] == OPEN && wage[i] < LEASE -> wage[i]++ :: else fi;
     i++
  :: else -> break
  od;
  i = 1;
  do
  :: i <= S -> if :: live(i) -> if :: ex[i] > by -> ex[i] = ex[i] - by :: else -> ex[i] = DEAD fi :: else fi; i++
  :: else -> break
  od;
  if :: quar > by -> quar = quar - by :: else -> quar = 0 fi;
  i = 0;
  check()
}

/* The data is gone, or an older copy of it has come in its place: the claim and the register may be any older ones. */
inline lose(claim, rank) {
  losses++; lossy = true;
#ifdef M_COUNTER_NOT_SEEDED
  if :: ctok > 1 -> ctr = 1 :: else -> ctr = 0 fi;
#endif
  if
  :: claim == 0 -> csid = 0; ctok = 0
  :: claim == 1 -> csid = OLD; ctok = 1
  :: else
  fi;
  reg = rank;
#ifndef M_LOSS_UNNOTICED
  lost = true
#endif
}

#if GHOSTS == 1
#define GHOST \
  :: d_step { gk == CLAIM -> execClaim(gses, gera, gtok); endGhost() } \
  :: d_step { gk == OPEN -> execOpen(gses, gera, gtok, gcarry, gsup); endGhost() } \
  :: d_step { gk == RELEASE -> execRelease(gses, gera, gtok); endGhost() } \
  :: d_step { gk != 0 -> endGhost() }
#else
#define GHOST
#endif
inline endGhost() { gk = 0; gses = 0; gera = 0; gtok = 0; gsup = 0; gcarry = false; k = 0 }

#define LOSS losses < LOSSES && !lost

active proctype World() {
  d_step {
    i = 0; do :: i < N -> up[i] = true; i++ :: else -> break od; i = 0;
    reg = 1
  }
end:
  do
  NODE(0)
  NODE(1)
#if N > 2
  NODE(2)
#endif
  GHOST
  :: d_step { !anyUrgent -> pass(1); tidy() }
  :: d_step { !anyUrgent -> pass(0); tidy() }
#if JUMPS > 0
  :: d_step { !anyUrgent && jumps < JUMPS -> jumps++; pass(STEP); tidy() }
#endif
  :: d_step { live(1) && isGone(1) -> guard(); if :: live(1) -> ex[1] = DEAD :: else fi; tidy() }
  :: d_step { live(2) && isGone(2) -> guard(); if :: live(2) -> ex[2] = DEAD :: else fi; tidy() }
  :: d_step { live(3) && isGone(3) -> guard(); if :: live(3) -> ex[3] = DEAD :: else fi; tidy() }
#if S > 3
  :: d_step { live(4) && isGone(4) -> guard(); if :: live(4) -> ex[4] = DEAD :: else fi; tidy() }
#endif
#if S > 4
  :: d_step { live(5) && isGone(5) -> guard(); if :: live(5) -> ex[5] = DEAD :: else fi; tidy() }
#endif
#if LOSSES > 0
  :: d_step { LOSS -> lose(0, 0); tidy() }
  :: d_step { LOSS -> lose(2, reg); tidy() }
  :: d_step { LOSS && ctok > 1 -> lose(1, reg); tidy() }
  :: d_step { LOSS -> lose(0, reg); tidy() }
#if CALLS > 0
  :: d_step { LOSS && reg > 1 -> lose(0, 1); tidy() }
  :: d_step { LOSS && reg > 1 -> lose(2, 1); tidy() }
#endif
#endif
  od
}
