#include "launcher/hook_events.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "launcher/json_text.h"

namespace datagen::launcher {

namespace {
constexpr std::string_view kNames[] = {"run_start",    "stage_start",    "stage_finish",  "stage_error",
                                       "worker_death", "worker_restart", "commit",        "dead_letter",
                                       "usage",        "progress",       "graph_restart", "run_stop",
                                       "run_end",      "events_lost"};
}

HookEvent& HookEvent::json(std::string_view key, std::string_view value) {
  fields += fmt::format(",{}:{}", json_string(key), value);
  return *this;
}

HookEvent& HookEvent::text(std::string_view key, std::string_view value) {
  return json(key, json_string(value));
}

HookEvent& HookEvent::number(std::string_view key, std::uint64_t value) {
  return json(key, std::to_string(value));
}

std::span<const std::string_view> hook_event_names() { return kNames; }

std::string hook_line(const HookEvent& event, std::uint64_t n, std::chrono::system_clock::time_point time,
                      std::string_view pipeline, std::string_view run_id) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return fmt::format(
      "{{\"event\":\"{}\",\"n\":{},\"time\":\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\",\"pipeline\":{},\"run_id\":\"{}"
      "\"{}}}\n",
      event.name, n, fmt::gmtime(static_cast<std::time_t>(ms / 1000)), ms % 1000, json_string(pipeline),
      run_id, event.fields);
}

}  // namespace datagen::launcher
