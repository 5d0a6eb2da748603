#include "launcher/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "ipc/control.h"
#include "ipc/ring.h"
#include "launcher/expect_answers.h"
#include "launcher/graph_edges.h"
#include "launcher/json_text.h"
#include "launcher/keys.h"
#include "launcher/parameter_check.h"

namespace datagen::launcher {

namespace {

class Planner {
 public:
  Planner(const GraphReading& reading, StageLookup& lookup)
      : graph_(*reading.graph), lookup_(lookup), errors_(reading.errors) {}

  Checked<Plan> make() {
    plan_.pipeline = graph_.pipeline;
    plan_.ids = graph_.ids;
    plan_.max_dead_letters = graph_.max_dead_letters;
    plan_.checksums = graph_.checksums;
    plan_.rings = {graph_.slots, graph_.block_bytes};
    plan_.frame_records = static_cast<std::uint64_t>(graph_.frame_records);
    plan_.hooks = graph_.hooks;
    plan_.commit_interval_ms = static_cast<std::uint64_t>(graph_.commit_interval_ms);
    plan_.log_bytes = static_cast<std::uint64_t>(graph_.log_bytes);
    expect_answers(graph_, lookup_);
    if (const auto edges = connect(graph_)) {
      add_stages(edges.value());
      add_edges(edges.value());
      check_joins();
      check_size();
    } else {
      std::ranges::copy(edges.error(), std::back_inserter(errors_));
      add_all();
    }
    for (const LookedAt& end : ends_) look_at_data(end);
    fit_workers(plan_);
    check_exclusions();
    sort_by_place(errors_);
    if (!errors_.empty()) return errors_;
    return plan_;
  }

 private:
  void refuse(const Place& place, std::string message) { errors_.emplace_back(place, std::move(message)); }

  // What an end was given, as its executable takes it: it knows its own defaults.
  static std::vector<std::string> settings_of_end(const EndSpec& end, const PlannedStage& stage) {
    std::vector<PlannedParameter> given;
    std::ranges::copy_if(stage.params, std::back_inserter(given), [&](const PlannedParameter& param) {
      return std::ranges::find(end.params, param.name, &GivenParameter::name) != end.params.end();
    });
    return settings_of(given);
  }

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
      const std::size_t first_sink = 1 + stages + graph.followers.size();
      if (node == 0) {
        add_input();
      } else if (node <= stages) {
        add_stage(graph_.stages[node - 1]);
      } else if (node < first_sink) {
        add_follower(graph_.stages[graph.followers[node - stages - 1] - 1]);
      } else {
        const GraphEdges::SinkNode& sink = graph.sinks[node - first_sink];
        const bool is_own = sink.end != &graph_.output;
        add_end(*sink.end, StageKind::sink, is_own ? "sink." + graph_.stages[sink.reads - 1].id : "sink");
      }
    }
  }

  // What there is, when it cannot be told who reads from whom.
  void add_all() {
    add_input();
    for (const StageSpec& stage : graph_.stages) {
      add_stage(stage);
      if (stage.output) add_end(*stage.output, StageKind::sink, "sink." + stage.id);
    }
    if (graph_.has_output) add_end(graph_.output, StageKind::sink, "sink");
  }

  void add_input() {
    if (graph_.inputs.empty()) return add_end(graph_.input, StageKind::source, "source");
    merged_ = graph_.input;
    const std::size_t errors = errors_.size();
    std::string list;
    for (const NamedInput& input : graph_.inputs)
      list += (list.empty() ? "" : ",") + merged_input_json(input.name, input.end);
    merged_.params.push_back(
        {"inputs", merged_.place, "inputs", "[" + list + "]", true, merged_.place, false, "a list"});
    // What is wrong with one of them was told with its place.
    if (errors_.size() == errors) return add_end(merged_, StageKind::source, "source");
    plan_.stages.emplace_back().kind = StageKind::source;
  }

  // One of several inputs, which source-merge reads: looked at as if it were the only one.
  std::string merged_input_json(const std::string& name, const EndSpec& end) {
    std::string params;
    if (find_end(end, StageKind::source, name)) {
      const PlannedStage& stage = plan_.stages.back();
      const auto files = lookup_.freeze(stage.executable, end.uri.path, settings_of_end(end, stage));
      if (!files) refuse(end.place, end.path + ": " + files.error().message());
      for (const PlannedParameter& param : stage.params)
        params += (params.empty() ? "" : ",") + json_string(param.name) + ":" + param.json;
    }
    plan_.stages.pop_back();
    // As short as JSON can be: runtime.json gives it back so.
    return fmt::format("{{\"name\":{},\"uri\":{},\"params\":{{{}}}}}", json_string(name),
                       json_string(end.uri.text()), params);
  }

