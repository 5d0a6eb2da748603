// What hooks are told, as lines of JSON (docs/hooks.md). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datagen::launcher {

// An event with its own fields, before a hook numbers it.
struct HookEvent {
  std::string_view name;
  std::string fields;  // JSON members, each behind a comma

  explicit HookEvent(std::string_view event) : name(event) {}
  HookEvent& text(std::string_view key, std::string_view value);
  HookEvent& number(std::string_view key, std::uint64_t value);
  HookEvent& json(std::string_view key, std::string_view value);
};

// Every event's name.
std::span<const std::string_view> hook_event_names();

// The whole line, newline included: {"event":…,"n":…,"time":…,"pipeline":…,"run_id":…, fields}. `n` counts
// the events of one hook from 1.
std::string hook_line(const HookEvent& event, std::uint64_t n, std::chrono::system_clock::time_point time,
                      std::string_view pipeline, std::string_view run_id);

}  // namespace datagen::launcher
