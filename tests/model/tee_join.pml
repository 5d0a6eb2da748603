/* source -> a -> tee (WT workers) -> b, c -> aligned join (WJ workers) -> o -> sink. The tee's operator is not
   deterministic: its output is the number of the attempt. Any worker may die at any step. Both branches get one
   version of each frame, the join delivers each once, and nobody waits for ever.

   ipc/ports.cc: is_ready, publish, complete_publish, free. b and o are the first out-edges, b the first in-edge
   of the join. Without a rule:
     NO_TEE_RULE    each branch is written and published on its own; a redo publishes where it is missing
     NO_JOIN_RULE   claimable only when all in-edges show n, also when its output is published
     CLAIMED_FIRST  the claimed in-edge is freed before the further ones */
#ifndef N
#define N 3
#endif
#ifndef CB
#define CB 2
#endif
#ifndef CC
#define CC 1 /* the ring itself asks for 2; 1 is the harder case */
#endif
#ifndef K
#define K 1
#endif
#ifndef WT
#define WT 1
#endif
#ifndef WJ
#define WJ 2
#endif
#define CA 2
#define CO 2
#define FREE 0
#define FULL 1
#define CLAIMED 2

byte aq[CA], as[CA], aw[CA];
byte bq[CB], bs[CB], bw[CB], bv[CB]; /* bv, cv: the version in the block */
byte cq[CC], cs[CC], cv[CC];
byte oq[CO], os[CO];
byte attempt[N], delivered[N], deaths = 0;

#define ON_B(n) (bq[(n) % CB] > n || (bq[(n) % CB] == n && bs[(n) % CB] != FREE))
#define ON_C(n) (cq[(n) % CC] > n || (cq[(n) % CC] == n && cs[(n) % CC] != FREE))
#define ON_O(n) (oq[(n) % CO] > n || (oq[(n) % CO] == n && os[(n) % CO] != FREE))
#define TEE_HAS_ROOM(n) (bq[(n) % CB] >= n && cq[(n) % CC] >= n)
#define ALL_IN(n) (cq[(n) % CC] == n && cs[(n) % CC] == FULL)
#ifdef NO_JOIN_RULE
#define JOIN_IS_READY(n) (oq[(n) % CO] >= n && ALL_IN(n))
#else
#define JOIN_IS_READY(n) (ON_O(n) || (oq[(n) % CO] == n && ALL_IN(n)))
#endif
#define MAY_DIE if :: deaths < K -> deaths++; goto dead :: skip fi

proctype source() {
  byte n = 0;
  do
  :: n < N -> (aq[n % CA] == n && as[n % CA] == FREE); as[n % CA] = FULL; n++
  :: n == N -> break
  od
}

proctype tee(byte w) {
  byte n, k, v;
again:
end:
  if
  :: d_step { as[0] == FULL && TEE_HAS_ROOM(aq[0]) -> k = 0; n = aq[0] }
  :: d_step { as[1] == FULL && TEE_HAS_ROOM(aq[1]) -> k = 1; n = aq[1] }
  :: delivered[N - 1] == 1 -> goto out
  fi;
  atomic { if :: as[k] == FULL && aq[k] == n -> as[k] = CLAIMED; aw[k] = w :: else -> n = 0; k = 0; goto again fi };
#ifdef NO_TEE_RULE
  d_step { attempt[n]++; v = attempt[n] };
  if :: ON_B(n) -> skip :: else -> bv[n % CB] = v; MAY_DIE; bs[n % CB] = FULL fi;
  MAY_DIE;
  if :: ON_C(n) -> skip :: else -> cv[n % CC] = v; MAY_DIE; cs[n % CC] = FULL fi;
#else
  if
  :: ON_B(n) -> skip
  :: else ->
     d_step { attempt[n]++; v = attempt[n] };
     bv[n % CB] = v;
     MAY_DIE;
     cv[n % CC] = v;
     MAY_DIE;
     assert(bq[n % CB] == n && bs[n % CB] == FREE && cq[n % CC] == n && cs[n % CC] == FREE);
     bs[n % CB] = FULL /* the decision */
  fi;
  MAY_DIE;
  if :: ON_C(n) -> skip :: else -> assert(cq[n % CC] == n); cs[n % CC] = FULL fi;
#endif
  MAY_DIE;
  d_step { assert(aq[k] == n && as[k] == CLAIMED && aw[k] == w); as[k] = FREE; aq[k] = n + CA; v = 0; n = 0; k = 0 };
  goto again;
dead:
  atomic {
    if :: as[0] == CLAIMED && aw[0] == w -> as[0] = FULL :: else fi;
    if :: as[1] == CLAIMED && aw[1] == w -> as[1] = FULL :: else fi;
    k = 0; n = 0; v = 0
  }
  goto again;
out:
  skip
}

proctype join(byte w) {
  byte n, k;
again:
end:
  if
  :: d_step { bs[0] == FULL && JOIN_IS_READY(bq[0]) -> k = 0; n = bq[0] }
#if CB > 1
  :: d_step { bs[1] == FULL && JOIN_IS_READY(bq[1]) -> k = 1; n = bq[1] }
#endif
  :: delivered[N - 1] == 1 -> goto out
  fi;
  atomic { if :: bs[k] == FULL && bq[k] == n -> bs[k] = CLAIMED; bw[k] = w :: else -> n = 0; k = 0; goto again fi };
  MAY_DIE;
  if
  :: ON_O(n) -> skip
  :: else ->
     d_step { assert(ALL_IN(n)); assert(bv[k] == cv[n % CC]) };
     MAY_DIE;
     assert(oq[n % CO] == n && os[n % CO] == FREE);
     os[n % CO] = FULL
  fi;
  MAY_DIE;
#ifdef CLAIMED_FIRST
  d_step { assert(bq[k] == n && bs[k] == CLAIMED && bw[k] == w); bs[k] = FREE; bq[k] = n + CB };
  MAY_DIE;
  d_step { cs[n % CC] = FREE; cq[n % CC] = n + CC };
#else
  if :: cq[n % CC] == n -> d_step { assert(cs[n % CC] == FULL); cs[n % CC] = FREE; cq[n % CC] = n + CC } :: else fi;
  MAY_DIE;
  d_step { assert(bq[k] == n && bs[k] == CLAIMED && bw[k] == w); bs[k] = FREE; bq[k] = n + CB };
#endif
  n = 0; k = 0;
  goto again;
dead:
  atomic {
    if :: bs[0] == CLAIMED && bw[0] == w -> bs[0] = FULL :: else fi;
#if CB > 1
    if :: bs[1] == CLAIMED && bw[1] == w -> bs[1] = FULL :: else fi;
#endif
    k = 0; n = 0
  }
  goto again;
out:
  skip
}

proctype sink() {
  byte n = 0;
  do
  :: n < N ->
     (oq[n % CO] == n && os[n % CO] == FULL);
     delivered[n]++;
     assert(delivered[n] == 1);
     d_step { os[n % CO] = FREE; oq[n % CO] = n + CO };
     n++
  :: n == N -> break
  od
}

init {
  byte i;
  atomic {
    aq[1] = 1; oq[1] = 1;
    i = 0; do :: i < CB -> bq[i] = i; i++ :: else -> break od;
    i = 0; do :: i < CC -> cq[i] = i; i++ :: else -> break od;
    run source();
    i = 0; do :: i < WT -> i++; run tee(i) :: else -> break od;
    i = 0; do :: i < WJ -> i++; run join(i) :: else -> break od;
    i = 0; run sink()
  }
  (_nr_pr == 1);
  assert(delivered[N - 1] == 1)
}
