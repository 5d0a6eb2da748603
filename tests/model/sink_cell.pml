/* A sink restarted in place: its cell holds (frames written, bytes), the file is what it has appended. Frame n is one
   byte of the file. The sink may die at any step; at the end the file has every frame once, in order.

   ipc/control.cc: store_written, load_written; ipc/ports.cc: free_below. Without a rule:
     ONE_COPY        the cell is one pair: a death between its stores leaves two halves
     KEEP_WRITTEN    the successor does not free what the cell says is written */
#ifndef N
#define N 4
#endif
#ifndef K
#define K 2
#endif
#define C 2
#define FREE 0
#define FULL 1

byte seqw[C], stw[C];
byte seq[2], bytes[2], version = 0;
byte file = 0, content[16], deaths = 0;

#define MAY_DIE if :: deaths < K -> deaths++; goto dead :: skip fi

proctype source() {
  byte n = 0;
  do
  :: n < N -> (seqw[n % C] == n && stw[n % C] == FREE); stw[n % C] = FULL; n++
  :: else -> break
  od
}

proctype sink() {
  byte n = 0, next;
again:
  do
  :: n < N ->
     (seqw[n % C] == n && stw[n % C] == FULL);
     MAY_DIE;
     content[file] = n; file++; /* O_APPEND write() */
     MAY_DIE;
#ifdef ONE_COPY
     next = version;
#else
     next = 1 - version;
#endif
     seq[next] = n + 1;
     MAY_DIE;
     bytes[next] = file;
     MAY_DIE;
     version = next;
     MAY_DIE;
     atomic { stw[n % C] = FREE; seqw[n % C] = n + C; n++ }
  :: else -> goto out
  od;
dead: /* reaped; the successor reads the cell, frees, truncates */
  n = seq[version];
#ifndef KEEP_WRITTEN
  if :: n > 0 && seqw[(n - 1) % C] == n - 1 -> atomic { stw[(n - 1) % C] = FREE; seqw[(n - 1) % C] = n - 1 + C } :: else fi;
#endif
  file = bytes[version];
  goto again;
out:
  n = 0;
  do :: n < N -> assert(content[n] == n); n++ :: else -> break od;
  assert(file == N)
}

init { atomic { seqw[1] = 1; run source(); run sink() } }
