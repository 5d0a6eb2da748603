// What one call of a model came to: Context::report_usage.
#pragma once

#include <cstdint>
#include <string_view>

namespace datagen {

enum class UsageKind : std::uint8_t {
  kept,    // its answer is used
  retry,   // billed, but asked again: the answer was useless
  waste,   // billed for a record that was given up
  reused,  // paid for by another run; costs this one nothing
};

struct CallUsage {
  std::string_view model;
  std::string_view endpoint = {};
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double cost = 0;  // Prices::cost_of
  UsageKind kind = UsageKind::kept;
  std::int64_t calls = 1;  // 0: a part of a call that another record counts
};

}  // namespace datagen
