// What runs of a graph have paid for, for those that come after: docs/paid_calls.md.
#pragma once

#include <string>
#include <vector>

#include "launcher/runtime_file.h"

namespace datagen::launcher {

// Folders that a new run in `run_directory` may take results from. `replaced`: the run that was there, which
// stands in `aside` now; null: none was.
std::vector<std::string> ledgers_before(const std::string& run_directory, const RuntimeFile* replaced,
                                        const std::string& aside);

// The folder of a graph's trials (`--limit`).
std::string trial_directory(const std::string& run_directory);
// Of all that trials have paid for but the newest.
std::string kept_trial_ledger(const std::string& run_directory);

// Before a run folder is emptied: takes its paid results to where later runs find them. Error: as the system
// tells it.
Result<void> keep_trial_ledger(const std::string& folder, const std::string& run_directory);

}  // namespace datagen::launcher
