#include "launcher/plan.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>

#include "ipc/control.h"
#include "ipc/ring.h"
#include "launcher/graph_edges.h"
#include "launcher/parameter_check.h"
#include "launcher/suggest.h"

namespace datagen::launcher {

namespace {

class Planner {
 public:
  Planner(const Graph& graph, StageLookup& lookup) : graph_(graph), lookup_(lookup) {}

  Checked<Plan> make() {
    plan_.pipeline = graph_.pipeline;
    plan_.ids = graph_.ids;
    plan_.max_dead_letters = graph_.max_dead_letters;
    plan_.checksums = graph_.checksums;
    plan_.frame_records = static_cast<std::uint64_t>(graph_.frame_records);
    plan_.commit_interval_ms = static_cast<std::uint64_t>(graph_.commit_interval_ms);
    const auto edges = connect(graph_);
    if (edges) {
      add_stages(edges.value());
      add_edges(edges.value());
    } else {
      errors_ = edges.error();
      for (const StageSpec& stage : graph_.stages) add_stage(stage);
    }
    if (errors_.empty()) check_joins();
    if (errors_.empty()) look_at_data(edges.value());
    if (errors_.empty()) check_size();
    if (!errors_.empty()) return errors_;
    return plan_;
  }

 private:
  void refuse(const Place& place, std::string message) { errors_.emplace_back(place, std::move(message)); }

  // Looks an executable up and fills what it says of itself into `stage`. False after an error.
  bool describe(const std::string& executable, StageKind kind, const std::string& path, const Place& place,
                PlannedStage& stage, StageDescription& description) {
    auto described = lookup_.describe(executable);
    if (!described) return refuse(place, path + ": " + described.error().message()), false;
    description = described.value();
    if (description.kind != kind) {
      refuse(place, fmt::format("{}: {} is a {}, not a {}", path, executable, name_of(description.kind),
                                name_of(kind)));
      return false;
    }
    auto hash = lookup_.hash(executable);
    if (!hash) return refuse(place, path + ": " + hash.error().message()), false;
    stage.kind = kind;
    stage.executable = executable;
    stage.executable_hash = hash.value();
    stage.stateful = description.stateful;
    stage.batch = description.batch;
    return true;
  }

  void add_stages(const GraphEdges& graph) {
    for (const GraphEdges::Node node : graph.order) {
      place_of_[node] = static_cast<std::uint32_t>(plan_.stages.size());
      const std::size_t stages = graph_.stages.size();
      if (node == 0) {
        add_end(graph_.input, StageKind::source, "source");
      } else if (node <= stages) {
        add_stage(graph_.stages[node - 1]);
      } else {
        const GraphEdges::SinkNode& sink = graph.sinks[node - stages - 1];
        const bool is_own = sink.end != &graph_.output;
        add_end(*sink.end, StageKind::sink, is_own ? "sink." + graph_.stages[sink.reads - 1].id : "sink");
      }
    }
  }

  void add_end(const EndSpec& end, StageKind kind, const std::string& id) {
    PlannedStage stage;
    stage.id = id;
    stage.uri = end.uri.text();
    const std::string name = fmt::format("{}-{}", name_of(kind), end.uri.scheme);
    const auto executable = lookup_.find(name);
    StageDescription description;
    if (!executable) {
      refuse(end.place, fmt::format("{}: nothing {} {}:// ({})", end.path,
                                    kind == StageKind::source ? "reads" : "writes", end.uri.scheme,
                                    executable.error().message()));
    } else if (describe(executable.value(), kind, end.path, end.place, stage, description)) {
      stage.params = check_parameters(end.params, description, end.path, end.place, errors_);
    }
    plan_.stages.push_back(std::move(stage));
  }

  void add_stage(const StageSpec& spec) {
    PlannedStage stage;
    stage.id = spec.id;
    stage.given = spec.run.empty() ? spec.name : spec.run;
    stage.running = spec.running;
    std::string executable = spec.run;
    if (executable.empty()) {
      const auto found = lookup_.find(spec.name);
      if (!found) refuse(spec.place, spec.path + ": " + found.error().message());
      if (found) executable = found.value();
    }
    StageDescription description;
    if (!executable.empty() &&
        describe(executable, StageKind::stage, spec.path, spec.place, stage, description)) {
      stage.params = check_parameters(spec.params, description, spec.path, spec.place, errors_);
      if (stage.stateful) check_stateful(spec);
    }
    plan_.stages.push_back(std::move(stage));
  }

