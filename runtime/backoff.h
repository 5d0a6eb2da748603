// The pause before something is tried again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace datagen {

// Behind the attempt number `made`, from 1: doubled each time, up to 1024 times `first` and to `longest`. Of
// that between the half and all, by chance: many that failed at the same moment do not come back at the same
// moment.
inline std::chrono::milliseconds backoff(
    int made, std::chrono::milliseconds first,
    std::chrono::milliseconds longest = std::chrono::milliseconds::max()) {
  thread_local std::minstd_rand chance{std::random_device{}()};
  const auto most = std::min(longest.count(), first.count() * (std::int64_t{1} << std::min(made - 1, 10)));
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>((most + 1) / 2, most)(chance));
}

}  // namespace datagen
