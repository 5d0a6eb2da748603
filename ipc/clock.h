// The clock of all moments that processes tell each other.
#pragma once

#include <time.h>

#include <cstdint>

namespace datagen::ipc {

// CLOCK_MONOTONIC.
inline std::uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace datagen::ipc
