// What a worker says before it dies of a signal: one line, and the addresses of the calls that led there, to
// stderr (its log, from which the launcher takes them into the dead letter). Then it dies of that signal.
#pragma once

#include <string>

namespace datagen {

// For SIGSEGV, SIGABRT, SIGBUS, SIGFPE and SIGILL, on a stack of its own, so that an overflown stack is told
// too.
void install_crash_handler(const std::string& stage);

}  // namespace datagen
