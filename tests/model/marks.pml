/* Commit points and resume: a source that marks frames, two committers with a durable log each, the launcher with its
   checkpoint, and everything that can die at any step, those of a resume as well: the source or a sink (restarted in
   place), all processes (what the system was given is kept), the machine (what was not synced may be gone).
   R records go through; record i is byte i of each output. Each output gets each record once, in order; the committers
   agree on every cut; no committed output is missing; a resume goes back no further than the last recorded checkpoint;
   no issued mark is forgotten; what is told to be complete is durable; nobody waits for ever.

   With -DSTAGE committer 0 is a stateful stage before the sink: it commits before it passes the marked frame on, its
   output is its saved state, of which two are kept, and its death ends the epoch.

   Each option of a loop is one step of one thread; `at` says where it stands, so that a death is one store. A log is as
   short as it may be: it is compacted whenever it has two lines.

   runtime/source_worker.cc, sink_worker.cc, committer.cc, commit_log.cc, saved_state.cc; launcher/generation.cc,
   session.cc (advance_checkpoint). The code does not keep the rules marked * yet. Without a rule:
     MANY_IN_FLIGHT    the next mark is issued before the last is the checkpoint
     SAME_GENERATION   a resume numbers its marks as the run before it did
     LATE_GENERATION   the generation is used first, and becomes durable with the first checkpoint that it brings
     KEEP_NEWER        lines behind the common mark are not dropped
     CUT_UNSYNCED      a resume does not sync a log of which it drops nothing
     LINE_FIRST        the line is durable before the output that it names
     LINE_UNSYNCED     a mark counts as held before its line is durable
     NAME_CURRENT      the line names what is written by now, not what was written at the mark
     MAX_OF_HELD       the checkpoint is the newest mark that one committer holds
     NO_REPAIR         a sink's successor appends to a line that its predecessor left torn
     COMPACT_ALL       compaction keeps no line
   * SEAL_COMPACTS     a seal compacts the log as a mark does: but the others may hold only the mark before the last
     FORGET_PENDING    a sink's successor does not commit the mark that it finds in the journal
     FORGET_ISSUED     a source's successor does not say which mark stands in the last frame
   * TRUST_LINE        a sink's successor takes a line that it finds for durable
   * TRUST_SEAL        a launcher that finds all sealed takes that for durable
   * TRUST_NAME        the name of a log is synced only by who creates it
     ONE_STATE         a stateful stage keeps the newest state only */
#ifndef R
#define R 3
#endif
#ifndef K
#define K 1
#endif
#define C 2 /* slots */
#define SEAL 255
#define MARK(generation, number) ((generation) * 8 + (number))

mtype = { off, opening, running, saying, storing, handing, waiting, sealing, finished, /* source, committers */
          idle, syncing, appending, completing, fsyncing, naming, telling,                         /* a committer's thread */
          reading, numbering, cutting, cutting_next, starting, watching, told }        /* launcher */

/* On disk. Of each log: its lines, how many are durable, and whether its name is. */
byte generation_on_disk;
byte length[2], durable_length[2];
byte line_mark[4], line_seq[4], line_cursor[4]; /* of committer s from 2 * s on */
byte lines[2], durable_lines[2];
bool is_torn[2]; /* behind them stands a part of one; what is appended to it is no line */
bool sealed[2], seal_is_durable[2], has_log[2], has_name[2];
byte state_new, state_old; /* the marks of the states that are kept */

/* In shared memory, as long as the epoch lasts. */
byte published, first;
bool has_end;
byte frame_end[R + 1], frame_mark[R + 1];
byte issued, checkpoint;
byte held[2];                                            /* committed_mark */
bool is_successor[2];                                    /* written_version != 0 */
byte written_seq[2], written_length[2];                  /* the cell; with one store, as sink_cell.pml argues, */
byte pending_mark[2], pending_seq[2], pending_cursor[2]; /* and what stands in its journal */

/* In processes. */
mtype source_at = off, launcher_at = reading;
mtype at[2] = off, thread_at[2] = idle;
byte cursor;    /* of the source */
byte job[2];    /* the mark in the hands of the committer's thread, or SEAL; 0: none */
bool created[2];
byte generation, resume_mark, resume_seq, resume_cursor;