  void check_stateful(const StageSpec& spec) {
    const auto check = [&](std::int64_t given, const char* what, const Place& place) {
      if (given == 1) return;
      refuse(place,
             fmt::format(
                 "{}.{}: '{}' keeps state from record to record, so it runs in one process with one thread",
                 spec.path, what, spec.id));
    };
    check(spec.running.workers, "workers", spec.workers_place);
    check(spec.running.threads, "threads", spec.threads_place);
  }

  void add_edges(const GraphEdges& graph) {
    for (const GraphEdges::Edge& edge : graph.edges) {
      const std::uint32_t from = place_of_[edge.from];
      const std::uint32_t to = place_of_[edge.to];
      plan_.stages[from].out.push_back(static_cast<std::uint32_t>(plan_.edges.size()));
      plan_.stages[to].in.push_back(static_cast<std::uint32_t>(plan_.edges.size()));
      plan_.edges.push_back({from, to, static_cast<std::uint32_t>(graph_.slots),
                             static_cast<std::uint64_t>(graph_.block_bytes)});
    }
    assign_cells(plan_);
  }

  // Branches meet frame by frame, so none may have numbered its frames anew.
  void check_joins() {
    std::vector<std::uint32_t> numbering(plan_.stages.size());  // by stage: whose numbers its frames have
    for (std::uint32_t index = 0; index < plan_.stages.size(); ++index) {
      const PlannedStage& stage = plan_.stages[index];
      const auto number_of = [&](std::uint32_t edge) { return numbering[plan_.edges[edge].from]; };
      if (!stage.in.empty()) numbering[index] = number_of(stage.in.front());
      for (const std::uint32_t edge : stage.in) {
        if (number_of(edge) == numbering[index]) continue;
        const auto spec = std::ranges::find(graph_.stages, stage.id, &StageSpec::id);
        refuse(
            spec->place,
            fmt::format("{}: reads branches that cannot be joined: '{}' keeps state and adds records at the "
                        "end, which the other branch does not have; let both branches begin behind it",
                        spec->path, plan_.stages[std::max(number_of(edge), numbering[index])].id));
      }
      if (stage.stateful) numbering[index] = index;
    }
  }

  void look_at_data(const GraphEdges& graph) {
    const PlannedStage& source = plan_.stages.front();
    auto inputs = lookup_.freeze(source.executable, graph_.input.uri.path, settings_of(source.params));
    if (!inputs) refuse(graph_.input.place, "input: " + inputs.error().message());
    if (inputs) plan_.inputs = inputs.value();
    for (std::size_t index = 0; index < graph.sinks.size(); ++index)
      look_at_output(*graph.sinks[index].end, plan_.stages[plan_.stages.size() - graph.sinks.size() + index]);
  }

  void look_at_output(const EndSpec& end, const PlannedStage& sink) {
    const auto outputs = lookup_.outputs(sink.executable, end.uri.path, settings_of(sink.params));
    if (!outputs) return refuse(end.place, end.path + ": " + outputs.error().message());
    for (const std::string& output : outputs.value()) {
      if (std::ranges::find(plan_.inputs, output, &FrozenInput::uri) != plan_.inputs.end())
        refuse(end.place, fmt::format("{}: {} is also read; write to another file", end.path, output));
      if (std::ranges::find(plan_.outputs, output) != plan_.outputs.end())
        refuse(end.place, fmt::format("{}: {} is written by another end too", end.path, output));
      plan_.outputs.push_back(output);
    }
  }

  void check_size() {
    constexpr std::uint64_t kCellsMax = 16'382;  // those that a slot's word can name: ipc/slot_word.h
    if (plan_.cells() <= kCellsMax) return;
    refuse(Place{graph_.file, 0, 0},
           fmt::format("the graph has {} workers, {} is the most", plan_.cells(), kCellsMax));
  }

