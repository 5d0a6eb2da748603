// What a worker says before it dies of a signal, to stderr (its log, from which the launcher takes it into
// the dead letter):
//
//   datagen-crash: SIGSEGV at 0x10 in stage 'score', frame 12, record of row 3456
//   /path/to/score+0x1a2b        one line per call, innermost first
//
// Then it dies of that signal. Each address is the module's and the offset in it, which needs no symbols
// here; launcher/symbols.h turns them into names and lines.
#pragma once

#include <string>

#include "ipc/control.h"

namespace datagen {

// For SIGSEGV, SIGABRT, SIGBUS, SIGFPE and SIGILL, of any thread; for the calling thread with a stack of its
// own, so that an overflown stack is told too.
void install_crash_handler(const std::string& stage);

// Gives the calling thread a stack for the handler; once a thread is enough.
void use_alternate_stack();

// What the calling thread has in its hands from now on; a crash of it names the record. The entry must live
// as long as the thread.
void name_record_in_crash(const ipc::InFlight& entry);

}  // namespace datagen