byte recorded; /* the newest mark that ever was a checkpoint */
byte deaths;
hidden byte i, k, m;

#define LAST(s) (2 * (s) + lines[s] - 1)
#define LAST_MARK(s) (lines[s] == 0 -> 0 : line_mark[LAST(s)])
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define BEGIN_OF(n) ((n) == first -> resume_cursor : frame_end[(n) - 1])
#ifdef STAGE
#define IS_STAGE(s) ((s) == 0)
#define FREED written_seq[0]
#define AVAILABLE(s) ((s) == 0 -> published : written_seq[0])
#define KNOWS_END(s) (has_end && ((s) == 0 || at[0] == finished))
#define HAS_SLOT(s) ((s) == 1 || written_seq[0] < written_seq[1] + C)
#else
#define IS_STAGE(s) false
#define FREED MIN(written_seq[0], written_seq[1])
#define AVAILABLE(s) published
#define KNOWS_END(s) has_end
#define HAS_SLOT(s) true
#endif
#ifdef MANY_IN_FLIGHT
#define MAY_MARK true
#else
#define MAY_MARK (issued <= checkpoint)
#endif
#ifdef MAX_OF_HELD
#define HELD_BY_ALL MAX(held[0], held[1])
#else
#define HELD_BY_ALL MIN(held[0], held[1])
#endif

/* fsync of a log; its name as well, unless the name is left to who creates it. */
inline sync_log(s) {
  durable_lines[s] = lines[s];
  seal_is_durable[s] = sealed[s];
#ifndef TRUST_NAME
  has_name[s] = has_log[s]
#endif
}

/* ---- source: one frame of one or two records, marked or not */

active proctype source() {
end:
  do
  :: d_step { source_at == opening -> /* behind the last frame that is published */
       cursor = BEGIN_OF(published);
#ifndef FORGET_ISSUED
       if :: published > first && frame_mark[published - 1] > issued -> issued = frame_mark[published - 1] :: else fi;
#endif
       source_at = running }
  :: atomic { source_at == running && cursor < R && published < FREED + C ->
       if :: cursor = cursor + 1 :: cursor + 2 <= R -> cursor = cursor + 2 fi;
       frame_end[published] = cursor;
       if
       :: MAY_MARK -> frame_mark[published] = MAX(issued, MARK(generation, 0)) + 1; source_at = saying
       :: frame_mark[published] = 0
       fi;
       published++ }
  :: d_step { source_at == saying -> issued = frame_mark[published - 1]; source_at = running }
  :: d_step { source_at == running && cursor == R -> has_end = true; source_at = finished; cursor = 0 }
  od
}

/* ---- a sink, or the stateful stage: its main thread */

