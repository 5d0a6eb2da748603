// What a run tells at its end: the closing lines on stderr, and report.json.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/audit.h"
#include "launcher/dead_letters.h"
#include "launcher/history.h"
#include "launcher/run_directory.h"
#include "launcher/runtime_file.h"
#include "launcher/supervisor.h"

namespace datagen::launcher {

// The exit codes of the launcher (INTERFACE section 1). 3, 5, 130 and 143 are resumable.
constexpr int kComplete = 0;
constexpr int kInternalError = 1;
constexpr int kUsage = 2;
constexpr int kStoppedByFailure = 3;
constexpr int kAuditMismatch = 4;
constexpr int kStoppedByLimit = 5;
constexpr int kInterrupted = 130;
constexpr int kTerminated = 143;

struct RunEnd {
  Verdict verdict;
  Audit audit;
  std::optional<DeadLetter> stopped_by;  // the record for which it failed
  std::chrono::milliseconds time{0};
  std::size_t restarts = 0;
  std::size_t epochs = 1;
};

int exit_code_of(const RunEnd& end, const Plan& plan);

// What happened, where the output is, and what to type next. `report`: the file that tells more; empty where
// none could be written.
std::string closing_lines(const RunEnd& end, const RunDirectory& directory, const Plan& plan,
                          const std::string& report);

// report.json, version 1. `outcome`: how it ended, or "running"; the exit code is null while it has none.
std::string report_json(const RunEnd& end, const RuntimeFile& runtime, const History& history,
                        std::string_view outcome, std::optional<int> exit_code);
// "complete", "failed" or "stopped".
std::string_view outcome_of(const RunEnd& end);

}  // namespace datagen::launcher
