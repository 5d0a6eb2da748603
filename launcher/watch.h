// A running launcher's eye on its own run: a few times a second it looks at the rings and cells as any tool
// does, and hands what it saw to those who show or keep it.
//
// Owner: the launcher, one thread. The workers pay nothing for it: their counters are there anyway.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "launcher/history.h"
#include "launcher/metrics_server.h"
#include "launcher/progress.h"
#include "launcher/run_view.h"
#include "launcher/supervisor.h"
#include "launcher/usage_books.h"

namespace datagen::launcher {

class Watch {
 public:
  // `metrics` may be null.
  Watch(const std::string& run_directory, const RuntimeFile& runtime, Progress& progress,
        MetricsServer* metrics);

  Progress& progress() { return progress_; }
  const History& history() const { return history_; }

  // Called often; looks seldom. `epoch`: the one whose rings are in use.
  void tick(std::uint32_t epoch);
  // A process of the stage ended, and used this.
  void note_end(std::size_t stage, double cpu_seconds, std::uint64_t peak_bytes) {
    history_.note_end(stage, cpu_seconds, peak_bytes);
  }
  void note_restart(std::size_t stage);
  // While the rings are still there: a last look.
  void finish(std::uint32_t epoch);

 private:
  using Clock = std::chrono::steady_clock;
  // What was seen at a look.
  struct Look {
    RunState state;
    std::vector<StageSums> sums;
  };

  void look(std::uint32_t epoch);
  void save() const;
  ProgressView progress_view() const;
  std::optional<double> share_of_source() const;

  RunView view_;
  Progress& progress_;
  MetricsServer* metrics_;
  History history_;
  UsageBooks books_;
  std::deque<Look> looks_;  // of the last seconds, of one epoch
  std::vector<std::uint64_t> restarts_;
  std::uint64_t input_bytes_ = 0;         // 0: not known
  std::optional<double> share_at_start_;  // of the source; at the first look that showed it
  const Clock::time_point began_ = Clock::now();
  Clock::time_point next_look_ = began_;
  Clock::time_point next_save_ = began_;
};

}  // namespace datagen::launcher
