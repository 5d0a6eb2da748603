// The end of a dead worker's log: what it printed last, and what its crash handler (runtime/crash_handler.h)
// said.
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

}  // namespace datagen::launcher
