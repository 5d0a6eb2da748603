#include "launcher/report.h"

#include <fmt/format.h>

#include <csignal>
#include <vector>

#include "launcher/json_text.h"
#include "launcher/progress_text.h"
#include "launcher/run_folder.h"
#include "launcher/usage_text.h"

namespace datagen::launcher {

namespace {

constexpr std::uint64_t kRecordsJudgedMin = 1000;

bool has_too_many_dead(const Audit& audit, const Plan& plan) {
  if (!plan.max_dead_letters.is_exceeded(audit.dead(), audit.read())) return false;
  // A count is a count from the first record on; a share means something only over many, or over all.
  return plan.max_dead_letters.count.has_value() || audit.sealed || audit.read() >= kRecordsJudgedMin;
}

std::string share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0
             ? ""
             : fmt::format(" ({:.2g} %)", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string counts_line(const Audit& audit) {
  std::string line =
      fmt::format("read {}, wrote {}", show_count(audit.read()), show_count(audit.output_records));
  if (audit.dropped() > 0) line += fmt::format(", filtered {}", show_count(audit.dropped()));
  line += fmt::format(", dead {}{}", show_count(audit.dead()),
                      audit.dead() > 0 ? share_of(audit.dead(), audit.read()) : "");
  return line;
}

std::string outputs_of(const Plan& plan) {
  std::string text;
  for (const std::string& path : plan.outputs) text += (text.empty() ? "" : ", ") + show_path(path);
  return text;
}

std::string stopped_why(const RunEnd& end, const Plan& plan) {
  const Verdict& verdict = end.verdict;
  if (verdict.kind == Verdict::Kind::failed && verdict.stage.empty()) return verdict.message;
  if (verdict.kind == Verdict::Kind::failed)
    return fmt::format("stage '{}': {}", verdict.stage, verdict.message);
  if (verdict.signal == SIGINT) return "interrupted";
  if (verdict.signal == SIGTERM || verdict.signal == SIGHUP) return "asked to end";
  if (!verdict.message.empty()) return verdict.message;
  return fmt::format("{} of {} records were dead-lettered, more than max_dead_letters allows ({})",
                     show_count(end.audit.dead()), show_count(end.audit.read()),
                     plan.max_dead_letters.show());
}

// Where to look, and what to type next.
std::string failure_lines(const RunEnd& end, const RunDirectory& directory) {
  std::string text;
  const bool has_failed = end.verdict.kind == Verdict::Kind::failed && !end.verdict.stage.empty();
  const std::string log = show_path(directory.log_path(end.verdict.stage, end.verdict.worker));
  if (has_failed && end.stopped_by)
    text += fmt::format("  record {} ({} line {}), log {}\n", end.stopped_by->id,
                        show_path(end.stopped_by->uri), end.stopped_by->source_line, log);
  else if (has_failed)
    text += fmt::format("  log {}\n", log);
  const std::string run = directory.name();
  std::string commands;
  if (has_failed && end.stopped_by)
    commands += fmt::format("look: datagen repro {} {} --gdb     ", run, end.stopped_by->id);
  if (!end.audit.sealed) commands += fmt::format("go on: datagen resume {}", run);
  return commands.empty() ? text : text + "  " + commands + "\n";
}

template <class Map, class Show>
std::string map_json(const Map& map, Show show) {
  std::string text;
  for (const auto& [name, value] : map)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", json_string(name), show(value));
  return "{" + text + "}";
}

std::string stage_json(const StageAudit& stage) {
  std::string text = fmt::format(
      "    {{\"id\": {}, \"in\": {}, \"out\": {}, \"dropped\": {}, \"dead\": {}, \"parents\": {}, "
      "\"children\": {}, \"joined\": {}",
      json_string(stage.id), stage.in, stage.out, stage.dropped, stage.dead, stage.parents, stage.children,
      stage.joined);
  const auto count = [](auto value) { return std::to_string(value); };
  if (!stage.drop_reasons.empty()) text += ", \"drop_reasons\": " + map_json(stage.drop_reasons, count);
  if (!stage.counters.empty()) text += ", \"counters\": " + map_json(stage.counters, count);
  if (!stage.usage.empty()) {
    text += ", \"usage\": " + map_json(paid_by_model(stage.usage),
                                       [&](const Usage& usage) { return "{" + amounts_json(usage) + "}"; });
    text += ", \"calls\": " + calls_json(stage.usage);
  }
  return text;
}

// What it cost, over the running time of the whole run.
std::string effort_json(const StageLoad& load, const StageResources& used) {
  return fmt::format(
      ", \"records_per_s\": {:.1f}, \"bytes_per_s\": {:.0f}, \"busy\": {:.3f}, \"waits_for_input\": {:.3f}, "
      "\"waits_for_room\": {:.3f}, \"cpu_s\": {:.2f}, \"peak_bytes\": {}, \"restarts\": {}",
      load.records_per_second, load.bytes_per_second, load.busy, load.waits_for_input, load.waits_for_room,
      used.cpu_seconds, used.peak_bytes, used.restarts);
}

}  // namespace

int exit_code_of(const RunEnd& end, const Plan& plan) {
  switch (end.verdict.kind) {
    case Verdict::Kind::failed:
      return kStoppedByFailure;
    case Verdict::Kind::stopped:
      if (end.verdict.signal == SIGTERM || end.verdict.signal == SIGHUP) return kTerminated;
      return end.verdict.signal != 0 ? kInterrupted : kStoppedByLimit;
    case Verdict::Kind::complete:
      break;
  }
  if (!end.audit.mismatches.empty() || !end.audit.sealed) return kAuditMismatch;
  return has_too_many_dead(end.audit, plan) ? kStoppedByLimit : kComplete;
}

std::string closing_lines(const RunEnd& end, const RunDirectory& directory, const Plan& plan,
                          const std::string& report_path) {
  const std::string report = report_path.empty() ? "" : show_path(report_path);
  const int code = exit_code_of(end, plan);
  const std::string run = directory.name();
  std::string text;
  if (code == kComplete) {
    text = fmt::format("{} complete in {}: {}\n", plan.pipeline, show_duration(end.time),
                       counts_line(end.audit));
    text += fmt::format("  output {}{}{}\n", outputs_of(plan), report.empty() ? "" : "     report ", report);
  } else if (code == kAuditMismatch) {
    text = fmt::format("{} ended in {}, but its books do not balance (exit 4): {}\n", plan.pipeline,
                       show_duration(end.time), counts_line(end.audit));
    for (const std::string& mismatch : end.audit.mismatches) text += "  " + mismatch + "\n";
    text +=
        fmt::format("  do not trust {}{}{}\n", outputs_of(plan), report.empty() ? "" : "; report ", report);
  } else {
    text = fmt::format("{} stopped (exit {}{}): {}\n", plan.pipeline, code,
                       end.audit.sealed ? "" : ", resumable", stopped_why(end, plan));
    text += failure_lines(end, directory);
  }
  if (end.audit.dead() > 0) text += fmt::format("  dead letters: datagen dead-letters {}\n", run);
  if (end.restarts > 0)
    text += fmt::format("  restarts {} (logs in {}/logs)\n", end.restarts, directory.path());
  return text;
}

std::string_view outcome_of(const RunEnd& end) {
  constexpr std::string_view kKinds[] = {"complete", "failed", "stopped"};
  return kKinds[static_cast<int>(end.verdict.kind)];
}

std::string report_json(const RunEnd& end, const RuntimeFile& runtime, const History& history,
                        std::string_view outcome, std::optional<int> exit_code) {
  const Audit& audit = end.audit;
  std::string text = fmt::format(
      "{{\n  \"version\": 1,\n  \"pipeline\": {},\n  \"run_id\": \"{}\",\n  \"outcome\": \"{}\",\n  "
      "\"exit_code\": {},\n",
      json_string(runtime.plan.pipeline), runtime.run_id, outcome,
      exit_code ? std::to_string(*exit_code) : "null");
  const bool has_failed = exit_code && *exit_code != kComplete && *exit_code != kAuditMismatch;
  if (has_failed) text += fmt::format("  \"message\": {},\n", json_string(stopped_why(end, runtime.plan)));
  text += fmt::format(
      "  \"generation\": {},\n  \"seconds\": {},\n  \"restarts\": {},\n  \"epochs\": {},\n  \"sealed\": "
      "{},\n",
      runtime.generation, static_cast<double>(end.time.count()) / 1000, end.restarts, end.epochs,
      audit.sealed);
  text +=
      fmt::format("  \"read\": {}, \"written\": {}, \"output_bytes\": {}, \"dropped\": {}, \"dead\": {},\n",
                  audit.read(), audit.output_records, audit.output_bytes, audit.dropped(), audit.dead());
  const Bottleneck limit = history.bottleneck(runtime.plan);
  text += fmt::format("  \"bottleneck\": {{\"stage\": {}, \"words\": {}}},\n",
                      limit.stage ? json_string(runtime.plan.stages[*limit.stage].id) : "null",
                      json_string(limit.words));
  std::string stages;
  const std::vector<StageLoad> loads = history.loads(runtime.plan);
  const std::vector<StageResources> resources = history.resources();
  for (std::size_t index = 0; index < audit.stages.size(); ++index) {
    stages += (stages.empty() ? "" : ",\n") + stage_json(audit.stages[index]) +
              effort_json(loads[index], resources[index]) + "}";
  }
  std::string rebuilt;
  for (const Rebuilt& change : runtime.rebuilt)
    rebuilt +=
        fmt::format("{}{{\"stage\": {}, \"executable\": {}, \"frame\": {}}}", rebuilt.empty() ? "" : ", ",
                    json_string(change.stage), json_string(change.path), change.frame);
  text += "  \"rebuilt\": [" + rebuilt + "],\n";
  text += "  \"stages\": [\n" + stages + "\n  ],\n  \"audit\": [";
  for (const std::string& mismatch : audit.mismatches)
    text += (&mismatch == &audit.mismatches.front() ? "" : ", ") + json_string(mismatch);
  return text + "]\n}\n";
}

}  // namespace datagen::launcher