proctype committer(byte s) {
end:
  do
  :: d_step { at[s] == opening && !is_successor[s] ->
       /* The last line of the log: what this generation begins with. */
       assert(LAST_MARK(s) == resume_mark && !sealed[s]);
       assert(resume_mark == 0 || line_seq[LAST(s)] == resume_seq);
       k = (resume_mark == 0 -> 0 : line_cursor[LAST(s)]);
       if
       :: IS_STAGE(s) -> /* loads the state */
          assert(resume_mark == 0 || resume_mark == state_new || resume_mark == state_old);
          state_new = resume_mark; state_old = 0; length[s] = k; durable_length[s] = k
       :: else ->
          length[s] = k; durable_length[s] = MIN(durable_length[s], k)
       fi;
       written_seq[s] = resume_seq; written_length[s] = k; is_successor[s] = true;
       held[s] = resume_mark;
       at[s] = running; k = 0 }
  :: d_step { at[s] == opening && is_successor[s] -> /* a sink in place */
       length[s] = written_length[s]; durable_length[s] = MIN(durable_length[s], length[s]);
#ifndef TRUST_LINE
       /* A line, or the seal, that its predecessor wrote and may not have synced. */
       sync_log(s);
#endif
#ifndef NO_REPAIR
       is_torn[s] = false;
#endif
       if :: LAST_MARK(s) > held[s] -> held[s] = LAST_MARK(s) :: else fi;
#ifndef FORGET_PENDING
       if :: pending_mark[s] > LAST_MARK(s) -> job[s] = pending_mark[s] :: else fi;
#endif
       at[s] = (sealed[s] -> finished : running) }
  :: d_step { at[s] == running && written_seq[s] < AVAILABLE(s) && HAS_SLOT(s) ->
       assert(length[s] == BEGIN_OF(written_seq[s]));
       length[s] = frame_end[written_seq[s]];
       at[s] = storing }
  :: d_step { at[s] == storing && !IS_STAGE(s) -> /* the cell's version; then the slot is freed */
       m = frame_mark[written_seq[s]];
       written_seq[s]++;
       written_length[s] = length[s];
       if
       :: m != 0 -> pending_mark[s] = m; pending_seq[s] = written_seq[s]; pending_cursor[s] = length[s]; at[s] = handing
       :: else -> at[s] = running
       fi;
       m = 0 }
  :: d_step { at[s] == handing && job[s] == 0 -> job[s] = pending_mark[s]; at[s] = running }
  :: d_step { at[s] == storing && IS_STAGE(s) -> /* commits first */
       m = frame_mark[written_seq[s]];
       if
       :: m != 0 -> pending_seq[s] = written_seq[s] + 1; pending_cursor[s] = length[s]; job[s] = m; at[s] = waiting
       :: else -> written_seq[s]++; at[s] = running
       fi;
       m = 0 }
  :: d_step { at[s] == waiting && job[s] == 0 -> written_seq[s]++; at[s] = running } /* publishes */
  :: d_step { at[s] == running && KNOWS_END(s) && written_seq[s] == published && job[s] == 0 ->
       job[s] = SEAL; at[s] = sealing }
  :: d_step { at[s] == sealing && job[s] == 0 -> at[s] = finished }
  od
}

/* ---- makes a commit durable, beside the stream; one at a time */

