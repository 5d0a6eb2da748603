// Finding a run on disk, for every command that takes RUN: a directory, or a name under ./runs; left out, the
// newest. Looks only at files; nothing is opened or locked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ipc/result.h"

namespace datagen::launcher {

struct RunFolder {
  std::string name;                         // under runs/
  std::string path;                         // absolute
  std::filesystem::file_time_type changed;  // of its runtime.json
};

// The folders with a runtime.json under `working_directory`/runs, newest first.
std::vector<RunFolder> list_runs(const std::string& working_directory);

// The run's absolute path. Errors: no such run, with a suggestion; a directory that is no run; no runs at
// all.
Result<std::string> find_run(const std::string& name_or_empty, const std::string& working_directory);

// As it is typed here: relative where it lies below the working directory.
std::string show_path(const std::string& path);

}  // namespace datagen::launcher
