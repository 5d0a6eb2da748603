// How long others had to work, as far as this process can tell: time in which it did not run itself (stopped
// by Ctrl-Z, a suspended machine, no processor to be had) is not held against them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

namespace datagen::launcher {

class RunningTime {
 public:
  // To be called often, with a monotonic clock in ns. What lies between two calls beyond 200 ms is lost time.
  void tick(std::uint64_t now_ns) {
    constexpr std::uint64_t kTickNsMax = 200'000'000;
    if (now_ns_ != 0 && now_ns > now_ns_ + kTickNsMax) {
      gaps_.push_back({now_ns, now_ns - now_ns_ - kTickNsMax});
      if (gaps_.size() > kGapsMax) {  // the two oldest become one, which forgives a little more
        gaps_[1].lost_ns += gaps_[0].lost_ns;
        gaps_.pop_front();
      }
    }
    now_ns_ = now_ns;
  }

  // Time since `begun_ns` up to the last tick, without what was lost.
  std::uint64_t since(std::uint64_t begun_ns) const {
    if (begun_ns >= now_ns_) return 0;
    std::uint64_t lost = 0;
    for (auto gap = gaps_.rbegin(); gap != gaps_.rend() && gap->end_ns > begun_ns; ++gap)
      lost += std::min(gap->lost_ns, gap->end_ns - begun_ns);
    return now_ns_ - begun_ns - std::min(lost, now_ns_ - begun_ns);
  }

 private:
  struct Gap {
    std::uint64_t end_ns;
    std::uint64_t lost_ns;
  };
  static constexpr std::size_t kGapsMax = 1024;
  std::uint64_t now_ns_ = 0;
  std::deque<Gap> gaps_;
};

}  // namespace datagen::launcher