proctype thread(byte s) {
end:
  do
  :: d_step { thread_at[s] == idle && job[s] != 0 ->
#ifdef LINE_FIRST
       thread_at[s] = appending
#else
       thread_at[s] = syncing
#endif
     }
  :: d_step { thread_at[s] == syncing ->
       durable_length[s] = length[s];
       if
       :: IS_STAGE(s) && job[s] != SEAL -> state_old = state_new; state_new = job[s]
       :: else
       fi;
#ifdef LINE_FIRST
       thread_at[s] = telling
#else
       thread_at[s] = appending
#endif
     }
#ifdef SEAL_COMPACTS
  :: d_step { thread_at[s] == appending && lines[s] == 2 ->
#else
  :: d_step { thread_at[s] == appending && lines[s] == 2 && job[s] != SEAL ->
#endif
       /* A new file, renamed over the old one. */
#ifdef COMPACT_ALL
       lines[s] = 0;
#else
       line_mark[2 * s] = line_mark[2 * s + 1];
       line_seq[2 * s] = line_seq[2 * s + 1];
       line_cursor[2 * s] = line_cursor[2 * s + 1];
       lines[s] = 1;
#endif
       line_mark[2 * s + 1] = 0; line_seq[2 * s + 1] = 0; line_cursor[2 * s + 1] = 0;
       durable_lines[s] = lines[s]; has_name[s] = true; is_torn[s] = false }
  :: d_step { thread_at[s] == appending && (lines[s] < 2 || job[s] == SEAL) ->
       created[s] = !has_log[s];
       has_log[s] = true;
       if
       :: is_torn[s] -> thread_at[s] = fsyncing
       :: else -> is_torn[s] = true; thread_at[s] = completing
       fi }
  :: d_step { thread_at[s] == completing ->
       is_torn[s] = false;
       if
       :: job[s] == SEAL -> sealed[s] = true
       :: else ->
          line_mark[2 * s + lines[s]] = job[s];
          line_seq[2 * s + lines[s]] = pending_seq[s];
#ifdef NAME_CURRENT
          line_cursor[2 * s + lines[s]] = length[s];
#else
          line_cursor[2 * s + lines[s]] = pending_cursor[s];
#endif
          lines[s]++
       fi;
#ifdef LINE_UNSYNCED
       if :: job[s] != SEAL -> held[s] = job[s] :: else fi;
#endif
       thread_at[s] = fsyncing }
  :: d_step { thread_at[s] == fsyncing ->
       durable_lines[s] = lines[s];
       seal_is_durable[s] = sealed[s];
       thread_at[s] = naming }
  :: d_step { thread_at[s] == naming -> /* fsync of the folder */
#ifdef TRUST_NAME
       if :: created[s] -> has_name[s] = true :: else fi;
#else
       has_name[s] = true;
#endif
       created[s] = false;
#ifdef LINE_FIRST
       thread_at[s] = syncing
#else
       thread_at[s] = telling
#endif
     }
  :: d_step { thread_at[s] == telling ->
       if :: job[s] != SEAL -> held[s] = job[s] :: else fi;
#ifdef ONE_STATE
       if :: IS_STAGE(s) -> state_old = 0 :: else fi;
#endif
       job[s] = 0;
       thread_at[s] = idle }
  od
}

/* ---- launcher */

/* m: the newest mark that both logs hold. */
inline find_common() {
  m = 0; i = 0;
  do
  :: i < lines[0] ->
     k = 0;
     do
     :: k < lines[1] -> if :: line_mark[i] == line_mark[2 + k] -> m = MAX(m, line_mark[i]) :: else fi; k++
     :: else -> break
     od;
     i++
  :: else -> break
  od;
  i = 0; k = 0
}

/* i: the first line of `mark` in the log; 2 without. */
inline find(s, mark) {
  i = 0;
  do
  :: i < lines[s] && line_mark[2 * s + i] != mark -> i++
  :: else -> break
  od
}

inline check_output(s) {
  find(s, m);
  if
  :: m == 0 -> skip
  :: else ->
     assert(IS_STAGE(s) || length[s] >= line_cursor[2 * s + i]);
     assert(resume_mark != m || (resume_seq == line_seq[2 * s + i] && resume_cursor == line_cursor[2 * s + i]));
     resume_mark = m; resume_seq = line_seq[2 * s + i]; resume_cursor = line_cursor[2 * s + i]
  fi;
  i = 0
}

/* What stands behind the common mark goes, and so does a seal. */
inline cut(s) {
#ifndef KEEP_NEWER
  find(s, resume_mark);
  i = (resume_mark == 0 -> 0 : i + 1);
#ifdef CUT_UNSYNCED
  if
  :: i == lines[s] && !sealed[s] && !is_torn[s] -> skip
  :: else ->
#endif
     sealed[s] = false;
     is_torn[s] = false;
     lines[s] = i;
     do
     :: i < 2 -> line_mark[2 * s + i] = 0; line_seq[2 * s + i] = 0; line_cursor[2 * s + i] = 0; i++
     :: else -> break
     od;
     sync_log(s);
#ifdef CUT_UNSYNCED
  fi;
#endif
  i = 0
#else
  skip
#endif
}

inline begin_epoch() {
  published = resume_seq; first = resume_seq; has_end = false; issued = 0; checkpoint = resume_mark;
  i = 0;
  do :: i <= R -> frame_end[i] = 0; frame_mark[i] = 0; i++ :: else -> break od;
  k = 0;
  do
  :: k < 2 ->
     held[k] = 0; is_successor[k] = false; written_seq[k] = resume_seq; written_length[k] = 0;
     pending_mark[k] = 0; pending_seq[k] = 0; pending_cursor[k] = 0; at[k] = opening; k++
  :: else -> break
  od;
  source_at = opening;
  i = 0; k = 0
}

active proctype launcher() {
end:
  do
  :: d_step { launcher_at == reading && sealed[0] && sealed[1] ->
#ifndef TRUST_SEAL
       sync_log(0);
       sync_log(1);
#endif
       launcher_at = told }
  :: d_step { launcher_at == reading && !(sealed[0] && sealed[1]) ->
       find_common();
       assert(m >= recorded);
       resume_mark = 0; resume_seq = 0; resume_cursor = 0;
       check_output(0);
       check_output(1);
       m = 0;
       launcher_at = numbering }
  :: d_step { launcher_at == numbering -> /* write_runtime_file */
#ifdef SAME_GENERATION
       generation = 1;
#else
       generation = generation_on_disk + 1;
#endif
#ifndef LATE_GENERATION
       generation_on_disk = generation;
#endif
       launcher_at = cutting }
  :: d_step { launcher_at == cutting -> cut(0); launcher_at = cutting_next }
  :: d_step { launcher_at == cutting_next -> cut(1); launcher_at = starting }
  :: d_step { launcher_at == starting -> begin_epoch(); launcher_at = watching }
  :: d_step { launcher_at == watching && HELD_BY_ALL > checkpoint ->
       checkpoint = HELD_BY_ALL;
#ifdef LATE_GENERATION
       generation_on_disk = generation;
#endif
       recorded = MAX(recorded, checkpoint) }
  :: d_step { launcher_at == watching && source_at == finished && at[0] == finished && at[1] == finished ->
       /* Each mark was committed by all. */
       assert(held[0] >= issued && held[1] >= issued);
       launcher_at = told }
  od
}

/* ---- deaths */

inline forget_processes() {
  source_at = off; cursor = 0; launcher_at = reading;
  i = 0;
  do
  :: i < 2 -> at[i] = off; thread_at[i] = idle; job[i] = 0; created[i] = false; i++
  :: else -> break
  od;
  i = 0
}

/* The system may have written back what was not synced, or not. */
inline lose_unsynced(s) {
  if :: durable_length[s] = length[s] :: length[s] = durable_length[s] fi;
  if
  :: durable_lines[s] = lines[s]; seal_is_durable[s] = sealed[s]
  :: durable_lines[s] < lines[s] || seal_is_durable[s] < sealed[s] ->
     lines[s] = durable_lines[s]; sealed[s] = seal_is_durable[s]; is_torn[s] = true
  fi;
  if
  :: has_name[s] = has_log[s]
  :: !has_name[s] && has_log[s] ->
     has_log[s] = false; is_torn[s] = false;
     lines[s] = 0; durable_lines[s] = 0; sealed[s] = false; seal_is_durable[s] = false
  fi;
  i = lines[s];
  do
  :: i < 2 -> line_mark[2 * s + i] = 0; line_seq[2 * s + i] = 0; line_cursor[2 * s + i] = 0; i++
  :: else -> break
  od;
  i = 0
}

inline restart_in_place(s) {
  at[s] = opening; thread_at[s] = idle; job[s] = 0; created[s] = false
}

active proctype fate() {
  /* How many there will be is settled first: else a death could hide that everybody waits. */
  do :: deaths < K -> deaths++ :: break od;
end:
  do
  :: d_step { deaths > 0 && launcher_at != told && source_at != off && source_at != finished ->
       deaths--; source_at = opening; cursor = 0 }
#ifdef STAGE
  :: d_step { deaths > 0 && launcher_at == watching && at[0] != finished -> deaths--; forget_processes() }
#else
  :: d_step { deaths > 0 && launcher_at == watching && at[0] != finished -> deaths--; restart_in_place(0) }
#endif
  :: d_step { deaths > 0 && launcher_at == watching && at[1] != finished -> deaths--; restart_in_place(1) }
  :: d_step { deaths > 0 && launcher_at != told -> deaths--; forget_processes() } /* the launcher, and so all */
  :: atomic { deaths > 0 && launcher_at != told -> deaths--; forget_processes(); lose_unsynced(0); lose_unsynced(1) }
  od
}

init {
  atomic { run committer(0); run committer(1); run thread(0); run thread(1) }
  (launcher_at == told);
  assert(length[0] == R && length[1] == R && durable_length[1] == R && (durable_length[0] == R || IS_STAGE(0)));
  assert(seal_is_durable[0] && seal_is_durable[1] && has_name[0] && has_name[1])
}
