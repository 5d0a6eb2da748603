#include "launcher/bottleneck.h"

#include <fmt/format.h>

#include <algorithm>

namespace datagen::launcher {

namespace {

constexpr double kFullMin = 0.5;    // from here on frames wait before a stage
constexpr double kEmptyMax = 0.75;  // a ring behind a stage that is fuller holds it up
constexpr double kBusyMin = 0.5;    // a stage that works less has time to spare
constexpr double kWaitsMin = 0.1;   // less is not worth a word

double fullest(const std::vector<std::uint32_t>& edges, const std::vector<double>& fills, double if_none) {
  double most = edges.empty() ? if_none : 0;
  for (const std::uint32_t edge : edges) most = std::max(most, fills[edge]);
  return most;
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string describe_fill(double fill) {
  if (fill >= 0.9) return "is full";
  if (fill <= 0.1) return "is empty";
  return "is " + percent(fill) + " full";
}

std::string edge_name(const Plan& plan, std::uint32_t edge) {
  return plan.stages[plan.edges[edge].from].id + " → " + plan.stages[plan.edges[edge].to].id;
}

std::string explain(const Plan& plan, const std::vector<StageLoad>& loads, const std::vector<double>& fills,
                    std::size_t stage) {
  const PlannedStage& planned = plan.stages[stage];
  std::string words =
      fmt::format("stage '{}' limits the run: its {} {} of the time", planned.id,
                  planned.workers() == 1 ? "worker is busy" : "workers are busy", percent(loads[stage].busy));
  for (const std::uint32_t edge : planned.in) {
    words += fmt::format("; {} {}", edge_name(plan, edge), describe_fill(fills[edge]));
    const std::size_t from = plan.edges[edge].from;
    if (loads[from].waits_for_room >= kWaitsMin)
      words +=
          fmt::format(", '{}' waits {} for room", plan.stages[from].id, percent(loads[from].waits_for_room));
  }
  for (const std::uint32_t edge : planned.out) {
    words += fmt::format("; {} {}", edge_name(plan, edge), describe_fill(fills[edge]));
    const std::size_t to = plan.edges[edge].to;
    if (loads[to].waits_for_input >= kWaitsMin)
      words +=
          fmt::format(", '{}' waits {} for input", plan.stages[to].id, percent(loads[to].waits_for_input));
  }
  return words;
}

}  // namespace

Bottleneck find_bottleneck(const Plan& plan, const std::vector<StageLoad>& loads,
                           const std::vector<double>& fills) {
  std::optional<std::size_t> found;
  bool is_pressed = false;  // frames wait before the one that was found, and none behind it
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    if (loads[stage].busy < kBusyMin) continue;
    // A source has always something to read, and a sink always room.
    const bool pressed = fullest(plan.stages[stage].in, fills, 1) >= kFullMin &&
                         fullest(plan.stages[stage].out, fills, 0) <= kEmptyMax;
    const bool is_better = !found || (pressed && !is_pressed) ||
                           (pressed == is_pressed && loads[stage].busy > loads[*found].busy);
    if (!is_better) continue;
    found = stage;
    is_pressed = pressed;
  }
  if (!found) return {std::nullopt, "no stage limits the run: all wait for others most of the time"};
  return {found, explain(plan, loads, fills, *found)};
}

}  // namespace datagen::launcher
