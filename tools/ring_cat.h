// Frames and records of rings as JSON lines, without taking them.
//
// Owner of the bytes: whoever holds the slot. A frame is copied between two looks at its slot's word; when
// the word says that it was freed meanwhile, the copy is thrown away. So a living run is not disturbed, and
// shows no half frames.
#pragma once

#include <cstdint>
#include <optional>

#include "launcher/run_view.h"

namespace datagen::tools {

using launcher::EpochNames;
using launcher::RunView;

struct CatOptions {
  std::optional<std::uint32_t> edge;  // all of them otherwise
  bool follow = false;                // until the streams end, or the launcher does
  std::uint64_t records_max = 0;      // 0: no limit
};

// Writes to stdout. The exit code: 0; 4 when a frame is damaged (told on stderr).
int cat(const RunView& view, const CatOptions& options);

}  // namespace datagen::tools
