/* One stage between two rings: source -> CI slots -> W workers -> CO slots -> sink. A worker may die at any step; the
   launcher takes its claims back. Every frame is delivered once, in order, with the bytes of a whole attempt.
   Guards block, so an invalid end state is a deadlock of the protocol.

   ipc/slot_word.h, ipc/ports.cc: is_ready, try_claim, publish, free; ipc/recovery.cc: take_back_claims.
   Without a rule:
     LITERAL        claim only when the out-slot is FREE(n): a death between publish and free is never completed
     NO_TAKE_BACK   claims of the dead stay
     IMPATIENT      claims are taken back from the living, as by a timeout
     NO_CAS         claim by look, then store
     EARLY_PUBLISH  the word is stored before the block is whole */
#ifndef CI
#define CI 3
#endif
#ifndef CO
#define CO 2
#endif
#ifndef N
#define N 4
#endif
#ifndef W
#define W 2
#endif
#ifndef K
#define K 2 /* deaths */
#endif
#define FREE 0
#define FULL 1
#define CLAIMED 2
#define HALF 99

byte iseq[CI], ist[CI], iown[CI];
byte oseq[CO], ost[CO], oblock[CO];
byte delivered = 0, deaths = 0;

#define IS_PUBLISHED(n) (oseq[(n) % CO] > n || (oseq[(n) % CO] == n && ost[(n) % CO] != FREE))
#ifdef LITERAL
#define HAS_ROOM(n) (oseq[(n) % CO] == n && ost[(n) % CO] == FREE)
#else
#define HAS_ROOM(n) (oseq[(n) % CO] >= n)
#endif
#define MAY_DIE if :: deaths < K -> deaths++; goto dead :: skip fi

proctype source() {
  byte n = 0;
  do
  :: n < N -> (iseq[n % CI] == n && ist[n % CI] == FREE); ist[n % CI] = FULL; n++
  :: n == N -> break
  od
}

proctype worker(byte w) {
  byte n, k;
again:
end:
  if
  :: d_step { (ist[0] == FULL && HAS_ROOM(iseq[0])) -> k = 0; n = iseq[0] }
#if CI > 1
  :: d_step { (ist[1] == FULL && HAS_ROOM(iseq[1])) -> k = 1; n = iseq[1] }
#endif
#if CI > 2
  :: d_step { (ist[2] == FULL && HAS_ROOM(iseq[2])) -> k = 2; n = iseq[2] }
#endif
  :: delivered == N -> goto out
  fi;
#ifdef NO_CAS
  if :: (ist[k] == FULL && iseq[k] == n) -> ist[k] = CLAIMED; iown[k] = w :: else -> goto again fi;
#else
  atomic { if :: (ist[k] == FULL && iseq[k] == n) -> ist[k] = CLAIMED; iown[k] = w :: else -> goto again fi };
#endif
  MAY_DIE;
  if
  :: IS_PUBLISHED(n) -> skip
  :: else ->
     assert(oseq[n % CO] == n && ost[n % CO] == FREE);
#ifdef EARLY_PUBLISH
     ost[n % CO] = FULL;
#endif
     oblock[n % CO] = HALF;
     MAY_DIE;
     oblock[n % CO] = n;
     MAY_DIE;
#ifndef EARLY_PUBLISH
     ost[n % CO] = FULL
#endif
  fi;
  MAY_DIE;
  d_step { assert(iseq[k] == n && ist[k] == CLAIMED && iown[k] == w); ist[k] = FREE; iseq[k] = n + CI };
  goto again;
dead: /* the launcher, after it has reaped the worker; a replacement goes on */
#ifndef NO_TAKE_BACK
  k = 0;
  do
  :: k < CI -> atomic { if :: (ist[k] == CLAIMED && iown[k] == w) -> ist[k] = FULL :: else fi }; k++
  :: else -> break
  od;
#endif
  n = 0; k = 0;
  goto again;
out:
  skip
}

#ifdef IMPATIENT
proctype impatient() {
  byte k;
  select(k : 0 .. CI - 1);
  if :: atomic { ist[k] == CLAIMED -> ist[k] = FULL } :: delivered == N fi
}
#endif

proctype sink() {
  byte n = 0;
  do
  :: n < N ->
     (oseq[n % CO] == n && ost[n % CO] == FULL);
     assert(oblock[n % CO] == n);
     delivered++;
     d_step { ost[n % CO] = FREE; oseq[n % CO] = n + CO };
     n++
  :: n == N -> break
  od
}

init {
  byte i;
  atomic {
    i = 0; do :: i < CI -> iseq[i] = i; i++ :: else -> break od;
    i = 0; do :: i < CO -> oseq[i] = i; i++ :: else -> break od;
    i = 0; run source();
    do :: i < W -> i++; run worker(i) :: else -> break od;
    run sink();
#ifdef IMPATIENT
    run impatient()
#endif
  }
  (_nr_pr == 1);
  assert(delivered == N)
}
