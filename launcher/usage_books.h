// What a run's model calls have come to, as its commits have it: exact over kills and resumes, where the
// counters of workers (stage_load.h) count a frame again that is done again. So it is never less than before,
// and as old as the last commit.
//
// Owner: whoever looks, from the launcher or from outside; reads .done files only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "launcher/plan.h"
#include "launcher/stage_load.h"
#include "runtime/commit_log.h"

namespace datagen::launcher {

// What was paid for, and what of it was asked again, or was for records that were given up.
struct Spent {
  Usage paid, again, wasted;
  bool has_any() const { return paid.prompt_tokens + paid.completion_tokens > 0; }
  Spent& operator+=(const Spent& other);
  // Not less than what the workers have counted since this start of the graph: that is not committed yet.
  Spent at_least(const StageSums& counted) const;
};

class UsageBooks {
 public:
  // `plan` outlives it.
  UsageBooks(std::string run_directory, const Plan& plan);

  // Reads what has been committed since the last look; costs a stat of each .done file when nothing was. What
  // cannot be read counts as it was.
  void look();

  struct Stage {
    UsageByKey usage;
    std::map<std::string, std::int64_t, std::less<>> counters;  // those of operators
    Spent spent() const;
  };
  // In the plan's order.
  const std::vector<Stage>& stages() const { return stages_; }
  // No model was called.
  bool empty() const;

 private:
  struct Log {
    const PlannedStage* stage;
    std::string path;
    std::pair<std::uint64_t, std::int64_t> seen{};  // length and time of change
    std::vector<Commit> newest;
  };
  bool read(Log& log);
  std::uint64_t common_mark(std::uint32_t part) const;

  std::vector<std::string> names_;
  std::vector<Log> logs_;
  std::vector<Stage> stages_;
};

}  // namespace datagen::launcher
