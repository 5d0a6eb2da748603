/* Workers that take from one budget, each with a cell of its own, and die at any point.

   runtime/limits.cc: acquire, settle, begin; runtime/limits_memory.h. One unit for each request. What is in the
   ledger and what the living have under way is never over the limit. Without a rule:
     CHECK_FIRST      a request is added before all is added up
     SETTLED_FIRST    who adds up reads what is under way of a cell before what is settled
     GIVE_BACK_FIRST  who settles adds what was settled before the estimate is given back
     TRUST_CELL       a successor takes what was settled from the ledger, not from the cell */
#ifndef W
#define W 2
#endif
#ifndef LIMIT
#define LIMIT 2
#endif
#ifndef D
#define D 2 /* deaths */
#endif

byte under_way[W], settled[W]; /* the cells */
byte ledger[W];                /* stored by the workers of that number */
byte living[W];                /* granted to a living worker, not stored yet */
byte deaths = 0;

#define MAY_DIE if :: deaths < D -> atomic { deaths++; living[me] = 0; goto begin } :: true fi

inline add_up() {
  total = 0;
  for (other : 0 .. W - 1) {
#ifdef SETTLED_FIRST
    total = total + settled[other];
    total = total + under_way[other];
#else
    total = total + under_way[other];
    total = total + settled[other];
#endif
  }
}

inline assert_within() {
  d_step {
    total = 0;
    for (other : 0 .. W - 1) { total = total + ledger[other] + living[other] }
    assert(total <= LIMIT);
    total = 0;
    other = 0
  }
}

active [W] proctype worker() {
  byte me = _pid, other, total, rounds = 0;
begin:
#ifndef TRUST_CELL
  settled[me] = ledger[me];
#endif
  under_way[me] = 0;
  do
  :: rounds == LIMIT + 1 -> break
  :: rounds < LIMIT + 1 ->
     rounds++;
#ifdef CHECK_FIRST
     add_up();
     if :: total + 1 > LIMIT -> goto next :: else fi;
     MAY_DIE;
     under_way[me]++;
#else
     under_way[me]++;
     MAY_DIE;
     add_up();
     if :: total > LIMIT -> under_way[me]--; goto next :: else fi;
#endif
     living[me] = 1;
     assert_within();
     MAY_DIE;
     atomic { ledger[me]++; living[me] = 0 }
     MAY_DIE;
#ifdef GIVE_BACK_FIRST
     under_way[me]--;
     MAY_DIE;
     settled[me]++;
#else
     settled[me]++;
     MAY_DIE;
     under_way[me]--;
#endif
next:
     skip
  od
}
