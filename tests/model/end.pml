/* The end of the stream: a stage of W workers with two out-edges, a reader at each. Any worker may die at any step, or exit
   by itself before its work is done (an operator that calls exit). Both readers get every frame and learn of the end; the
   launcher ends when every worker has finished; nobody waits for ever.

   ipc/ports.cc: has_ended, announce_end; ipc/recovery.cc: has_finished; launcher/session.cc: reap. Without a rule:
     TRUST_EXIT    who exits by itself has finished
     FIRST_EDGE    a stage has finished when its first out-edge has an end
     EARLY_END     the end goes on when all frames are claimed, and ends the stage: their owners may die yet */
#ifndef M
#define M 2
#endif
#ifndef W
#define W 2
#endif
#ifndef K
#define K 2
#endif
#define NONE 255
#define FULL 1
#define CLAIMED 2
#define FREED 3

byte word[M], owner[M], end_in = NONE;
bool out[M]; /* published, on both edges: tee_join.pml has the two stores */
byte end_out[2] = NONE;
byte deaths = 0, finished = 0;

#define ALL_FREED (end_in != NONE && word[0] == FREED && word[M - 1] == FREED)
#ifdef EARLY_END
#define HAS_ENDED (end_in != NONE && word[0] >= CLAIMED && word[M - 1] >= CLAIMED)
#define IS_DRAINED HAS_ENDED
#else
#define HAS_ENDED ALL_FREED
#define IS_DRAINED ALL_FREED
#endif
#ifdef FIRST_EDGE
#define HAS_FINISHED (IS_DRAINED && end_out[0] != NONE)
#else
#define HAS_FINISHED (IS_DRAINED && end_out[0] != NONE && end_out[1] != NONE)
#endif
#define MAY_DIE if :: deaths < K -> deaths++; goto dead :: deaths < K -> deaths++; goto exited :: skip fi

proctype source() {
  word[0] = FULL;
  word[M - 1] = FULL;
  end_in = M
}

proctype worker(byte w) {
  byte n;
again:
  if
  :: atomic { word[0] == FULL -> word[0] = CLAIMED; owner[0] = w; n = 0 }
  :: atomic { word[M - 1] == FULL -> word[M - 1] = CLAIMED; owner[M - 1] = w; n = M - 1 }
  :: HAS_ENDED -> goto announce
  fi;
  MAY_DIE;
  out[n] = true;
  MAY_DIE;
  word[n] = FREED;
  n = 0;
  goto again;
announce:
  MAY_DIE;
  end_out[0] = end_in;
  MAY_DIE;
  end_out[1] = end_in;
exited: /* with exit code 0 */
#ifdef TRUST_EXIT
  goto reaped;
#else
  if :: HAS_FINISHED -> goto reaped :: else fi;
#endif
dead: /* taken back; a replacement goes on */
  n = 0;
  do
  :: n < M -> atomic { if :: word[n] == CLAIMED && owner[n] == w -> word[n] = FULL :: else fi }; n++
  :: else -> break
  od;
  n = 0;
  goto again;
reaped:
  finished++
}

proctype reader(byte edge) {
  (out[0]);
  (out[M - 1]);
  (end_out[edge] != NONE);
  assert(end_out[edge] == M)
}

init {
  byte w;
  atomic {
    run source(); run reader(0); run reader(1);
    do :: w < W -> run worker(w); w++ :: else -> break od
  }
  (finished == W && _nr_pr == 1)
}
