// The kernel's count of processes that it has ended for want of memory.
#pragma once

#include <cstdint>

namespace datagen::launcher {

// Of this control group where it counts (cgroup v2, memory controller), else of the machine. Only the growth
// between two calls means anything; 0 where nobody counts.
std::uint64_t oom_kills();

}  // namespace datagen::launcher