  void add_end(const EndSpec& end, StageKind kind, const std::string& id) {
    if (find_end(end, kind, id)) ends_.push_back({&end, plan_.stages.size() - 1});
  }

  // False after an error, and without a scheme, which the reader reported.
  bool find_end(const EndSpec& end, StageKind kind, const std::string& id) {
    PlannedStage& stage = plan_.stages.emplace_back();
    stage.id = id;
    stage.kind = kind;
    stage.uri = end.uri.text();
    if (end.uri.scheme.empty()) return false;
    const std::size_t errors = errors_.size();
    const auto executable = lookup_.find(executable_name(kind, end.uri));
    StageDescription description;
    if (!executable) {
      refuse(end.place, fmt::format("{}: nothing {} {}:// ({})", end.path,
                                    kind == StageKind::source ? "reads" : "writes", end.uri.scheme,
                                    executable.error().message()));
    } else if (describe(executable.value(), kind, end.path, end.place, stage, description)) {
      stage.params = parameters(end.params, description, end.path, end.place);
    }
    return errors_.size() == errors;
  }

  // The source of what stands behind a durable edge.
  void add_follower(const StageSpec& spec) {
    EndSpec end;
    end.uri = spec.output->uri;
    end.path = spec.path + ".durable";
    end.place = spec.durable_place;
    const bool is_split = std::ranges::any_of(spec.output->params, [](const GivenParameter& given) {
      return given.name == "split" || given.name == "split_records";
    });
    if (end.uri.scheme != "jsonl" || is_split)
      refuse(end.place,
             fmt::format("{}: its output has to be one file of jsonl://, which keeps records as they are",
                         end.path));
    if (graph_.ids == "keep")
      refuse(end.place,
             fmt::format("{}: needs ids of its own in the file, which ids: keep forbids", end.path));
    find_end(end, StageKind::source, "source." + spec.id);
    plan_.stages.back().follows = "sink." + spec.id;
  }

  void add_stage(const StageSpec& spec) {
    PlannedStage& stage = plan_.stages.emplace_back();
    stage.id = spec.id;
    stage.given = spec.run.empty() ? spec.name : spec.run;
    stage.running = spec.running;
    if (!spec.exclusions.empty())
      stage.exclusions = spec.exclusions == "true" ? "exclusions." + spec.id + ".jsonl" : spec.exclusions;
    std::string executable = spec.run;
    if (executable.empty() && !spec.name.empty()) {
      const auto found = lookup_.find(spec.name);
      if (!found) refuse(spec.place, spec.path + ": " + found.error().message());
      if (found) executable = found.value();
    }
    StageDescription description;
    if (!executable.empty() &&
        describe(executable, StageKind::stage, spec.path, spec.place, stage, description)) {
      std::vector<GivenParameter> given = spec.params;
      if (!spec.program.empty()) add_program(spec, stage, given);
      stage.params = parameters(given, description, spec.path, spec.place);
      prefer(description, spec, stage.running);
      if (stage.stateful) check_stateful(spec);
    }
  }

  // Relative paths begin at the graph. Checked against the declarations, and those that have a check of their
  // own by the executable.
  std::vector<PlannedParameter> parameters(std::vector<GivenParameter> given,
                                           const StageDescription& description, const std::string& path,
                                           const Place& place) {
    make_paths_absolute(given, description, graph_.folder);
    auto planned = check_parameters(given, description, path, place, errors_);
    for (const GivenParameter& entry : given) {
      const ParameterDescription* declared = description.find(entry.name);
      if (declared == nullptr || !declared->checked || declared->secret) continue;
      const auto wrong = lookup_.check(description.executable, entry.name + "=" + entry.text);
      if (!wrong) refuse(entry.place, entry.path + ": " + wrong.error().message());
      if (wrong && !wrong.value().empty()) refuse(entry.place, entry.path + ": " + wrong.value());
    }
    return planned;
  }

  // Finds the program of an exec stage.
  void add_program(const StageSpec& spec, PlannedStage& stage, std::vector<GivenParameter>& given) {
    const auto program = lookup_.find_program(spec.program);
    if (!program) return refuse(spec.place, spec.path + ".exec: " + program.error().message());
    const auto hash = lookup_.hash(program.value());
    if (!hash) return refuse(spec.place, spec.path + ".exec: " + hash.error().message());
    stage.program = program.value();
    stage.program_hash = hash.value();
    given.push_back({"program", spec.place, spec.path + ".exec", program.value(), true, spec.place});
  }

  void check_stateful(const StageSpec& spec) {
    const auto check = [&](const char* what) {
      if (spec.running.*find_key(Scope::stage, what)->number == 1) return;
      refuse(spec.running_places.at(what),
             fmt::format(
                 "{}.{}: '{}' keeps state from record to record, so it runs in one process with one thread",
                 spec.path, what, spec.id));
    };
    check("workers");
    check("threads");
    check("frames");
  }

