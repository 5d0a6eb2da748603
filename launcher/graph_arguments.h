// From the command line to a plan and its run directory.
#pragma once

#include <optional>
#include <string>

#include "launcher/commands.h"
#include "launcher/plan.h"

namespace datagen::launcher {

struct PlannedRun {
  Plan plan;
  std::string run_directory;  // absolute
};

// Nothing after errors, which are on stderr by then: all of them, with the number of them last.
std::optional<PlannedRun> plan_run(const GraphArguments& arguments);

}  // namespace datagen::launcher