  const Graph& graph_;
  StageLookup& lookup_;
  std::map<GraphEdges::Node, std::uint32_t> place_of_;  // in the plan
  Plan plan_;
  GraphErrors errors_;
};

}  // namespace

Checked<Plan> make_plan(const Graph& graph, StageLookup& lookup) { return Planner(graph, lookup).make(); }

void assign_cells(Plan& plan) {
  std::uint32_t next = 0;
  for (PlannedStage& stage : plan.stages) {
    stage.first_cell = next;
    next += stage.workers();
  }
}

std::vector<std::string> Plan::stage_names() const {
  std::vector<std::string> names;
  for (const PlannedStage& stage : stages) names.push_back(stage.id);
  return names;
}

std::string done_path(const std::string& run_directory, const PlannedStage& stage) {
  return run_directory + "/" + stage.id + ".done";
}

std::uint32_t Plan::cells() const {
  std::uint32_t count = 0;
  for (const PlannedStage& stage : stages) count += stage.workers();
  return count;
}

std::uint32_t Plan::threads_max() const {
  std::int64_t most = 1;
  for (const PlannedStage& stage : stages) most = std::max(most, stage.running.threads);
  return static_cast<std::uint32_t>(most);
}

std::uint64_t Plan::ring_bytes(const PlannedEdge& edge) const {
  return ipc::RingGeometry{edge.slots, edge.block_bytes}.segment_bytes();
}

std::uint64_t Plan::shared_memory_bytes() const {
  std::uint64_t bytes = ipc::round_up(ipc::control_bytes(cells(), threads_max()), ipc::kPageBytes);
  for (const PlannedEdge& edge : edges) bytes += ring_bytes(edge);
  return bytes;
}

Result<void> set_running_key(Plan& plan, const std::string& path, const std::string& value) {
  if (path == "max_dead_letters") {
    DATAGEN_TRY(plan.max_dead_letters, parse_dead_letter_limit(value));
    return success();
  }
  if (path == "commit_interval") {
    DATAGEN_TRY(const std::int64_t interval, parse_number(*find_key(Scope::graph, path), value));
    plan.commit_interval_ms = static_cast<std::uint64_t>(interval);
    return success();
  }
  const std::size_t dot = path.find('.');
  const std::string id = path.substr(0, dot);
  const auto stage = std::ranges::find(plan.stages, id, &PlannedStage::id);
  const std::vector<std::string> ids = plan.stage_names();
  if (dot == std::string::npos || stage == plan.stages.end()) {
    return Error(fmt::format(
        "{}: the run has no stage '{}'{}; a resume changes STAGE.KEY=VALUE, for example {}.timeout=120s",
        path, id, suggestion(id, ids), ids.size() > 2 ? ids[1] : "STAGE"));
  }
  const std::string name = path.substr(dot + 1);
  const Key* key = find_key(Scope::stage, name);
  if (key == nullptr || key->kind != KeyKind::running) {
    const bool is_parameter =
        std::ranges::find(stage->params, name, &PlannedParameter::name) != stage->params.end();
    if (is_parameter)
      return Error(fmt::format(
          "{}: a parameter changes what the stage writes; start a new run for it (datagen run … --fresh)",
          path));
    return Error(fmt::format("{}: unknown key{}", path, suggestion(name, key_names(Scope::stage))));
  }
  if (stage->kind != StageKind::stage)
    return Error(fmt::format("{}: a {} has no such key", path, name_of(stage->kind)));
  if (key->number == nullptr) {
    DATAGEN_TRY(stage->running.on_error, parse_choice(*key, value));
    return success();
  }
  auto number = parse_number(*key, value);
  if (!number) return number.error().within(path);
  const bool is_parallel = name == "workers" || name == "threads";
  if (stage->stateful && is_parallel && number.value() != 1) {
    return Error(fmt::format(
        "{}: '{}' keeps state from record to record, so it runs in one process with one thread", path, id));
  }
  stage->running.*key->number = number.value();
  assign_cells(plan);
  return success();
}

Result<void> set_running_keys(Plan& plan, const std::vector<std::string>& sets) {
  for (const std::string& set : sets) {
    const std::size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error(fmt::format("--set {}: expected PATH=VALUE, for example score.timeout=120s", set));
    const auto changed = set_running_key(plan, set.substr(0, equals), set.substr(equals + 1));
    if (!changed) return Error("--set " + changed.error().message());
  }
  return success();
}

MeaningKeys meaning_keys(const Plan& plan) {
  MeaningKeys keys;
  std::string order;
  std::vector<std::string> names;  // in the words of the graph
  for (const PlannedStage& stage : plan.stages) {
    const bool is_own_sink = stage.kind == StageKind::sink && stage.id.starts_with("sink.");
    const std::string& name = names.emplace_back(stage.kind == StageKind::source ? "input"
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
    } else {
      keys.emplace_back(name + ".uri", stage.uri);
    }
    for (const PlannedParameter& param : stage.params) keys.emplace_back(name + "." + param.name, param.json);
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
