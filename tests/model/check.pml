/* The launcher checks a ring while its neighbours go on: word, block, word again; a frame whose word has changed is not
   judged. One slot; a producer and a consumer turn over its frames; a block is two halves that must agree with each other
   and with the word. A sound ring is never called damaged; a damage that nobody touches any more is always found.

   ipc/recovery.cc: check_ring; ipc/ring.cc: unsound_words. Without a rule:
     NO_SECOND_READ   the word is not read again
     JUDGE_FREE       blocks behind FREE words are judged too */
#ifndef N
#define N 4
#endif
#define FREE 0
#define FULL 1
#define CLAIMED 2

byte seqw = 0, stw = FREE; /* one word */
byte half[2];              /* frame + 1 */
bool is_wild = false;      /* a wild write has hit this frame */

#define WORD (seqw * 4 + stw)

active proctype producer() {
  byte n = 0;
  do
  :: n < N ->
end: (seqw == n && stw == FREE);
     half[0] = n + 1;
     d_step { half[1] = n + 1; is_wild = false };
     stw = FULL;
     n++
  :: else -> break
  od
}

/* Frees a frame only when it was whole; what it finds damaged stays claimed. */
active proctype consumer() {
  byte n = 0;
end:
  do
  :: n < N ->
     (seqw == n && stw == FULL);
     stw = CLAIMED;
     if
     :: half[0] == n + 1 && half[1] == n + 1 -> d_step { stw = FREE; seqw = n + 1 }; n++
     :: is_wild -> break
     fi
  :: else -> break
  od
}

active proctype dying() {
  if
  :: d_step { stw != FREE -> half[1] = 99; is_wild = true }
  :: skip
  fi
}

active proctype launcher() {
  byte before, first, second;
  bool was_wild;
  do
  :: before = WORD;
     was_wild = is_wild; /* all that the dead one did is done by now */
     first = half[0];
     second = half[1];
#ifndef JUDGE_FREE
     if :: before % 4 == FREE -> skip :: else ->
#else
     if :: true ->
#endif
#ifdef NO_SECOND_READ
        if :: first != before / 4 + 1 || second != before / 4 + 1 -> assert(is_wild) :: else fi
#else
        if
        :: atomic { WORD == before && (first != before / 4 + 1 || second != before / 4 + 1) -> assert(is_wild) }
        :: WORD == before && first == before / 4 + 1 && second == before / 4 + 1 -> assert(!was_wild)
        :: else
        fi
#endif
     fi
  :: break
  od
}
