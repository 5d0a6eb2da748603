/* A sink restarted in place, as often as it dies and at any step, those of a restart as well. Its cell holds (frames
   written, bytes, place in its journal) in two copies; frame n is one byte of the file and one record of the accounts; any
   frame may carry a commit mark, one of which is in flight. At the end the file has every frame once, in order, the
   accounts count each once, and every mark was committed, with what was written and counted at its frame.

   ipc/control.cc: store_written, load_written; ipc/ports.cc: free_below; runtime/sink_worker.cc: open, write, keep_accounts;
   runtime/sink_journal.cc. Without a rule:
     ONE_COPY        the cell is one copy: a death between its stores leaves two halves
     KEEP_WRITTEN    the successor does not free what the cell says is written
     FREE_EARLY      the slot is freed before the cell says that its frame is written
     JOURNAL_LATE    the journal is written behind the cell
     KEEP_TAIL       the successor does not cut what stands in the journal behind the cell's place
     TURN_IN_PLACE   the journal begins anew in the same file
     TURN_PENDING    it turns over while a commit is pending, whose entry stays behind
     FORGET_PENDING  the successor does not commit the newest mark of the journal
     SILENT          nor say that it was committed, if it was */
#ifndef N
#define N 3
#endif
#ifndef K
#define K 2
#endif
#define C 2
#define FREE 0
#define FULL 1
#define E 12 /* entries of a journal */
#define IS_MARK 100

byte seqw[C], stw[C], mark[C];
byte issued = 0;

/* Files. An entry of a journal is a number of records, or IS_MARK + the mark. */
byte file = 0, content[N + 2];
byte entry[2 * E], entries[2];

/* The cell. One word says which journal, and how much of it. */
byte seq[2], bytes[2], journal[2], place[2], version = 0;
byte held = 0;       /* committed_mark */
byte committed = 0;  /* last line of .done */

/* The process. */
byte total, number, deaths = 0;
byte job = 0, job_seq, job_bytes, job_total;

#define MAY_DIE if :: deaths < K -> deaths++; goto dead :: skip fi
#define APPEND(value) d_step { assert(entries[number] < E); entry[E * number + entries[number]] = value; entries[number]++ }
#define CUT(count) d_step { do :: entries[number] > count -> entries[number]--; entry[E * number + entries[number]] = 0 :: else -> break od }

proctype source() {
  byte n = 0;
  do
  :: n < N ->
     atomic { (seqw[n % C] == n && stw[n % C] == FREE);
       if
       :: issued <= held -> issued = n + 1; mark[n % C] = issued
       :: mark[n % C] = 0
       fi;
       stw[n % C] = FULL; n++ }
  :: else -> break
  od
}

/* The sink's other thread, which dies with it. */
proctype committer() {
end:
  do
  :: d_step { job != 0 && committed < job ->
       assert(job == job_seq && job_bytes == job_seq && job_total == job_seq); /* a mark is the number behind its frame */
       committed = job }
  :: d_step { job != 0 && committed >= job -> held = job; job = 0; job_seq = 0; job_bytes = 0; job_total = 0 }
  od
}

inline begin_commit(what, at_seq, at_bytes, at_total) {
  atomic { job == 0 -> job = what; job_seq = at_seq; job_bytes = at_bytes; job_total = at_total }
}

inline store_written() {
#ifdef ONE_COPY
  next = 1;
#else
  next = (version == 1 -> 2 : 1);
#endif
  seq[next % 2] = n;
  MAY_DIE;
  bytes[next % 2] = file;
  MAY_DIE;
  d_step { journal[next % 2] = number; place[next % 2] = entries[number] };
  MAY_DIE;
  version = next;
  next = 0
}

/* A frame's accounts, which are in `total` already, and its mark. */
inline keep_accounts() {
  if
#ifdef TURN_PENDING
  :: found == 0 ->
#else
  :: found == 0 && job == 0 -> /* it is long, and no commit is pending */
#endif
#ifndef TURN_IN_PLACE
     number = 1 - number;
#endif
     CUT(0);
     MAY_DIE;
     APPEND(total)
  :: true ->
     APPEND(1);
     MAY_DIE;
     if :: found != 0 -> APPEND(IS_MARK + found) :: else fi
  fi
}

inline free(which) {
  if
  :: seqw[(which) % C] == which -> d_step { mark[(which) % C] = 0; stw[(which) % C] = FREE; seqw[(which) % C] = which + C }
  :: else
  fi
}

proctype sink() {
  byte n, next, found, pending, pending_total, i;
again:
  if
  :: version == 0 ->
     file = 0;
     number = 0;
     CUT(0);
     MAY_DIE;
     total = 0;
     APPEND(0);
     MAY_DIE;
     n = 0;
     store_written()
  :: else ->
     d_step { n = seq[version % 2]; number = journal[version % 2] };
#ifndef KEEP_TAIL
     CUT(place[version % 2]);
#endif
     MAY_DIE;
     d_step {
       total = 0; i = 0;
       do
       :: i < entries[number] ->
          if
          :: entry[E * number + i] >= IS_MARK -> pending = entry[E * number + i] - IS_MARK; pending_total = total
          :: else -> total = total + entry[E * number + i]
          fi;
          i++
       :: else -> break
       od;
       i = 0
     };
     assert(file >= bytes[version % 2]);
     d_step { do :: file > bytes[version % 2] -> file--; content[file] = 0 :: else -> break od };
     MAY_DIE;
#ifndef KEEP_WRITTEN
     i = (n > C -> n - C : 0);
     do :: i < n -> free(i); MAY_DIE; i++ :: else -> i = 0; break od;
#endif
#ifndef FORGET_PENDING
     if :: pending > committed -> begin_commit(pending, pending, pending, pending_total) :: else fi;
#endif
#ifndef SILENT
     if :: committed > held -> held = committed :: else fi;
#endif
     MAY_DIE;
     pending = 0; pending_total = 0
  fi;
  do
  :: n < N ->
     (seqw[n % C] == n && stw[n % C] == FULL);
     MAY_DIE;
     d_step { content[file] = n; file++ }; /* write() */
     MAY_DIE;
     found = mark[n % C];
     total++;
#ifndef JOURNAL_LATE
     keep_accounts();
     MAY_DIE;
#endif
     n++;
#ifdef FREE_EARLY
     free(n - 1);
     MAY_DIE;
#endif
     store_written();
     MAY_DIE;
#ifdef JOURNAL_LATE
     keep_accounts();
     MAY_DIE;
#endif
     free(n - 1);
     MAY_DIE;
     if :: found != 0 -> begin_commit(found, n, file, total) :: else fi;
     MAY_DIE;
     found = 0
  :: else -> break
  od;
  (job == 0); /* before it seals */
  goto out;
dead: /* reaped; its threads are gone with it */
  skip;
  d_step { job = 0; job_seq = 0; job_bytes = 0; job_total = 0; total = 0; number = 0;
           n = 0; next = 0; found = 0; pending = 0; pending_total = 0; i = 0 };
  goto again;
out:
  assert(file == N && total == N);
  n = 0;
  do :: n < N -> assert(content[n] == n); n++ :: else -> break od;
  assert(committed == issued && held == issued)
}

init { atomic { seqw[1] = 1; run source(); run sink(); run committer() } }
