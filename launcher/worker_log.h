// Workers' logs: the end of a dead one's (what it printed last, and what its crash handler, see
// runtime/crash_handler.h, said), and how long they may grow.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace datagen::launcher {

struct WorkerLog {
  std::string tail;   // without the crash handler's lines; at most 20 lines and 4 KiB of valid UTF-8
  std::string crash;  // "SIGSEGV at 0x10 in stage 'score', …"; empty without a crash
  std::vector<std::string> calls;  // "module+0x1a2b", innermost first

  // One line for people: the last that it printed, and where it crashed.
  std::string last_words() const;
};

// Of the log from byte `from` on, where this worker began; nothing when it cannot be read.
WorkerLog read_worker_log(const std::string& path, std::uint64_t from);

// A log longer than `bytes_max` is put aside as PATH.1, older ones as .2 and .3, and begins anew; its writers
// have it open for appending and go on. What they write between the copy and the cut is lost. True: it was.
bool rotate_log(const std::string& path, std::uint64_t bytes_max);

}  // namespace datagen::launcher
