// What may change between a run and its resume: running keys, and parameters that their stage declares so.
#pragma once

#include <string>
#include <vector>

#include "launcher/plan.h"

namespace datagen::launcher {

// Each of `sets` is PATH=VALUE, as `--set` takes it: STAGE.KEY, STAGE.PARAMETER, max_dead_letters,
// commit_interval or log_bytes. Errors: no '='; no such stage, key or parameter; one of meaning; a value that
// does not fit.
Result<void> set_running_keys(Plan& plan, const std::vector<std::string>& sets, StageLookup& lookup);

}  // namespace datagen::launcher
