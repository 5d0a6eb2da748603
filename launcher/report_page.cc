#include "launcher/report_page.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "launcher/progress_text.h"
#include "launcher/report_picture.h"
#include "launcher/report_style.h"
#include "launcher/text_table.h"
#include "launcher/values.h"

namespace datagen::launcher {

namespace {

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string duration_of(double seconds) {
  return show_duration(std::chrono::milliseconds(static_cast<long long>(seconds * 1000)));
}

// A table of a head and rows of cells; the cells are HTML by then.
using Rows = std::vector<std::vector<std::string>>;
// `names`: so many columns at the left are text.
std::string table(const std::vector<std::string>& head, const Rows& rows, int names = 1) {
  std::string text = fmt::format("<div class=\"wide\"><table class=\"names{}\"><tr>", names);
  for (const std::string& cell : head) text += "<th>" + cell + "</th>";
  text += "</tr>\n";
  for (const auto& row : rows) {
    text += "<tr>";
    for (const std::string& cell : row) text += "<td>" + cell + "</td>";
    text += "</tr>\n";
  }
  return text + "</table></div>\n";
}

std::string heading(const std::string& words) { return "<h2>" + words + "</h2>\n"; }

std::uint64_t restarts_of(const ReportData& data) {
  std::uint64_t count = 0;
  for (const StageResources& used : data.history.resources()) count += used.restarts;
  return count;
}

std::string tile(const std::string& name, const std::string& value) {
  return "<div><b>" + value + "</b>" + name + "</div>";
}

std::string summary(const ReportData& data) {
  const bool is_good = data.outcome == "complete" || data.outcome == "running";
  std::string text = fmt::format("<h1>{}</h1>\n<p><b class=\"{}\">{}</b>{}</p>\n",
                                 escape_html(data.runtime.plan.pipeline), is_good ? "good" : "bad",
                                 data.outcome, data.message.empty() ? "" : ": " + escape_html(data.message));
  text += fmt::format("<p class=\"soft\">run {}, id {}, start {} of the graph</p>\n",
                      escape_html(data.directory), data.runtime.run_id, data.runtime.generation);
  text += "<div class=\"tiles\">" + tile("running time", duration_of(data.history.seconds())) +
          tile("read", show_count(data.audit.read())) +
          tile("written", show_count(data.audit.output_records)) +
          tile("filtered", show_count(data.audit.dropped())) + tile("dead", show_count(data.audit.dead())) +
          tile("restarts", show_count(restarts_of(data))) +
          tile("output", show_bytes(data.audit.output_bytes)) + "</div>\n";
  return text + fmt::format("<p class=\"limit-words\">Bottleneck: {}.</p>\n",
                            escape_html(data.history.bottleneck(data.runtime.plan).words));
}

std::string graph(const ReportData& data) {
  return heading("Graph") + "<div class=\"wide\">" + graph_picture(data.runtime.plan, data.history) +
         "</div>\n<p class=\"soft\">On an edge: records per second into the stage behind it, how full the "
         "ring was on average; how much of their time the "
         "workers before it waited for room | those behind it for input.</p>\n";
}

std::string throughput(const ReportData& data) {
  std::string charts;
  for (std::size_t stage = 0; stage < data.runtime.plan.stages.size(); ++stage) {
    const std::string picture = throughput_picture(data.history, stage);
    if (!picture.empty())
      charts += "<div><h3>" + escape_html(data.runtime.plan.stages[stage].id) + "</h3>" + picture + "</div>";
  }
  if (charts.empty()) return {};
  return heading("Records per second over the running time") + "<div class=\"charts\">" + charts + "</div>\n";
}

std::string words_of(const Rebuilt& change) {
  return fmt::format("stage '{}' was built anew: from frame {} on its records are made by another {}",
                     change.stage, show_count(change.frame), change.path);
}

std::string stages(const ReportData& data) {
  const Plan& plan = data.runtime.plan;
  const auto loads = data.history.loads(plan);
  const auto resources = data.history.resources();
  Rows rows;
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    const StageAudit& audit = data.audit.stages[stage];
    rows.push_back({escape_html(audit.id), std::to_string(plan.stages[stage].workers()), show_count(audit.in),
                    show_count(audit.out), show_count(audit.dropped), show_count(audit.dead),
                    show_rate(loads[stage].records_per_second), show_byte_rate(loads[stage].bytes_per_second),
                    percent(loads[stage].busy), percent(loads[stage].waits_for_input),
                    percent(loads[stage].waits_for_room), duration_of(resources[stage].cpu_seconds),
                    show_bytes(resources[stage].peak_bytes), show_count(resources[stage].restarts)});
  }
  std::string rebuilt;
  for (const Rebuilt& change : data.runtime.rebuilt)
    rebuilt += "<p>" + escape_html(words_of(change)) + "</p>\n";
  return heading("Stages") +
         table({"stage", "workers", "in", "out", "filtered", "dead", "records", "bytes", "busy",
                "waits for input", "for room", "CPU time", "peak memory", "restarts"},
               rows) +
         rebuilt;
}

std::string audit(const ReportData& data) {
  std::string text = heading("Books");
  if (data.audit.mismatches.empty()) {
    text += "<p class=\"good\">They balance: each stage passed on, filtered or gave up all that it took in" +
            std::string(data.audit.sealed ? "." : ", up to the last commit.") + "</p>\n";
  }
  for (const std::string& mismatch : data.audit.mismatches)
    text += "<p class=\"bad\">" + escape_html(mismatch) + "</p>\n";
  return text;
}

// One table for what stages count by name: reasons, counters, models.
std::string named_counts(const ReportData& data) {
  Rows reasons, counters, models;
  for (const StageAudit& stage : data.audit.stages) {
    for (const auto& [reason, count] : stage.drop_reasons)
      reasons.push_back({escape_html(stage.id), escape_html(reason), show_count(count)});
    for (const auto& [name, amount] : stage.counters)
      counters.push_back({escape_html(stage.id), escape_html(name), std::to_string(amount)});
    for (const auto& [key, usage] : stage.usage)
      models.push_back({escape_html(stage.id), escape_html(key.model), escape_html(key.endpoint),
                        name_of(key.kind), show_count(usage.calls), show_count(usage.prompt_tokens),
                        show_count(usage.completion_tokens), show_cost(usage.cost())});
  }
  std::string text;
  if (!reasons.empty())
    text += heading("Filtered, by reason") + table({"stage", "reason", "records"}, reasons, 2);
  if (!models.empty())
    text += heading("Model calls") + table({"stage", "model", "endpoint", "kind", "calls", "prompt tokens",
                                            "completion tokens", "cost"},
                                           models, 4);
  if (!counters.empty()) text += heading("Counters") + table({"stage", "counter", "amount"}, counters, 2);
  return text;
}

std::string dead_letters(const ReportData& data) {
  if (data.dead_letters.empty()) return {};
  std::string text = heading("Dead letters");
  if (!data.all_letters_read) text += "<p class=\"soft\">Of the first ones; all: datagen dead-letters.</p>\n";
  for (const DeadLetterGroup& group : data.dead_letters) {
    text += fmt::format("<p><b>{}</b> in stage <b>{}</b>: {}</p>\n", escape_html(group.reason),
                        escape_html(group.stage), show_count(group.count));
    for (const DeadLetterGroup::Sample& sample : group.samples) {
      text += fmt::format("<p class=\"soft\">record {} ({}): {}</p>\n<pre>{}</pre>\n", escape_html(sample.id),
                          escape_html(sample.place), escape_html(sample.message), escape_html(sample.record));
    }
  }
  return text;
}

std::string files(const ReportData& data) {
  const Plan& plan = data.runtime.plan;
  std::string text = heading("Inputs and outputs") + "<p>";
  constexpr std::size_t kShownMax = 20;
  for (std::size_t index = 0; index < std::min(kShownMax, plan.inputs.size()); ++index)
    text += fmt::format("read <code>{}</code> ({})<br>", escape_html(plan.inputs[index].uri),
                        show_bytes(plan.inputs[index].bytes));
  if (plan.inputs.size() > kShownMax) text += fmt::format("and {} more<br>", plan.inputs.size() - kShownMax);
  for (const std::string& output : plan.outputs) text += "wrote <code>" + escape_html(output) + "</code><br>";
  return text + "</p>\n";
}

}  // namespace

