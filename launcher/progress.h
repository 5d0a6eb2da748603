// What a person sees of a run while it runs: one line that is written anew, on a terminal; a line every 30 s
// elsewhere. Reads the workers' counters in shared memory: no cost to them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "ipc/control.h"
#include "launcher/plan.h"

namespace datagen::launcher {

// Counters of all workers of a stage, added up; display only.
struct StageCounters {
  std::uint64_t in = 0, out = 0, dropped = 0, dead = 0, bytes_in = 0, bytes_out = 0;
};
StageCounters sum_counters(const ipc::Control& control, const PlannedStage& stage);

class Progress {
 public:
  enum class Mode : std::uint8_t { quiet, lines, terminal };
  explicit Progress(Mode mode) : mode_(mode) {}

  // Called often; writes seldom.
  void show(const Plan& plan, const ipc::Control& control, std::size_t restarts);
  // Ends the line that is being written anew, so that a message can follow.
  void clear();
  // A message between progress lines, on stderr.
  void say(const std::string& message);

 private:
  using Clock = std::chrono::steady_clock;
  Mode mode_;
  Clock::time_point next_{};  // none: nothing was shown yet
  std::uint64_t last_read_ = 0;
  Clock::time_point last_time_ = Clock::now();
  double rate_ = 0;
  bool line_is_open_ = false;
};

// "1,234,567"
std::string show_count(std::uint64_t count);
// "3m12s", "0.8s"
std::string show_duration(std::chrono::milliseconds time);

}  // namespace datagen::launcher
