// From a run directory with a plan in it to the run's end: the session, the audit, the report, the closing
// lines.
#pragma once

#include <string>
#include <vector>

#include "launcher/run_directory.h"
#include "launcher/runtime_file.h"

namespace datagen::launcher {

struct ExecuteOptions {
  bool quiet = false;     // no progress, and nothing at the end when all went well
  bool json = false;      // the report to stdout
  bool log_json = false;  // what goes to stderr as JSON lines
  std::string metrics;    // HOST:PORT that serves them; empty: none
};

// runtime.json is written, nothing has been started. The exit code.
int execute(const RunDirectory& directory, RuntimeFile& runtime, const ExecuteOptions& options);

// Goes on with a run that has a plan: says so when it is complete, else begins its next generation.
// `same_binary` refuses executables that were rebuilt since.
int go_on(const RunDirectory& directory, RuntimeFile& runtime, bool same_binary,
          const ExecuteOptions& options);

}  // namespace datagen::launcher
