// What is known of how a record killed its worker, for its dead letter: signal or exit code, what the worker
// printed last, and where it was. Written to quarantine/<number>.json in the run directory; read by
// runtime/suspicions.cc.
#pragma once

#include <cstdint>
#include <string>

#include "ipc/result.h"
#include "launcher/blame.h"
#include "launcher/supervisor.h"
#include "launcher/symbols.h"
#include "launcher/worker_log.h"

namespace datagen::launcher {

// Errors: as the system tells them.
Result<void> write_crash_details(const std::string& run_directory, const GivenUp& given_up,
                                 Death::Cause cause, const Ending& ending, const WorkerLog& log,
                                 Symbols& symbols);

}  // namespace datagen::launcher