std::string report_page(const ReportData& data) {
  return fmt::format(
             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" "
             "content=\"width=device-width, "
             "initial-scale=1\">\n<title>{}</title>\n<style>{}</style></head>\n<body>\n",
             escape_html(data.runtime.plan.pipeline), kReportStyle) +
         summary(data) + graph(data) + throughput(data) + stages(data) + audit(data) + named_counts(data) +
         dead_letters(data) + files(data) + "</body></html>\n";
}

std::string report_text(const ReportData& data) {
  const Plan& plan = data.runtime.plan;
  std::string text = fmt::format(
      "{} {}{} after {}: read {}, wrote {}, filtered {}, dead {}, restarts {}\n", plan.pipeline, data.outcome,
      data.message.empty() ? "" : " (" + data.message + ")", duration_of(data.history.seconds()),
      show_count(data.audit.read()), show_count(data.audit.output_records), show_count(data.audit.dropped()),
      show_count(data.audit.dead()), show_count(restarts_of(data)));
  text += "bottleneck: " + data.history.bottleneck(plan).words + "\n\n";
  const auto loads = data.history.loads(plan);
  const auto resources = data.history.resources();
  TextTable stage_table({"stage", "workers", "in", "out", "filtered", "dead", "records", "busy",
                         "waits for input", "for room", "CPU time", "peak memory", "restarts"});
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    const StageAudit& counts = data.audit.stages[stage];
    stage_table.add({counts.id, std::to_string(plan.stages[stage].workers()), show_count(counts.in),
                     show_count(counts.out), show_count(counts.dropped), show_count(counts.dead),
                     show_rate(loads[stage].records_per_second), percent(loads[stage].busy),
                     percent(loads[stage].waits_for_input), percent(loads[stage].waits_for_room),
                     duration_of(resources[stage].cpu_seconds), show_bytes(resources[stage].peak_bytes),
                     show_count(resources[stage].restarts)});
  }
  text += stage_table.text();
  for (const Rebuilt& change : data.runtime.rebuilt) text += words_of(change) + "\n";
  for (const StageAudit& stage : data.audit.stages) {
    for (const auto& [reason, count] : stage.drop_reasons)
      text += fmt::format("filtered by {}: {} {}\n", stage.id, reason, show_count(count));
    for (const auto& [name, amount] : stage.counters)
      text += fmt::format("counted by {}: {} {}\n", stage.id, name, amount);
    for (const auto& [key, usage] : stage.usage)
      text += fmt::format("{} called {}{} {} times ({}): {} prompt tokens, {} completion tokens, cost {}\n",
                          stage.id, key.model, key.endpoint.empty() ? "" : " at " + key.endpoint,
                          show_count(usage.calls), name_of(key.kind), show_count(usage.prompt_tokens),
                          show_count(usage.completion_tokens), show_cost(usage.cost()));
  }
  for (const DeadLetterGroup& group : data.dead_letters)
    text += fmt::format("dead in {}: {} {}\n", group.stage, group.reason, show_count(group.count));
  for (const std::string& mismatch : data.audit.mismatches)
    text += "the books do not balance: " + mismatch + "\n";
  return text;
}

}  // namespace datagen::launcher
