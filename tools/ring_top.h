// The tables of `stat`, again and again: on the whole screen where there is a terminal, else one below the
// other.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "launcher/run_view.h"

namespace datagen::tools {

using launcher::RunView;

struct TopOptions {
  std::optional<std::uint32_t> edge;
  std::chrono::milliseconds interval{1000};
  std::uint64_t count = 0;  // looks; 0: until q or Ctrl-C
};

// The exit code: 0, or 130 after Ctrl-C.
int top(RunView& view, const TopOptions& options);

}  // namespace datagen::tools
