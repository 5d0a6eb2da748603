#include "launcher/audit.h"

#include <fmt/format.h>

#include <algorithm>

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
  stage.joined += given.counts.joined;
  for (const auto& [reason, count] : given.drop_reasons) stage.drop_reasons[reason] += count;
  for (const auto& [name, amount] : given.counters) stage.counters[name] += amount;
  for (const auto& [key, used] : given.usage) stage.usage[key] += used;
}

void check_balance(const StageAudit& stage, Audit& audit) {
  const std::uint64_t entered = stage.in + stage.children;
  const std::uint64_t left = stage.out + stage.dropped + stage.dead + stage.parents + stage.joined;
  if (entered == left) return;
  audit.mismatches.push_back(fmt::format(
      "stage '{}': {} records in and {} made, but {} out, {} filtered, {} dead, {} expanded, {} joined",
      stage.id, stage.in, stage.children, stage.out, stage.dropped, stage.dead, stage.parents, stage.joined));
}

void check_edges(const Plan& plan, Audit& audit) {
  for (std::size_t index = 0; index < plan.stages.size(); ++index) {
    if (const std::string& followed = plan.stages[index].follows; !followed.empty()) {
      const StageAudit& sink = *std::ranges::find(audit.stages, followed, &StageAudit::id);
      if (sink.out != audit.stages[index].in)
        audit.mismatches.push_back(fmt::format("'{}' wrote {} records, '{}' read {} of them", followed,
                                               sink.out, plan.stages[index].id, audit.stages[index].in));
    }
    if (plan.stages[index].in.empty()) continue;
    const StageAudit& to = audit.stages[index];
    std::uint64_t passed_on = 0;
    std::string names;
    for (const std::uint32_t edge : plan.stages[index].in) {
      const StageAudit& from = audit.stages[plan.edges[edge].from];
      passed_on += from.out;
      names += (names.empty() ? "'" : " and '") + from.id + "'";
    }
    if (passed_on != to.in)
      audit.mismatches.push_back(
          fmt::format("{} passed on {} records, '{}' took in {}", names, passed_on, to.id, to.in));
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
  const std::vector<std::string> names = plan.stage_names();
  for (const PlannedStage& stage : plan.stages) {
    audit.stages.emplace_back().id = stage.id;
  }
  for (const PlannedStage& sink : plan.stages) {
    if (sink.kind != StageKind::sink) continue;
    DATAGEN_TRY(const auto commits, read_commits(done_path(run_directory, sink), names));
    if (commits.empty()) {
      audit.sealed = false;
      continue;
    }
    const Commit& commit = commits.back().commit;
    audit.sealed = audit.sealed && commit.sealed;
    if (!plan.is_followed(sink)) {  // else it is no end of the run
      audit.output_bytes += commit.output_bytes;
      audit.output_records += commit.output_records;
    }
    for (const auto& [index, stage] : commit.totals.stages()) add_stage(stage, audit.stages[index]);
  }
  for (const StageAudit& stage : audit.stages) check_balance(stage, audit);
  check_edges(plan, audit);
  return audit;
}

}  // namespace datagen::launcher
