/* Frames too large for their block: an object of its own, whose name follows from the slot. Producer and consumer may
   die at any step; the size of a frame may differ between attempts. The consumer reads what was published, and at
   the end no object is left.

   ipc/overflow.cc, ipc/ports.cc: write_block, free. Without a rule:
     FREE_FIRST    the consumer frees the slot and then removes the object: it may be that of the next frame
     NO_CLEANING   a small frame does not remove what a dead, larger attempt left
     LATE_HEADER   the header says `elsewhere` only after the object is made */
#ifndef N
#define N 4
#endif
#ifndef K
#define K 2
#endif
#define C 2
#define FREE 0
#define FULL 1
#define CLAIMED 2
#define NONE 0
#define HALF 99

byte seqw[C], stw[C];
bool elsewhere[C];  /* the block header's placement */
byte block[C], object[C]; /* frame + 1 */
byte written = 0, deaths = 0;

#define MAY_DIE if :: deaths < K -> deaths++; goto dead :: skip fi

proctype producer() {
  byte n = 0;
  bool large;
again:
  do
  :: n < N ->
     (seqw[n % C] >= n);
     if :: seqw[n % C] > n || stw[n % C] != FREE -> n++; goto again :: else fi; /* published by the dead one */
     if :: large = true :: large = false fi;
     if
     :: large ->
#ifndef LATE_HEADER
        elsewhere[n % C] = true;
        MAY_DIE;
#endif
        object[n % C] = NONE; /* unlink, then create exclusively */
        MAY_DIE;
        object[n % C] = HALF;
        MAY_DIE;
        object[n % C] = n + 1;
        MAY_DIE;
        elsewhere[n % C] = true
     :: else ->
#ifndef NO_CLEANING
        if :: elsewhere[n % C] -> object[n % C] = NONE; MAY_DIE :: else fi;
#endif
        block[n % C] = n + 1;
        MAY_DIE;
        elsewhere[n % C] = false
     fi;
     MAY_DIE;
     stw[n % C] = FULL;
     MAY_DIE;
     n++
  :: else -> goto out
  od;
dead:
  n = 0;
  goto again;
out:
  skip
}

proctype consumer() {
  byte n = 0;
  bool was_elsewhere;
again:
  do
  :: n < N ->
     (seqw[n % C] == n && stw[n % C] == FULL);
     stw[n % C] = CLAIMED;
     MAY_DIE;
     if
     :: written > n -> skip
     :: else ->
        if :: elsewhere[n % C] -> assert(object[n % C] == n + 1) :: else -> assert(block[n % C] == n + 1) fi;
        MAY_DIE;
        written = n + 1 /* the cell, or the first out-edge */
     fi;
     MAY_DIE;
     was_elsewhere = elsewhere[n % C];
#ifdef FREE_FIRST
     d_step { stw[n % C] = FREE; seqw[n % C] = n + C };
     MAY_DIE;
     if :: was_elsewhere -> object[n % C] = NONE :: else fi;
#else
     if :: was_elsewhere -> object[n % C] = NONE :: else fi;
     MAY_DIE;
     d_step { stw[n % C] = FREE; seqw[n % C] = n + C };
#endif
     MAY_DIE;
     n++
  :: else -> goto out
  od;
dead: /* take back, and begin where the words say */
  n = 0;
  do :: n < C -> if :: stw[n] == CLAIMED -> stw[n] = FULL :: else fi; n++ :: else -> break od;
  n = (seqw[0] < seqw[1] -> seqw[0] : seqw[1]); /* oldest_unfreed */
  goto again;
out:
  skip
}

init {
  atomic { seqw[1] = 1; run producer(); run consumer() }
  (_nr_pr == 1);
  assert(written == N && object[0] == NONE && object[1] == NONE)
}
