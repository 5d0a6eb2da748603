// What stands behind SharedLimits: one worker's view of the limits' shared memory (limits_memory.h).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "datagen/limits.h"
#include "ledger_folder.h"
#include "limits_memory.h"

namespace datagen::detail {

struct LimitsPlace {
  std::string folder;  // of the run's limits; empty: this process alone keeps them
  std::string name;
  std::string ledger;  // the run's folder of paid results
  LedgerOwner owner;   // this worker
  std::size_t cell = 0;
  std::size_t cells = 1;  // of all workers of the run
};

class LimitsState {
 public:
  // Error: no room; a folder that cannot be written; a ledger that cannot be read.
  static Result<std::unique_ptr<LimitsState>> open(const LimitsPlace& place, const CallLimits& limits);

  std::chrono::nanoseconds acquire(std::int64_t tokens, double cost);
  void settle(std::int64_t tokens, double cost, std::int64_t tokens_estimate, double cost_estimate);
  void settle(std::int64_t tokens, double cost);
  void hold_back(std::chrono::nanoseconds time);
  bool is_exhausted() const { return is_exhausted_.load(std::memory_order_relaxed); }

 private:
  using Amounts = std::array<std::uint64_t, kMeasures>;  // money in units of kCostUnit

  LimitsState(LimitsMemory memory, std::size_t cell, const CallLimits& limits);
  Result<void> begin(const LimitsPlace& place);
  Amounts take_under_way(const Amounts& amounts);
  void give_back(const Amounts& amounts);
  bool fits_run(const Amounts& amounts);
  bool fits_day(const Amounts& amounts) const;
  std::chrono::nanoseconds take_windows(const Amounts& amounts);
  void begin_day(std::uint64_t day);

  LimitsMemory memory_;
  LimitsCell& own_;
  Amounts per_minute_, per_day_, per_run_;
  std::uint64_t slice_ns_;
  std::mutex mutex_;  // this worker's threads: its cell is written by one at a time
  std::atomic<bool> is_exhausted_{false};
};

}  // namespace datagen::detail
