#include "launcher/audit.h"

#include <fmt/format.h>

#include "runtime/commit_log.h"

namespace datagen::launcher {

namespace {

void add_stage(const Totals::Stage& given, StageAudit& stage) {
  stage.in += given.counts.in;
  stage.out += given.counts.out;
  stage.dropped += given.counts.dropped;
  stage.dead += given.counts.dead;
  stage.parents += given.counts.parents;
  stage.children += given.counts.children;
  for (const auto& [reason, count] : given.drop_reasons) stage.drop_reasons[reason] += count;
  for (const auto& [name, amount] : given.counters) stage.counters[name] += amount;
  for (const auto& [model, used] : given.usage) {
    Usage& usage = stage.usage[model];
    usage.calls += used.calls;
    usage.prompt_tokens += used.prompt_tokens;
    usage.completion_tokens += used.completion_tokens;
  }
}

void check_balance(const StageAudit& stage, Audit& audit) {
  const std::uint64_t entered = stage.in + stage.children;
  const std::uint64_t left = stage.out + stage.dropped + stage.dead + stage.parents;
  if (entered == left) return;
  audit.mismatches.push_back(
      fmt::format("stage '{}': {} records in and {} made, but {} out, {} filtered, {} dead, {} expanded",
                  stage.id, stage.in, stage.children, stage.out, stage.dropped, stage.dead, stage.parents));
}

void check_edges(const Plan& plan, Audit& audit) {
  for (const PlannedEdge& edge : plan.edges) {
    const StageAudit& from = audit.stages[edge.from];
    const StageAudit& to = audit.stages[edge.to];
    if (from.out != to.in) {
      audit.mismatches.push_back(
          fmt::format("'{}' passed on {} records, '{}' took in {}", from.id, from.out, to.id, to.in));
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
  std::vector<std::string> names;
  for (const PlannedStage& stage : plan.stages) {
    names.push_back(stage.id);
    audit.stages.emplace_back().id = stage.id;
  }
  for (const PlannedStage& sink : plan.stages) {
    if (sink.kind != StageKind::sink) continue;
    DATAGEN_TRY(const auto commits, read_commits(run_directory + "/" + sink.id + ".done", names));
    if (commits.empty()) {
      audit.sealed = false;
      continue;
    }
    const Commit& commit = commits.back().commit;
    audit.sealed = audit.sealed && commit.sealed;
    audit.output_bytes += commit.output_bytes;
    audit.output_records += commit.output_records;
    for (const auto& [index, stage] : commit.totals.stages()) add_stage(stage, audit.stages[index]);
  }
  for (const StageAudit& stage : audit.stages) check_balance(stage, audit);
  check_edges(plan, audit);
  return audit;
}

}  // namespace datagen::launcher
