// What the kernel tells of another process: whether it lives, is stopped, what it uses.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace datagen::launcher {

struct ProcessFacts {
  char state = '?';               // R, S, D, T (stopped), t (held by a debugger), …
  std::uint64_t start_ticks = 0;  // tells a process from a later one of its number
  double cpu_seconds = 0;         // user and system time of all its threads
  std::uint64_t rss_bytes = 0;
};

// From /proc/PID/stat; nothing when there is no such process, or only its corpse.
std::optional<ProcessFacts> read_process(pid_t pid);

}  // namespace datagen::launcher
