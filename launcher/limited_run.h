// A graph with the first few records of its input: `run --limit` and `check`. The records are taken by a run
// of their own (the graph's source, and a sink that writes to a pipe), so any source will do; then the graph
// runs on them, from a file into files, all in one folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/plan.h"
#include "launcher/stage_catalog.h"

namespace datagen::launcher {

struct LimitedRun {
  Plan plan;                         // reads the sample, writes into the folder
  std::vector<std::string> records;  // the sample, a line of JSON each
  std::vector<std::string> outputs;  // the files that it will write
};

// `folder` is there, and this run's own. Errors: the input cannot be read, or does not answer within a
// minute.
Result<LimitedRun> limit_plan(Plan plan, std::uint64_t records, const std::string& folder,
                              StageLookup& lookup);

}  // namespace datagen::launcher
