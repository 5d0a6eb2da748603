/* Parking, waking and the end of the stream: a publisher and W workers that share its M frames, each with a flag and a
   semaphore of its own. Everyone may die at any step, between a flag and its post as well; the launcher repairs while
   the others go on. All frames are done, every worker learns of the end, nobody sleeps for ever.

   ipc/ports.cc: park, leave_parking, wake_one, free, announce_end; ipc/recovery.cc. Without a rule:
     NO_SECOND_LOOK   no look between setting `parked` and sleeping
     POLITE_LAUNCHER  after a death it wakes only those that look parked
     NO_ROUSE         after a death it wakes nobody
     NO_LAST_WAKE     who frees the last frame tells nobody */
#ifndef M
#define M 2
#endif
#ifndef W
#define W 2
#endif
#ifndef K
#define K 1
#endif
#define FREE 0
#define FULL 1
#define CLAIMED 2
#define FREED 3

byte word[M], owner[M];
bool parked[W], end_known = false;
byte tokens[W], freed = 0, deaths = 0;

#define MAY_DIE if :: deaths < K -> deaths++; goto dead :: skip fi

inline wake_one() {
  i = 0;
  do
  :: i == W -> break
  :: i < W ->
     atomic { if :: parked[i] -> parked[i] = false; hit = true :: else -> hit = false fi };
     if :: hit -> MAY_DIE; tokens[i]++; break :: else -> i++ fi
  od;
  i = 0; hit = false
}
inline wake_all() {
  i = 0;
  do
  :: i == W -> break
  :: i < W ->
     atomic { if :: parked[i] -> parked[i] = false; hit = true :: else -> hit = false fi };
     if :: hit -> MAY_DIE; tokens[i]++ :: else fi;
     i++
  od;
  i = 0; hit = false
}
/* By the launcher, which does not die here (with it, everything ends). */
inline rouse() {
#ifdef NO_ROUSE
  skip
#else
  i = 0;
  do
  :: i == W -> break
  :: i < W ->
#ifdef POLITE_LAUNCHER
     atomic { if :: parked[i] -> parked[i] = false; tokens[i]++ :: else fi };
#else
     atomic { parked[i] = false; tokens[i]++ };
#endif
     i++
  od;
  i = 0
#endif
}

proctype publisher() {
  byte n, i;
  bool hit;
again:
  n = 0;
  do :: n < M && word[n] != FREE -> n++ :: else -> break od; /* first_unpublished */
  do
  :: n < M -> word[n] = FULL; MAY_DIE; wake_one(); n++
  :: else -> break
  od;
  end_known = true;
  MAY_DIE;
  wake_all();
  goto out;
dead:
  rouse();
  goto again;
out:
  skip
}

inline look() {
  n = 0;
  do :: n < M && word[n] != FULL -> n++ :: else -> break od;
  over = end_known;
  over = over && freed == M
}

proctype worker(byte w) {
  byte n, i;
  bool hit, over;
again:
  look();
  if :: n < M -> goto claim :: else fi;
  if :: over -> goto out :: else fi;
sleep:
  parked[w] = true;
  MAY_DIE;
#ifndef NO_SECOND_LOOK
  look();
  if :: n < M || over -> parked[w] = false; tokens[w] = 0; if :: n < M -> goto claim :: else -> goto out fi :: else fi;
#endif
  (tokens[w] > 0);
  tokens[w]--;
  MAY_DIE;
#ifndef NO_SECOND_LOOK
  goto sleep;
#else
  goto again;
#endif
claim:
  atomic { if :: word[n] == FULL -> word[n] = CLAIMED; owner[n] = w :: else -> goto again fi };
  MAY_DIE;
  d_step { word[n] = FREED; freed++ };
  MAY_DIE;
#ifndef NO_LAST_WAKE
  if :: end_known && freed == M -> wake_all() :: else fi;
#endif
  goto again;
dead: /* clear_cell, take_back_claims, rouse, clear_cell; then the replacement begins */
  parked[w] = false; tokens[w] = 0;
  n = 0;
  do
  :: n < M -> atomic { if :: word[n] == CLAIMED && owner[n] == w -> word[n] = FULL :: else fi }; n++
  :: else -> break
  od;
  rouse();
  parked[w] = false; tokens[w] = 0;
  i = 0; hit = false; over = false;
  goto again;
out:
  skip
}

init {
  byte i;
  atomic {
    run publisher();
    i = 0; do :: i < W -> run worker(i); i++ :: else -> break od
  }
  (_nr_pr == 1);
  assert(freed == M)
}
