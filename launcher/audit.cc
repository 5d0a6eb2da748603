#include "launcher/audit.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <fstream>

#include "launcher/run_directory.h"

namespace datagen::launcher {

namespace {

namespace dom = simdjson::dom;

std::uint64_t number(dom::element object, std::string_view key) {
  std::uint64_t value = 0;
  return object[key].get(value) == simdjson::SUCCESS ? value : 0;
}

template <class Take>
void each_member(dom::element object, std::string_view key, Take take) {
  dom::object members;
  if (object[key].get(members) != simdjson::SUCCESS) return;
  for (const auto field : members) take(std::string(field.key), field.value);
}

void add_stage(dom::element given, StageAudit& stage) {
  stage.in += number(given, "in");
  stage.out += number(given, "out");
  stage.dropped += number(given, "dropped");
  stage.dead += number(given, "dead");
  stage.parents += number(given, "parents");
  stage.children += number(given, "children");
  each_member(given, "drop_reasons", [&](const std::string& name, dom::element value) { stage.drop_reasons[name] += value.get_uint64().value_unsafe(); });
  each_member(given, "counters", [&](const std::string& name, dom::element value) { stage.counters[name] += value.get_int64().value_unsafe(); });
  each_member(given, "usage", [&](const std::string& model, dom::element value) {
    StageAudit::Usage& usage = stage.usage[model];
    usage.calls += number(value, "calls");
    usage.prompt_tokens += number(value, "prompt_tokens");
    usage.completion_tokens += number(value, "completion_tokens");
  });
}

// The newest line of a .done file; empty when there is none.
std::string last_line(const std::string& path) {
  std::ifstream file(path);
  std::string line, last;
  while (std::getline(file, line)) last = line;
  return last;
}

void check_balance(const StageAudit& stage, Audit& audit) {
  const std::uint64_t entered = stage.in + stage.children;
  const std::uint64_t left = stage.out + stage.dropped + stage.dead + stage.parents;
  if (entered == left) return;
  audit.mismatches.push_back(fmt::format("stage '{}': {} records in and {} made, but {} out, {} filtered, {} dead, {} expanded", stage.id, stage.in,
                                         stage.children, stage.out, stage.dropped, stage.dead, stage.parents));
}

void check_edges(const Plan& plan, Audit& audit) {
  for (const PlannedEdge& edge : plan.edges) {
    const StageAudit& from = audit.stages[edge.from];
    const StageAudit& to = audit.stages[edge.to];
    if (from.out != to.in) {
      audit.mismatches.push_back(fmt::format("'{}' passed on {} records, '{}' took in {}", from.id, from.out, to.id, to.in));
    }
  }
}

}  // namespace

std::uint64_t Audit::dropped() const {
  std::uint64_t count = 0;
  for (const StageAudit& stage : stages) count += stage.dropped;
  return count;
}

std::uint64_t Audit::dead() const {
  std::uint64_t count = 0;
  for (const StageAudit& stage : stages) count += stage.dead;
  return count;
}

Result<Audit> audit_run(const std::string& run_directory, const Plan& plan) {
  Audit audit;
  audit.sealed = true;
  for (const PlannedStage& stage : plan.stages) audit.stages.push_back({stage.id, 0, 0, 0, 0, 0, 0, {}, {}, {}});
  dom::parser parser;
  for (const PlannedStage& sink : plan.stages) {
    if (sink.kind != StageKind::sink) continue;
    const std::string path = run_directory + "/" + sink.id + ".done";
    const std::string line = last_line(path);
    dom::element commit;
    if (line.empty()) {
      audit.sealed = false;
      continue;
    }
    if (parser.parse(line).get(commit) != simdjson::SUCCESS) return Error(path + ": its last line is damaged");
    bool sealed = false;
    audit.sealed = audit.sealed && commit["sealed"].get(sealed) == simdjson::SUCCESS && sealed;
    if (dom::element output; commit["output"].get(output) == simdjson::SUCCESS) {
      audit.output_bytes += number(output, "bytes");
      audit.output_records += number(output, "records");
    }
    dom::element stages;
    if (commit["stages"].get(stages) != simdjson::SUCCESS) continue;
    for (StageAudit& stage : audit.stages) {
      dom::element given;
      if (stages[stage.id].get(given) == simdjson::SUCCESS) add_stage(given, stage);
    }
  }
  for (const StageAudit& stage : audit.stages) check_balance(stage, audit);
  check_edges(plan, audit);
  return audit;
}

}  // namespace datagen::launcher
