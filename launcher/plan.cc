#include "launcher/plan.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>

#include "ipc/control.h"
#include "ipc/ring.h"
#include "launcher/ring_sizes.h"
#include "runtime/run_files.h"

namespace datagen::launcher {

void fit_workers(Plan& plan) {
  std::uint32_t next = 0;
  for (PlannedStage& stage : plan.stages) {
    stage.first_cell = next;
    next += stage.workers();
  }
  fit_rings(plan);
}

std::vector<std::string> Plan::stage_names() const {
  std::vector<std::string> names;
  for (const PlannedStage& stage : stages) names.push_back(stage.id);
  return names;
}

std::uint32_t Plan::parts() const {
  std::uint32_t count = 0;
  for (const PlannedStage& stage : stages) count = std::max(count, stage.part + 1);
  return count;
}

const PlannedStage& Plan::source_of(std::uint32_t part) const {
  return *std::ranges::find_if(stages, [&](const PlannedStage& stage) {
    return stage.kind == StageKind::source && stage.part == part;
  });
}

bool Plan::is_followed(const PlannedStage& sink) const {
  return std::ranges::find(stages, sink.id, &PlannedStage::follows) != stages.end();
}

std::vector<std::string> Plan::written_paths() const {
  std::vector<std::string> paths = outputs;
  for (const PlannedStage& stage : stages) {
    if (stage.exclusions.starts_with('/')) paths.push_back(stage.exclusions);
  }
  return paths;
}

std::string done_path(const std::string& run_directory, const PlannedStage& stage) {
  return datagen::done_path(run_directory, stage.id);
}

std::uint32_t Plan::cells() const {
  std::uint32_t count = 0;
  for (const PlannedStage& stage : stages) count += stage.workers();
  return count;
}

std::uint32_t Plan::in_flight_max() const {
  std::int64_t most = 1;
  for (const PlannedStage& stage : stages)
    most = std::max(most, stage.running.frames * stage.running.threads);
  return static_cast<std::uint32_t>(most);
}

std::uint64_t Plan::ring_bytes(const PlannedEdge& edge) const {
  return ipc::RingGeometry{edge.slots, edge.block_bytes}.segment_bytes();
}

std::uint64_t Plan::shared_memory_bytes() const {
  std::uint64_t bytes = ipc::round_up(ipc::control_bytes(cells(), in_flight_max()), ipc::kPageBytes);
  for (const PlannedEdge& edge : edges) bytes += ring_bytes(edge);
  return bytes;
}

MeaningKeys meaning_keys(const Plan& plan) {
  MeaningKeys keys;
  std::string order;
  std::vector<std::string> names;  // in the words of the graph
  for (const PlannedStage& stage : plan.stages) {
    const bool is_own_sink = stage.kind == StageKind::sink && stage.id.starts_with("sink.");
    const std::string& name = names.emplace_back(!stage.follows.empty() ? stage.id.substr(7) + ".durable"
                                                 : stage.uri.starts_with("merge://") ? "merge"
                                                 : stage.kind == StageKind::source   ? "input"
                                                 : is_own_sink ? stage.id.substr(5) + ".output"
                                                 : stage.kind == StageKind::sink ? "output"
                                                                                 : stage.id);
    std::string reads;
    for (const std::uint32_t edge : stage.in)
      reads += (reads.empty() ? "" : ", ") + names[plan.edges[edge].from];
    if (!reads.empty()) keys.emplace_back(name + ".from", reads);
    if (stage.kind == StageKind::stage) {
      order += (order.empty() ? "" : ", ") + stage.id;
      keys.emplace_back(name + ".use", stage.given);
      if (!stage.exclusions.empty()) keys.emplace_back(name + ".exclusions", stage.exclusions);
    } else {
      keys.emplace_back(name + ".uri", stage.uri);
    }
    for (const PlannedParameter& param : stage.params) {
      if (!param.running) keys.emplace_back(name + "." + param.name, param.json);
    }
  }
  keys.emplace_back("stages", order);
  keys.emplace_back("ids", plan.ids);
  return keys;
}

std::string meaning_hash(const Plan& plan) {
  std::string text;
  for (const auto& [path, value] : meaning_keys(plan)) text += path + '\0' + value + '\0';
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::vector<std::string> compare_meaning(const Plan& before, const Plan& now) {
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (const auto& [path, value] : meaning_keys(before)) all[path].first = value;
  for (const auto& [path, value] : meaning_keys(now)) all[path].second = value;
  std::vector<std::string> lines;
  for (const auto& [path, values] : all) {
    const auto& [old_value, new_value] = values;
    if (old_value == new_value) continue;
    if (old_value.empty()) {
      lines.push_back(fmt::format("{}: is new ({})", path, new_value));
    } else if (new_value.empty()) {
      lines.push_back(fmt::format("{}: was {}, is gone", path, old_value));
    } else {
      lines.push_back(fmt::format("{}: was {}, is now {}", path, old_value, new_value));
    }
  }
  return lines;
}

}  // namespace datagen::launcher
