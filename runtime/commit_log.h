// <stage>.done: what a sink has made durable, one checksummed JSON line per commit (docs/run_directory.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ipc/result.h"
#include "side_section.h"

namespace datagen {

struct Commit {
  bool sealed = false;         // the stream has ended
  std::uint64_t seq = 0;       // frames below it are durable
  std::uint64_t output_bytes = 0;
  std::uint64_t output_records = 0;
  std::uint64_t dead_letter_bytes = 0;
};

// The line, newline included. `stage_names` are in the order of the totals' indices.
std::string commit_line(const Commit& commit, const Totals& totals, const std::vector<std::string>& stage_names);

// Appends a line and makes it durable, the file's folder included. Errors: as the system tells them.
Result<void> append_durably(const std::string& path, const std::string& line);

}  // namespace datagen
