// Whether what a run has in shared memory is sound; and removal of what dead launchers have left.
//
// Checking repairs nothing: repair is the launcher's, after a death that it has proven (ipc/recovery.h).
// Removal happens under the run's lock, so no launcher can start in between; the control segment goes last,
// so a removal that died half-way is found again and completed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/run_view.h"

namespace datagen::tools {

using launcher::EpochNames;
using launcher::RunView;

struct EpochReport {
  std::string epoch;
  std::size_t rings = 0, cells = 0;   // that were looked at
  std::vector<std::string> problems;  // empty: sound
};

// Of every epoch: headers, words, frames' headers and checksums, cells. A living run may go on meanwhile.
std::vector<EpochReport> check(const RunView& view, std::optional<std::uint32_t> edge);

struct Removal {
  std::vector<std::string> removed;  // names
  std::vector<std::string> kept;     // epochs, with the reason
};

// Removes the epochs whose launcher is dead: nobody holds the run's lock, and the process is gone.
// `run_directory` is empty, or where the epochs belong if their control segment cannot tell.
Removal remove_stale(const std::vector<EpochNames>& epochs, const std::string& run_directory);

}  // namespace datagen::tools