  // What the executable would rather run with, for keys that the graph leaves open.
  static void prefer(const StageDescription& description, const StageSpec& spec, RunningKeys& running) {
    for (const auto& [name, value] : description.running) {
      if (!spec.running_places.contains(name)) running.*find_key(Scope::stage, name)->number = value;
    }
  }

  void add_edges(const GraphEdges& graph) {
    for (const GraphEdges::Edge& edge : graph.edges) {
      const std::uint32_t from = place_of_[edge.from];
      const std::uint32_t to = place_of_[edge.to];
      plan_.stages[from].out.push_back(static_cast<std::uint32_t>(plan_.edges.size()));
      plan_.stages[to].in.push_back(static_cast<std::uint32_t>(plan_.edges.size()));
      plan_.edges.push_back({.from = from, .to = to});
    }
    std::uint32_t parts = 0;
    for (PlannedStage& stage : plan_.stages)
      stage.part = stage.in.empty() ? parts++ : plan_.stages[plan_.edges[stage.in.front()].from].part;
  }

  // Branches meet frame by frame, so none may have numbered its frames anew.
  void check_joins() {
    std::vector<std::uint32_t> numbering(plan_.stages.size());  // by stage: whose numbers its frames have
    for (std::uint32_t index = 0; index < plan_.stages.size(); ++index) {
      const PlannedStage& stage = plan_.stages[index];
      const auto number_of = [&](std::uint32_t edge) { return numbering[plan_.edges[edge].from]; };
      numbering[index] = stage.in.empty() ? index : number_of(stage.in.front());
      for (const std::uint32_t edge : stage.in) {
        if (number_of(edge) == numbering[index]) continue;
        const auto spec = std::ranges::find(graph_.stages, stage.id, &StageSpec::id);
        const PlannedStage& other = plan_.stages[std::max(number_of(edge), numbering[index])];
        const std::string why =
            other.kind == StageKind::source
                ? "one of them begins anew in the file of a durable stage"
                : fmt::format(
                      "'{}' keeps state and adds records at the end, which the other branch does not have",
                      other.id);
        refuse(spec->place,
               fmt::format("{}: reads branches that cannot be joined: {}; let both branches begin behind it",
                           spec->path, why));
      }
      if (stage.stateful) numbering[index] = index;
    }
  }

  // An end that could be looked up.
  struct LookedAt {
    const EndSpec* end;
    std::size_t stage;  // in the plan
  };

  void look_at_data(const LookedAt& looked_at) {
    const EndSpec& end = *looked_at.end;
    const PlannedStage& stage = plan_.stages[looked_at.stage];
    if (stage.kind == StageKind::sink) return look_at_output(end, stage);
    auto inputs = lookup_.freeze(stage.executable, end.uri.path, settings_of_end(end, stage));
    if (!inputs) return refuse(end.place, end.path + ": " + inputs.error().message());
    plan_.inputs = inputs.value();
  }

  void look_at_output(const EndSpec& end, const PlannedStage& sink) {
    const auto outputs = lookup_.outputs(sink.executable, end.uri.path, settings_of_end(end, sink));
    if (!outputs) return refuse(end.place, end.path + ": " + outputs.error().message());
    for (const std::string& output : outputs.value()) {
      if (std::ranges::find(plan_.inputs, output, &FrozenInput::uri) != plan_.inputs.end())
        refuse(end.place, fmt::format("{}: {} is also read; write to another file", end.path, output));
      if (std::ranges::find(plan_.outputs, output) != plan_.outputs.end())
        refuse(end.place, fmt::format("{}: {} is written by another end too", end.path, output));
      plan_.outputs.push_back(output);
    }
  }

  // Each a file that nobody else reads or writes.
  void check_exclusions() {
    std::vector<std::string> written = plan_.outputs;
    for (const StageSpec& spec : graph_.stages) {
      if (spec.exclusions.empty() || spec.exclusions == "true") continue;
      const bool is_read =
          std::ranges::find(plan_.inputs, spec.exclusions, &FrozenInput::uri) != plan_.inputs.end();
      if (is_read || std::ranges::find(written, spec.exclusions) != written.end())
        refuse(spec.exclusions_place,
               fmt::format("{}.exclusions: {} is {}; name another file", spec.path, spec.exclusions,
                           is_read ? "also read" : "written by another too"));
      written.push_back(spec.exclusions);
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
  std::vector<LookedAt> ends_;                          // the source first
  EndSpec merged_;                                      // with what source-merge is told
  Plan plan_;
  GraphErrors errors_;
};

}  // namespace

Checked<Plan> make_plan(const GraphReading& reading, StageLookup& lookup) {
  if (!reading.graph) return reading.errors;
  return Planner(reading, lookup).make();
}

}  // namespace datagen::launcher
