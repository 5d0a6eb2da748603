// Records of a run's input, read again by its source: only that knows what a row is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ipc/result.h"
#include "launcher/plan.h"

namespace datagen::launcher {

struct FoundRow {
  std::string place;   // URI:LINE
  std::string record;  // its bytes, JSON; of a line that could not be read, the line
};

// In the order of `rows`, which are ascending and distinct. Reads the input up to the last of them. Errors:
// the input cannot be read (again); a row is not there.
Result<std::vector<FoundRow>> find_rows(const std::string& run_directory, const Plan& plan,
                                        const std::vector<std::uint64_t>& rows);

}  // namespace datagen::launcher
