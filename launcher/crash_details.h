// What is known of how a record killed its worker, for its dead letter: signal or exit code, what the worker
// printed last, and where it was. Written to quarantine/<number>.json in the run directory; read by
// runtime/suspicions.cc.
#pragma once

#include <cstdint>
#include <string>

#include "ipc/result.h"
#include "launcher/blame.h"
#include "launcher/supervisor.h"

namespace datagen::launcher {

// The end of a log, from byte `from` on: at most 4 KiB of valid UTF-8, whole lines.
std::string log_tail(const std::string& log_path, std::uint64_t from);

// Errors: as the system tells them.
Result<void> write_crash_details(const std::string& run_directory, const GivenUp& given_up,
                                 Death::Cause cause, const Ending& ending, const std::string& log);

}  // namespace datagen::launcher
