// A start of the graph within a run: its number, and where it goes on. Every start, the first and each after
// a failure or by `datagen resume`, is a generation of its own; its number is durable before anything starts,
// and never used again.
#pragma once

#include <string>

#include "launcher/runtime_file.h"

namespace datagen::launcher {

// The next generation: finds the newest mark that every committer holds, durably drops what is newer, and
// writes runtime.json. Only by who holds the run's lock, while no worker lives. Errors: an output that was
// changed since its commit, an input that is shorter than when it was frozen; a .done file that contradicts
// itself; those of the system.
Result<void> begin_generation(const std::string& run_directory, RuntimeFile& runtime);

// Makes the seals durable of a run that is complete, but of which nobody was told: who wrote them may have
// died before its fsync.
Result<void> renew_seals(const std::string& run_directory, const Plan& plan);

// Every committer has sealed: the whole stream is written and durable.
bool is_complete(const std::string& run_directory, const Plan& plan);

}  // namespace datagen::launcher
