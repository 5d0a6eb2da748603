/* One waker, one sleeper, a store buffer of one entry for each: the reason for the two full fences.

   ipc/ports.cc: park, wake_one. Without a rule:
     NO_WAKER_FENCE     between the slot's store and the look at `parked`
     NO_SLEEPER_FENCE   between the store of `parked` and the look at the slot
     NO_SECOND_LOOK     the sleeper does not look again after it has set `parked` */
bool published = false, published_buffered = false; /* the slot's word */
bool parked = false, parked_buffered = false;
byte tokens = 0;

#define DRAIN_WORD atomic { if :: published_buffered -> published = true; published_buffered = false :: else fi }
#define DRAIN_PARKED atomic { if :: parked_buffered -> parked = true; parked_buffered = false :: else fi }

active proctype waker() {
  published_buffered = true; /* publish */
#ifndef NO_WAKER_FENCE
  DRAIN_WORD;
#endif
  /* The exchange is an atomic instruction: what was stored before it is visible after it. */
  if :: atomic { parked -> parked = false; published = published || published_buffered; published_buffered = false };
        tokens++
     :: !parked -> skip
  fi;
  DRAIN_WORD
}

active proctype sleeper() {
  if :: published -> goto awake :: else fi;
  parked_buffered = true;
#ifndef NO_SLEEPER_FENCE
  DRAIN_PARKED;
#endif
#ifndef NO_SECOND_LOOK
  if :: published -> goto awake :: else fi;
#endif
  DRAIN_PARKED;
  (tokens > 0); /* sem_wait */
  tokens--;
  assert(published);
awake:
  skip
}
