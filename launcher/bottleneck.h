// Which stage limits a run, in words. Pure: from the plan, how full the rings are and how the workers spend
// their time; the same for a moment (top, status) and for a whole run (report).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/stage_load.h"

namespace datagen::launcher {

struct Bottleneck {
  std::optional<std::size_t> stage;  // nothing: none stands out
  std::string words;                 // a sentence without full stop; never empty
};

// The stage that works while frames wait before it and none behind it. `loads` by stage, `fills` by edge.
Bottleneck find_bottleneck(const Plan& plan, const std::vector<StageLoad>& loads,
                           const std::vector<double>& fills);

}  // namespace datagen::launcher
